"""Nothing that comes and goes with miners needs Python's search for garbage, which hardly runs."""

import asyncio
import gc
import weakref
from collections import Counter
from pathlib import Path

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.app import garbage
from tests.adapters.simulated.raw import RawClient
from tests.faults.inside import Loop, both_loops, on, program_of
from tests.system.mine import POOL
from tests.system.pumpjack import PATIENCE
from tests.system.site import site, tenant, upstream

VISITS = 40


class Ring:
    """Something that a search can be seen to free."""

    def __init__(self) -> None:
        self.itself = self


async def visit(port: int, number: int) -> None:
    """Come, say something of this or that kind, and go."""
    async with RawClient(port) as client:
        match number % 5:
            case 0:
                await client.shake_hands("acme.raw", "00000000")
                await client.ask("mining.submit", "acme.raw", "beef", "00", "0" * 8, "0" * 8)
            case 1:
                client.write(b'GET / HTTP/1.1\n{"id":1e400}\n[[[[[[[[[\n')
                await client.line()
            case 2:
                client.write(b"x" * 50_000)
            case 3:
                await client.ask("mining.ping")
            case _:
                pass


async def churn(folder: Path) -> None:
    async with SimulatedPool(POOL) as pool, program_of(folder, site(tenant(upstream(pool)))) as program:
        port = program.bound[0].port
        for number in range(5):
            await visit(port, number)
        gc.collect()
        gc.disable()
        try:
            for number in range(VISITS):
                await visit(port, number)
            async with asyncio.timeout(PATIENCE):
                while program.relay.sessions:  # noqa: ASYNC110 - it leaves them in this loop
                    await asyncio.sleep(0.01)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            ours = Counter(type(thing).__qualname__ for thing in gc.garbage if is_ours(thing))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert not ours


def is_ours(thing: object) -> bool:
    return type(thing).__module__.startswith("proxy.") and "simulated" not in type(thing).__module__


@both_loops
def test_who_has_left_leaves_nothing_to_search_for(loop: Loop, tmp_path: Path) -> None:
    on(loop, churn(tmp_path))


def test_only_the_youngest_are_searched_while_it_lasts_and_all_as_before_after_it() -> None:
    before, thresholds = gc.get_freeze_count(), gc.get_threshold()
    with garbage.brief_searches():
        assert gc.get_threshold() == (thresholds[0], garbage.NEVER, garbage.NEVER)
        assert gc.get_freeze_count() > before
    assert gc.get_threshold() == thresholds
    assert gc.get_freeze_count() == 0


def test_a_glance_searches_the_youngest_and_leaves_few_to_the_next_one() -> None:
    with garbage.brief_searches():
        watch = weakref.ref(Ring())
        garbage.glance()
        assert len(gc.get_objects(0)) < 50
        assert watch() is None


def test_what_many_have_survived_is_set_aside_unsearched() -> None:
    with garbage.brief_searches():
        kept = [[number] for number in range(garbage.QUICK + 1)]
        ring = Ring()
        watch = weakref.ref(ring)
        gc.collect(0)
        del ring
        garbage.look()
        assert watch() is not None, "a search of so many takes too long"
        assert gc.get_objects(1) == []
        assert kept


def test_a_look_frees_what_little_has_survived() -> None:
    with garbage.brief_searches():
        ring: list[object] = []
        ring.append(ring)
        gc.collect(0)
        found = len(gc.get_objects(1))
        del ring
        garbage.look()
        assert found
        assert gc.get_objects(1) == []
