"""Exceptions, one class per reaction of whoever catches it.

Expected outcomes (a rejected share, an unknown method) are values; an exception means "leave".
"""


class PumpjackError(Exception):
    """Anything that Pumpjack itself raises on purpose."""


class ConfigError(PumpjackError):
    """The configuration cannot be used: edit the file. Carries every mistake at once."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class ProtocolViolation(PumpjackError):
    """A peer sent what the protocol does not allow: disconnect it."""


class UpstreamLost(PumpjackError):
    """An upstream connection is of no more use: fail over."""


class LedgerDamaged(PumpjackError):
    """Something in the ledger is not what was written: name it, keep the rest, let an operator decide."""


class LedgerUnusable(PumpjackError):
    """The ledger cannot be opened: another program has it, or another version wrote it."""


class SourceSilent(PumpjackError):
    """Who should know the available power told nothing to be believed: keep the last until it is stale."""


class SourceDoubted(SourceSilent):
    """It told something, and that is no answer. Counts as silence, but no waiting heals it: tell people."""


class OrderRefused(PumpjackError):
    """An operator's order cannot be carried out: tell them why."""
