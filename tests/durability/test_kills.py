"""SIGKILL at any moment under load: no share is lost that was acknowledged, and none credited twice."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.durability.program import Plant, plant


async def kill_loop(site: Plant, kills: int, seed: int = 0, module: str = "proxy") -> None:
    """Start the program, let it work, kill it; so many times."""
    chance = random.Random(seed)
    for _ in range(kills):
        pumpjack = await site.start(module=module)
        lost = site.miners.lost
        await site.miners.more(chance.randint(1, 60))
        if chance.random() < 0.3:
            site.pool.new_job()
        # Answers come just behind a commit: the moment must not be one of those.
        await asyncio.sleep(chance.uniform(0, 0.04))
        await pumpjack.kill()
        assert not pumpjack.strange
        await site.miners.until(lambda lost=lost: site.miners.lost > lost)  # type: ignore[misc]


@pytest.mark.timeout(180)
async def test_no_kill_loses_or_doubles_a_share(tmp_path: Path) -> None:
    async with plant(tmp_path) as site:
        await kill_loop(site, 10)
        assert len(site.miners.book.accepted) > 100
        assert not site.problems()


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("quarter", range(4))
async def test_two_hundred_kills_do_not(tmp_path: Path, quarter: int) -> None:
    async with plant(tmp_path) as site:
        for seed in range(5 * quarter, 5 * quarter + 5):
            await kill_loop(site, 10, seed)
            assert not site.problems()


async def test_an_answer_before_the_commit_is_seen(tmp_path: Path) -> None:
    """The observer finds what it is there for."""
    async with plant(tmp_path) as site:
        # Each kill has a good chance to come between an answer and its commit; none is certain to.
        for seed in range(10):
            await kill_loop(site, 2, seed, module="tests.durability.hasty")
            if any(problem.startswith("lost:") for problem in site.problems()):
                return
        pytest.fail("twenty kills of a program that answers too early, and nothing was missed")
