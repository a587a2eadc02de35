"""The configuration: TOML and environment in, frozen settings out; or every mistake at once.

``settings`` and ``limits`` say what can be set; everything else is made from them.
"""

from proxy.config.limits import StratumLimits, StratumTimers
from proxy.config.load import from_pool_options, load, settings_from
from proxy.config.reload import ReloadDifferences, reload_differences
from proxy.config.routing import Door, doors
from proxy.config.settings import Ledger, Settings, Site, Stratum, Tenant, Upstream
from proxy.config.upstream_limits import UpstreamLimits
from proxy.config.values import Endpoint

__all__ = [
    "Door",
    "Endpoint",
    "Ledger",
    "ReloadDifferences",
    "Settings",
    "Site",
    "Stratum",
    "StratumLimits",
    "StratumTimers",
    "Tenant",
    "Upstream",
    "UpstreamLimits",
    "doors",
    "from_pool_options",
    "load",
    "reload_differences",
    "settings_from",
]
