import asyncio

import pytest

from proxy.adapters.simulated.changes import Changes
from proxy.units import Seconds


async def test_a_wait_ends_with_the_change_that_fulfils_it() -> None:
    seen: list[int] = []
    changes = Changes("test", lambda: seen)
    waiting = asyncio.create_task(changes.wait_for(lambda: len(seen) == 2, 10))
    await asyncio.sleep(0)
    seen.append(1)
    changes.happened()
    assert not waiting.done()
    seen.append(2)
    changes.happened()
    await waiting


async def test_a_wait_that_fails_tells_the_state() -> None:
    changes = Changes("pool", lambda: {"accepted": 3})
    with pytest.raises(TimeoutError, match=r"pool: not within 0\.01 s; now \{'accepted': 3\}"):
        await changes.wait_for(lambda: False, 0.01)


async def test_a_condition_that_raises_is_heard_by_its_waiter_only() -> None:
    changes = Changes("test", lambda: "")
    state: dict[str, int] = {"calls": 0}

    def condition() -> bool:
        state["calls"] += 1
        if state["calls"] > 1:
            raise ZeroDivisionError
        return False

    waiting = asyncio.create_task(changes.wait_for(condition, 10))
    await asyncio.sleep(0)
    changes.happened()
    with pytest.raises(ZeroDivisionError):
        await waiting


async def test_a_pause_bundles_the_looks() -> None:
    looks: list[int] = []

    def looked() -> bool:
        looks.append(1)
        return len(looks) >= 2

    changes = Changes("test", lambda: "", Seconds(0.01))
    waiting = asyncio.create_task(changes.wait_for(looked, 10))
    await asyncio.sleep(0)
    for _ in range(100):
        changes.happened()
    await waiting
    assert len(looks) == 2
