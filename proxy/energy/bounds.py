"""How far each miner may be moved now: what its actuators reach, how long it has been as it is, lock-outs."""

from dataclasses import dataclass

import numpy as np

from proxy.energy.arrays import Bools, Floats


@dataclass(frozen=True, slots=True)
class Dwell:
    """How long a miner is left as it is for money's sake: hardware dies of heating and cooling."""

    min_on_s: float
    min_off_s: float
    cycles_day: float

    def may_stop(self, changed_s: Floats, cycles: Floats) -> Bools:
        """Return who may be put to sleep without need [N].

        Args:
            changed_s: Since each woke.
            cycles: Its sleeps of the last day.

        """
        return (changed_s >= self.min_on_s) & (cycles < self.cycles_day)

    def may_wake(self, changed_s: Floats, lent: Bools) -> Bools:
        """Return who may be woken, from seconds asleep; who was ``lent`` to a shortage may at once [N]."""
        return lent | (changed_s >= self.min_off_s)


@dataclass(frozen=True, slots=True)
class Standing:
    """What miners were told, what they are, and what reaches them: [N] each, watts nominal."""

    told_w: Floats
    runs: Bools
    sleeps: Bools
    """Who neither runs nor sleeps waits for work."""
    here: Bools
    """Whether it has a session."""
    changed_s: Floats
    """Since it last fell asleep or was woken."""
    cycles: Floats
    lent: Bools
    """Asleep for protection alone."""
    left_out: Bools
    """Given up: stays as it is."""
    locked: Bools
    """Behind a circuit that is locked out."""
    floor_w: Floats
    ceiling_w: Floats
    sleep_w: Floats
    idle_w: Floats
    can_limit: Bools
    can_sleep: Bools
    can_idle: Bools
    """Whether it can be kept from work, and draws less then."""


def bounds(miners: Standing, dwell: Dwell, *, shedding: bool, limits: bool = False) -> tuple[Floats, Floats]:
    """Return the least and the most nominal watts that each miner may be told now [N].

    While ``shedding`` nobody is raised, and dwell binds nobody; with ``limits`` whoever has a limit is not
    stopped. Who is left out or gone stays where it was told, and who is locked out goes down.
    """
    told = miners.told_w
    may_stop = miners.runs & (miners.can_sleep | miners.can_idle)
    if limits:
        may_stop = may_stop & ~miners.can_limit
    if not shedding:
        may_stop = may_stop & dwell.may_stop(miners.changed_s, miners.cycles)
    stop_w = np.where(miners.can_sleep, miners.sleep_w, miners.idle_w)
    floor = np.where(miners.can_limit, np.minimum(miners.floor_w, told), told)
    lower = np.where(may_stop, np.minimum(stop_w, told), np.where(miners.runs, floor, told))
    waits = ~(miners.runs | miners.sleeps)
    fixed = miners.left_out | (waits & ~miners.here)
    rises = (miners.runs & miners.can_limit) | (waits & miners.here)
    rises |= miners.sleeps & dwell.may_wake(miners.changed_s, miners.lent)
    upper = np.where(rises, miners.ceiling_w, told)
    if shedding:
        upper = np.minimum(upper, told)
    lower = np.where(fixed, told, lower)
    upper = np.where(fixed, told, np.maximum(upper, lower))
    down = miners.locked & ~fixed
    upper = np.where(down, np.minimum(lower, stop_w), upper)
    return np.where(down, upper, lower), upper


def able_w(miners: Standing, upper_w: Floats) -> Floats:
    """Return the most nominal watts that each miner could draw if we let it [N].

    Who sleeps does so by our order and stays so by our dwell, unless it is gone: it could draw its ceiling.
    All others could what they may be told now. A lock-out is for work at the circuit: nothing could be drawn.

    Args:
        miners: As they stand.
        upper_w: The most that each may be told now, by ``bounds`` [N].

    """
    rests = miners.sleeps & ~miners.left_out & ~miners.locked
    return np.where(rests, np.where(miners.here, miners.ceiling_w, miners.told_w), upper_w)
