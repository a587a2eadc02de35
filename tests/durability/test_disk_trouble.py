"""The whole program on a disk that is full, fails to flush, takes half of what it is given; power cuts."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.opening import opened
from proxy.adapters.stores.ledger.writer import RESERVE
from tests.durability.audit import credited, gaps, rows
from tests.durability.crash_states import Kind, Names, read_log, states
from tests.durability.disk import Disk
from tests.durability.program import Plant, disagreements, plant
from tests.system.pumpjack import LOOK, PATIENCE, Pumpjack, State
from tests.system.test_commands import done


class Trouble:
    """A site whose program runs on a disk that we own."""

    def __init__(self, site: Plant, disk: Disk) -> None:
        self.site, self.disk = site, disk

    async def start(self, *, recorded: bool = False, module: str = "proxy") -> Pumpjack:
        """Start the program; return it when shares are credited."""
        pumpjack = await self.site.start(self.disk.environment(recorded=recorded), module)
        await self.site.miners.more(20)
        return pumpjack

    def used(self) -> int:
        """Return the bytes that the program has written: with this budget, the disk is full now."""
        files = [path for path in self.site.data_dir.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files if path.suffix != ".db-shm")

    async def flush_failed(self) -> None:
        """Wait until the flush that was to fail has done so."""
        async with asyncio.timeout(PATIENCE):
            while self.disk.has("sync_fails"):  # noqa: ASYNC110  # another process takes it away
                await asyncio.sleep(LOOK)


@pytest.fixture
async def trouble(shim: Path, tmp_path: Path) -> AsyncIterator[Trouble]:
    async with plant(tmp_path) as site:
        site.data_dir.mkdir()
        yield Trouble(site, Disk.below(site.data_dir, shim))


def is_degraded(state: State) -> bool:
    return bool(state["ledger"]["state"] == "degraded")


def is_well(state: State) -> bool:
    return bool(state["ledger"]["state"] == "ok")


def undisturbed(trouble: Trouble) -> None:
    assert trouble.site.miners.lost == 0, "miners stay connected"
    assert not trouble.site.miners.book.refused, "and are answered"


async def test_a_full_disk_is_survived_and_heals(trouble: Trouble) -> None:
    pumpjack = await trouble.start()
    trouble.disk.set("budget", 0)
    state = await pumpjack.status_when(is_degraded)
    assert "full" in state["ledger"]["cause"]
    await trouble.site.miners.more(300)
    assert (await pumpjack.status())["ledger"]["unproven_shares"] > 200
    trouble.disk.set("budget", None)
    await pumpjack.status_when(is_well)
    await trouble.site.miners.more(20)
    undisturbed(trouble)
    await pumpjack.kill()
    assert not trouble.site.problems()
    assert not gaps(rows(trouble.site.days))


async def test_work_that_ended_while_nothing_was_written_is_told_with_its_shares(trouble: Trouble) -> None:
    """A file tells what lives when it begins; what was kept in memory for it is older than that."""
    pumpjack = await trouble.start()
    trouble.disk.set("budget", 0)
    batch = (await pumpjack.status_when(is_degraded))["ledger"]["batch"]
    for _ in range(4):
        await trouble.site.miners.more(400)
        trouble.site.pool.new_block()
    # Some of it finds room, and then there is none again.
    trouble.disk.set("budget", trouble.used() + 100_000)
    await pumpjack.status_when(lambda state: state["ledger"]["batch"] > batch + 1)
    await pumpjack.status_when(lambda state: is_degraded(state) and "full" in state["ledger"]["cause"])
    for _ in range(4):
        await trouble.site.miners.more(50)
        trouble.site.pool.new_block()
    assert is_degraded(await pumpjack.status())
    trouble.disk.set("budget", None)
    await pumpjack.status_when(is_well)
    await pumpjack.kill()
    assert not trouble.site.problems()


async def test_the_reserve_is_given_back_before_anybody_notices(trouble: Trouble) -> None:
    pumpjack = await trouble.start()
    reserve = Folder.of(trouble.site.data_dir).reserve
    async with asyncio.timeout(PATIENCE):
        while not reserve.exists() or reserve.stat().st_size < RESERVE:  # noqa: ASYNC110
            await asyncio.sleep(LOOK)
    trouble.disk.set("budget", trouble.used())
    await pumpjack.logged("LedgerReserveUsed")
    await trouble.site.miners.more(100)
    assert is_well(await pumpjack.status())
    undisturbed(trouble)
    await pumpjack.kill()
    assert not trouble.site.problems()


async def test_what_a_full_disk_made_us_forget_is_named_in_the_chain(trouble: Trouble) -> None:
    pumpjack = await trouble.start(module="tests.durability.forgetful")
    trouble.disk.set("budget", 0)
    await pumpjack.status_when(is_degraded)
    await trouble.site.miners.more(300)
    trouble.disk.set("budget", None)
    entry = await pumpjack.logged("LedgerRestored")
    await trouble.site.miners.more(20)
    undisturbed(trouble)
    await pumpjack.stop()
    batches, book = rows(trouble.site.days), trouble.site.miners.book
    headers = {share.header for share in credited(batches)}
    assert headers <= book.sent.keys()
    forgotten = len(book.accepted.keys() - headers)
    assert 0 < forgotten <= gaps(batches) == entry["lost_shares"]


@pytest.mark.parametrize("nth", [1, 2, 3])
async def test_a_flush_that_fails_once_costs_a_file_and_no_share(trouble: Trouble, nth: int) -> None:
    pumpjack = await trouble.start()
    trouble.disk.set("sync_fails", nth)
    await trouble.flush_failed()
    await trouble.site.miners.more(50)
    assert is_well(await pumpjack.status())
    undisturbed(trouble)
    await pumpjack.kill()
    assert len(list(trouble.site.days.glob("*.db"))) == 2
    assert not trouble.site.problems()


async def test_a_kill_behind_a_failed_flush_does_not_credit_a_batch_twice(trouble: Trouble) -> None:
    chance = random.Random(1)
    for _ in range(4):
        pumpjack = await trouble.start()
        lost = trouble.site.miners.lost
        trouble.disk.set("sync_fails", 1)
        await trouble.flush_failed()
        await asyncio.sleep(chance.uniform(0, 0.02))
        await pumpjack.kill()
        await trouble.site.miners.until(lambda lost=lost: trouble.site.miners.lost > lost)  # type: ignore[misc]
    assert not trouble.site.problems()


async def test_a_disk_that_never_flushes_again_is_said_and_heals(trouble: Trouble) -> None:
    pumpjack = await trouble.start()
    trouble.disk.set("sync_fails", -1)
    await pumpjack.status_when(is_degraded)
    await trouble.site.miners.more(100)
    trouble.disk.set("sync_fails", None)
    await pumpjack.status_when(is_well)
    await trouble.site.miners.more(20)
    undisturbed(trouble)
    await pumpjack.kill()
    assert not trouble.site.problems()


async def test_a_disk_that_takes_half_at_a_time_is_none_the_worse(trouble: Trouble) -> None:
    trouble.disk.set("short", 3)
    pumpjack = await trouble.start()
    await trouble.site.miners.more(100)
    assert is_well(await pumpjack.status())
    undisturbed(trouble)
    await pumpjack.kill()
    assert not trouble.site.problems()


async def test_a_second_program_on_the_same_data_is_refused(trouble: Trouble) -> None:
    pumpjack = await trouble.start()
    second = await done("run", "-c", str(trouble.site.config))
    assert second.code == 1
    assert f"data directory {trouble.site.data_dir} is in use by another pumpjack" in second.err
    await trouble.site.miners.more(50)
    undisturbed(trouble)
    await pumpjack.kill()
    assert not trouble.site.problems()


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "for-a-while"])
@pytest.mark.parametrize("names", ["ext4", "posix"])
async def test_no_power_cut_of_the_program_loses_an_answered_share(
    trouble: Trouble, names: Names, lasts: bool, tmp_path: Path
) -> None:
    """With flushes that fail in between, and all that the program writes besides."""
    site, disk = trouble.site, trouble.disk
    site.miners.moment = lambda: disk.log.stat().st_size
    pumpjack = await trouble.start(recorded=True)
    if lasts:
        disk.set("sync_fails", -1)
        await pumpjack.status_when(is_degraded)
        await site.miners.more(50)
        disk.set("sync_fails", None)
        await pumpjack.status_when(is_well)
    else:
        disk.set("sync_fails", 1)
        await trouble.flush_failed()
    healed = disk.log.stat().st_size
    await site.miners.more(150)
    await pumpjack.kill()
    operations, book = read_log(disk.log), site.miners.book
    failures = [number for number, each in enumerate(operations, 1) if each.kind is Kind.FLUSH_FAILED]
    # Behind the failures is where one batch may stand in two files.
    behind = range(failures[0], min(failures[-1] + 60, len(operations)))
    # What was answered without a disk is safe only once there is one again, and the status said so.
    unproven = operations[failures[0] - 1].end if lasts else healed
    for state in [*states(operations, names, 30, 0), *states(operations, names, 30, 1, behind)]:
        data = tmp_path / "state"
        data.mkdir()
        state.write(site.data_dir, data)
        days, whence = data / "ledger" / "days", f"seed {state.seed}, byte {state.position}"
        batches = rows(days)
        shares = credited(batches)
        headers = [share.header for share in shares]
        assert len(headers) == len(set(headers)), whence
        assert set(headers) <= book.sent.keys(), whence
        answered = {
            header
            for header, moment in book.accepted.items()
            if moment <= state.position and not unproven <= moment <= state.position < healed
        }
        assert answered <= set(headers), whence
        last = opened(Folder.of(data)).last
        assert (last.seq, last.hash) == ((batches[-1].seq, batches[-1].hash) if batches else (0, bytes(32)))
        assert not disagreements(data, shares), whence
        shutil.rmtree(data)
