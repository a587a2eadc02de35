"""Refusals are told of each session now and then, and never of all sessions at once."""

from types import SimpleNamespace
from typing import Any

import msgpack

from proxy.hotpath import Reason
from proxy.relay.chronicle import COUNT_INTERVAL, Chronicle
from proxy.units import Seconds

TICK = 0.02


def refusing(key: int) -> Any:
    """Stand for a session, as far as the chronicle looks at it."""
    tally = SimpleNamespace(refused=1, rejected={Reason.STALE: 1}, rejected_difficulty=2.0)
    route = SimpleNamespace(tenant="acme")
    return SimpleNamespace(key=key, tally=tally, route=route, worker="rig", issued_work=None)


def told(chronicle: Chronicle) -> list[int]:
    """Return of whom refusals were told since the last time, in their order."""
    unpacker = msgpack.Unpacker()
    unpacker.feed(chronicle.draw()[1])
    return [note[1] for note in unpacker if len(note) > 5 and note[5] == "stale"]


def ticked(chronicle: Chronicle, since: float, seconds: float) -> list[list[int]]:
    """Return what each tick told."""
    ticks = []
    for number in range(1, round(seconds / TICK) + 1):
        chronicle.tick(Seconds(since + number * TICK))
        ticks.append(told(chronicle))
    return ticks


def test_of_each_within_the_interval_and_of_few_in_a_tick() -> None:
    chronicle = Chronicle()
    chronicle.tick(Seconds(100.0))
    sessions = [refusing(key) for key in range(2000)]
    for session in sessions:
        chronicle.refused(session, b"", Seconds(100.0))
    told(chronicle)  # samples
    ticks = ticked(chronicle, 100.0, COUNT_INTERVAL + TICK)
    assert [key for tick in ticks for key in tick] == list(range(2000))
    assert max(map(len, ticks)) <= 2000 * TICK / COUNT_INTERVAL + 1


def test_who_is_refused_on_and_on_is_told_of_once_an_interval() -> None:
    chronicle, session = Chronicle(), refusing(7)
    chronicle.tick(Seconds(100.0))
    count = 0
    for number in range(1, 3001):
        session.tally.refused = session.tally.rejected[Reason.STALE] = number
        chronicle.refused(session, b"", Seconds(100.0 + number * TICK))
        told(chronicle)
        count += len(ticked(chronicle, 100.0 + (number - 1) * TICK, TICK)[0])
    assert 5 <= count <= 3000 * TICK / COUNT_INTERVAL
