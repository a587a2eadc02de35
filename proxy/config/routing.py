"""Who is served at which address: by port first, by user name on the shared addresses."""

from dataclasses import dataclass

from proxy.config.settings import Settings
from proxy.config.values import Endpoint

EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Door:
    """An address to listen on, and whose miners come in there."""

    endpoint: Endpoint
    tenant: str | None
    """Id of the tenant that owns it alone; None: the first tenant whose user_match fits."""
    place: tuple[str | int, ...]
    """The setting that asks for it."""


def with_routing(settings: Settings) -> Settings:
    """Return ``settings`` with what was left to us about routing filled in.

    The only tenant serves everyone. The default shared address is closed if it would serve nobody, because
    every tenant has ports of its own and none has a user_match.
    """
    stratum, tenants = settings.stratum, settings.tenants
    if len(tenants) == 1 and tenants[0].user_match is None and stratum.listen:
        return settings.model_copy(update={"tenants": (tenants[0].model_copy(update={"user_match": "*"}),)})
    nobody = all((tenant.ports or tenant.listen) and tenant.user_match is None for tenant in tenants)
    if nobody and "listen" not in stratum.model_fields_set:
        return settings.model_copy(update={"stratum": stratum.model_copy(update={"listen": ()})})
    return settings


def doors(settings: Settings) -> tuple[Door, ...]:
    """Return every address to listen on, in the order of the file; the shared ones first.

    A tenant's ``ports`` are opened on every host of the plain-TCP addresses in [stratum] listen, or on
    0.0.0.0 if there is none.
    """
    shared = settings.stratum.listen
    found = [Door(endpoint, None, ("stratum", "listen")) for endpoint in shared]
    hosts = list(dict.fromkeys(endpoint.host for endpoint in shared if not endpoint.tls)) or [EVERYWHERE]
    for index, tenant in enumerate(settings.tenants):
        for port in tenant.ports:
            found += [
                Door(Endpoint(host, port, tls=False), tenant.id, ("tenant", index, "ports")) for host in hosts
            ]
        found += [Door(endpoint, tenant.id, ("tenant", index, "listen")) for endpoint in tenant.listen]
    return tuple(found)
