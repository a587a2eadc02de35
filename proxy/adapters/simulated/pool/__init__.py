"""A simulated pool: a Stratum V1 server that makes work, judges each share itself, and keeps the truth."""

from proxy.adapters.simulated.pool.personalities import PERSONALITIES, Personality, personality
from proxy.adapters.simulated.pool.server import SimulatedPool
from proxy.adapters.simulated.pool.settings import (
    Configure,
    Nonsense,
    PoolSettings,
    Refusals,
    Submits,
    SubscribeShape,
    VardiffSettings,
)
from proxy.adapters.simulated.pool.truth import AcceptedShare, Truth

__all__ = [
    "PERSONALITIES",
    "AcceptedShare",
    "Configure",
    "Nonsense",
    "Personality",
    "PoolSettings",
    "Refusals",
    "SimulatedPool",
    "Submits",
    "SubscribeShape",
    "Truth",
    "VardiffSettings",
    "personality",
]
