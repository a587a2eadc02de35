"""Why each miner that could draw more does not, and until when: for people. Reads, and decides nothing."""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from proxy.energy import charges
from proxy.energy.arrays import Bools, Floats, Ints
from proxy.governor.accounts import ASLEEP, RUNNING
from proxy.governor.tick import Tick

_ROUNDING_W = 1.0
_LITTLE = 0.02
"""Part of the budget that is not shared out among those that work already: dead-bands leave it."""


class Wait(IntEnum):
    """What holds a miner, the first of them that does."""

    NOTHING = 0
    AWAY = 1
    LOCKED = 2
    STOPPED = 3
    LEFT_OUT = 4
    DWELL = 5
    FROZEN = 6
    HEADROOM = 7
    ENGINES = 8
    ROUND = 9
    RISING = 10


@dataclass(frozen=True, slots=True)
class Waiting:
    """How the miners stood at the end of a tick [N]."""

    mode: Ints
    """``Mode`` codes: what each was told last."""
    wait: Ints
    """``Wait`` codes."""
    left_s: Floats
    """Until that ends; NaN where nobody knows."""
    sentences: dict[int, str]
    """By ``Wait`` code: with the constraint, for a person."""


def waiting(tick: Tick, next_round_s: float) -> Waiting:
    """Return what holds each miner.

    Args:
        tick: The last, when all was decided.
        next_round_s: When the next allocation is due at the latest.

    """
    body, now = tick.body, tick.now
    devices, accounts, settings = body.devices, body.accounts, body.settings
    mode, asleep = accounts.mode.copy(), accounts.mode == ASLEEP
    runs = mode == RUNNING
    slept_s = now - accounts.slept_s
    rests = asleep & ~accounts.lent & (slept_s < settings.min_off_s)
    # Who does not hash needs its floor, who does so much that it is worth commands.
    little_w = _LITTLE * tick.budget.watts if math.isfinite(tick.budget.watts) else 0.0
    need_w = np.where(runs, little_w, body.bias * np.maximum(devices.floor_w - accounts.setpoint_w, 0.0))
    t_up = np.where(runs, devices.t_up_limit_s, devices.t_wake_s)
    soon_w = need_w * charges.soon_part(t_up, settings.step_period_s)
    below = ~runs | (accounts.setpoint_w < devices.ceiling_w - _ROUNDING_W)
    everybody: Bools = np.ones(len(devices), np.bool_)
    # In the order of the codes: the first that is true is told.
    holds = {
        Wait.AWAY: ~tick.readings.connected,
        Wait.LOCKED: below & (tick.dead > 0)[devices.circuit],
        Wait.STOPPED: below & tick.readings.instructions.stopped,
        Wait.LEFT_OUT: accounts.deaf,
        Wait.DWELL: rests,
        Wait.RISING: runs & accounts.rising,
        Wait.FROZEN: below & (not tick.may_raise),
        Wait.HEADROOM: below & (need_w > tick.budget.watts - tick.proven_w),
        Wait.ENGINES: below & (soon_w > tick.room_w),
        Wait.ROUND: below,
    }
    wait = np.select([where & everybody for where in holds.values()], [int(one) for one in holds], 0)
    left = {
        Wait.LEFT_OUT: accounts.due_s - now,
        Wait.DWELL: settings.min_off_s - slept_s,
        Wait.RISING: accounts.issued_s + accounts.t95_s - now,
        Wait.ROUND: np.full(len(devices), next_round_s - now),
    }
    left_s: Floats = np.full(len(devices), math.nan)
    for one, seconds in left.items():
        mine = wait == one
        left_s[mine] = seconds[mine]
    # What should be over and is not has no time any more.
    left_s[np.isinf(left_s) | (left_s <= 0)] = math.nan
    return Waiting(mode, wait, left_s, _sentences(tick))


def _sentences(tick: Tick) -> dict[int, str]:
    proven = f"{tick.proven_w / 1000:,.1f} kW of {tick.budget.watts / 1000:,.1f} kW may be drawn already"
    return {
        Wait.AWAY: "it is not here; it waits for power when it returns",
        Wait.LOCKED: "its circuit is locked out",
        Wait.STOPPED: "emergency stop: nothing goes up until it is released",
        Wait.LEFT_OUT: "it did not do what it was told and is left out for a while",
        Wait.DWELL: "asleep for least time off",
        Wait.FROZEN: f"nothing is raised while {tick.budget.frozen or 'the pool is lost'}",
        Wait.HEADROOM: f"no power is proven free: {proven}; {tick.budget.sentence}",
        Wait.ENGINES: "the engines take their load in steps, and the last is not taken yet",
        Wait.ROUND: "power is free: the next allocation decides, and better miners, or one that needs more "
        "than is free, come first",
        Wait.RISING: "on its way up",
    }
