"""What can become of a share, as the roll-ups count it: by us, and later by the pool."""

from enum import IntEnum

from proxy.hotpath import Reason


class Outcome(IntEnum):
    """Stored as these numbers: never change one, never use one again."""

    ACCEPTED = 0
    """By us: it is credited."""
    STALE = 1
    DUPLICATE = 2
    LOW = 3
    """Its difficulty is less than assigned."""
    UNAUTHORIZED = 4
    OTHER = 5
    """Malformed, out of range, before the subscription."""
    POOL_ACCEPTED = 10
    POOL_REJECTED = 11
    POOL_UNKNOWN = 12
    """Sent, and nobody will answer."""
    UNSENT = 13
    """It met the pool's target, and the way there was lost before it could be sent."""
    POOL_STALE = 14
    POOL_DUPLICATE = 15
    POOL_LOW = 16
    """Of those that the pool refused, by its words."""

    @property
    def is_ours(self) -> bool:
        """Whether it is our verdict and not the pool's."""
        return self < Outcome.POOL_ACCEPTED


OF_REASON = {
    Reason.STALE: Outcome.STALE,
    Reason.DUPLICATE: Outcome.DUPLICATE,
    Reason.LOW_DIFFICULTY: Outcome.LOW,
    Reason.UNAUTHORIZED: Outcome.UNAUTHORIZED,
}


def of_refusal(reason: str) -> Outcome:
    """Return how a refusal of ours is counted, by the name of its ``Reason`` in lower case."""
    try:
        return OF_REASON.get(Reason[reason.upper()], Outcome.OTHER)
    except KeyError:
        return Outcome.OTHER  # of a later version


def of_settlement(outcome: str, reason: str) -> Outcome:
    """Return how a pool's answer is counted. Pools agree on codes more than on words: 21, 22, 23."""
    match outcome:
        case "accepted":
            return Outcome.POOL_ACCEPTED
        case "unknown":
            return Outcome.POOL_UNKNOWN
        case "unsent":
            return Outcome.UNSENT
        case _:
            said = reason.lower()
            if said.startswith("21 ") or "stale" in said or "job not found" in said:
                return Outcome.POOL_STALE
            if said.startswith("22 ") or "duplicate" in said:
                return Outcome.POOL_DUPLICATE
            if said.startswith("23 ") or "low diff" in said or "above target" in said:
                return Outcome.POOL_LOW
            return Outcome.POOL_REJECTED
