"""The policies that a run can be steered by, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy.simulation.policies.division import cascade, equal_percent, worst_first
from proxy.simulation.policies.followers import DoNothing, Follower
from proxy.simulation.policies.ours import Ours
from proxy.simulation.policies.panic import Panic
from proxy.simulation.policies.policy import Policy
from proxy.simulation.world import World


@dataclass(frozen=True, slots=True)
class Kind:
    """A policy that can be chosen."""

    help: str
    make: Callable[[World], Policy]
    gates: bool = False
    """Whether whoever connects gets no work until the policy releases it."""


POLICIES: Mapping[str, Kind] = MappingProxyType(
    {
        "ours": Kind("Pumpjack's governor", Ours, gates=True),
        "worst-average-first": Kind(
            "the worst by average J/TH are switched off, nobody is limited (proto-fleet, OptiFleet)",
            lambda world: Follower(world, worst_first),
        ),
        "equal-percent": Kind(
            "everybody is limited to the same part of its default power",
            lambda world: Follower(world, equal_percent),
        ),
        "strict-cascade": Kind(
            "strictly the best first, one at the border limited (Solar-Miner-Node)",
            lambda world: Follower(world, cascade),
        ),
        "do-nothing": Kind("no command is ever given", DoNothing),
        "panic": Kind(
            "holds the reserve; everything down at the first reading that shows a shortfall", Panic
        ),
    }
)
