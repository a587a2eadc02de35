"""From wanted watts to commands: which moves are worth making, which go first, and how many are made now.

Reductions that are needed wait for nothing. Raises take no more than is proven free and than the engines
accept as one step; moves that gain too little are left alone.
"""

import numpy as np

from proxy.energy.arrays import Bools, Floats, Ints

_WORTH_W = 1.0
"""Watts below which a difference is rounding."""
SWAP_PART = 0.015
"""Part of the load that changes places at a time: below what counts as a swing [A]."""
_NOBODY: Ints = np.empty(0, dtype=np.int64)


def worthwhile(
    change_w: Floats, waiting: Bools, *, least_w: Floats, worth_w: float, largest_w: float, needed: bool
) -> tuple[Ints, Ints]:
    """Return who is to go down and who up: the dead-band.

    Args:
        change_w: From what each was told to where allocation wants it [N].
        waiting: Who does not hash: it is woken for any gain, and no command lowers it [N].
        least_w: A smaller change of one miner is left alone [N].
        worth_w: So many watts must move all together. What falls only to make room for better watts must
            gain something, or equals change places for ever.
        largest_w: Of the miners: one that is larger than ``worth_w`` by itself is worth its raise.
        needed: Whether there is too little power: then all that falls, falls.

    """
    down = np.flatnonzero((change_w < -least_w) & ~waiting)
    up = np.flatnonzero((change_w > least_w) | (waiting & (change_w > _WORTH_W)))
    if needed:
        return down, up
    down_w, up_w = float(-change_w[down].sum()), float(change_w[up].sum())
    if min(down_w, up_w) < worth_w:
        down = _NOBODY
    return down, _NOBODY if up_w < min(worth_w, largest_w) else up


def sized_w(deficit_w: float, margin: float) -> float:
    """Return by how much the fleet is lowered for a deficit: larger by ``margin``, for some do not obey."""
    return (1.0 + margin) * max(0.0, deficit_w)


def fall_w(needed_w: float, told_w: float, *, coming: bool) -> float:
    """Return how much may be lowered now: what is needed, and a little that makes room for better watts.

    What gives way sleeps within seconds, what takes its place may wake for minutes: all at once would be a
    hole in the load. While replacements of the last swap are still ``coming``, or cannot come, there is no
    next one.
    """
    return needed_w if coming else SWAP_PART * told_w + needed_w


def reductions(drop_w: Floats, loss: Floats, allowed_w: float) -> Ints:
    """Return which reductions are made now: those that lose least for a watt, until ``allowed_w`` is covered.

    The last one may exceed it, or nothing larger than a swap would ever change places.

    Args:
        drop_w: What each would give up [M].
        loss: Hashes a second that it costs [M].
        allowed_w: From ``fall_w``.

    """
    if drop_w.sum() <= allowed_w:
        return np.arange(len(drop_w))
    order = np.argsort(loss / np.maximum(drop_w, _WORTH_W), kind="stable")
    before = np.cumsum(drop_w[order]) - drop_w[order]
    return order[before < allowed_w]


def permits(headroom_w: float, room_w: float) -> bool:
    """Return whether anything may be raised: by what is proven free, and by the engines; unknown is not."""
    return headroom_w > 0.0 and room_w > 0.0


def raises(
    rise_w: Floats, soon_w: Floats, gain: Floats, *, headroom_w: float, room_w: float, alone: bool
) -> Ints:
    """Return which raises are made now, the most hashes for a watt first.

    Nobody overtakes: who does not fit is waited for, or small miners would starve the large.

    Args:
        rise_w: What each would add for good [M].
        soon_w: What of that comes within a step of the engines [M].
        gain: Hashes a second that it brings [M].
        headroom_w: What is proven free; NaN is nothing.
        room_w: What engines accept as one step; NaN is nothing.
        alone: Whether nobody is on the way up: then the first may exceed the step, though never what is
            free, or a miner that is larger than a step would never start.

    """
    if not len(rise_w) or not permits(headroom_w, room_w):
        return _NOBODY
    order = np.argsort(-gain / np.maximum(rise_w, _WORTH_W), kind="stable")
    fits = (np.cumsum(rise_w[order]) <= headroom_w) & (np.cumsum(soon_w[order]) <= room_w)
    if alone and not fits[0] and rise_w[order[0]] <= headroom_w:
        fits[0] = True
    return order[fits]


def gentlest(
    watts: Floats, floor_w: Floats, can_limit: Bools, can_sleep: Bools, can_withhold: Bools
) -> tuple[Bools, Bools, Bools]:
    """Return who gets to ``watts`` by a limit, who by sleep, and who only by losing its work [M] each."""
    below = watts < floor_w - _WORTH_W
    sleep = below & can_sleep
    return can_limit & ~below, sleep, below & ~sleep & can_withhold


def harsher(
    runs: Bools, sleeps: Bools, withheld: Bools, can_sleep: Bools, can_withhold: Bools, can_cut: Bools
) -> tuple[Bools, Bools, Bools]:
    """Return who did not obey and is put to sleep next, who loses its work, and who its session [M] each.

    A miner that was told a limit sleeps; one that cannot, or was told to and did not, gets no work.
    """
    return (
        runs & can_sleep,
        ((runs & ~can_sleep) | sleeps) & can_withhold,
        withheld & can_cut,
    )
