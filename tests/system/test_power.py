"""The whole program, governed: a cap at half the load while miners are connected, and back."""

import asyncio
import json
import socket
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.adapters.simulated.miner import Fleet, FleetSettings, MinerSettings, Mode
from proxy.adapters.simulated.pool import SimulatedPool
from proxy.adapters.stores.ledger.folder import Folder
from proxy.app import demo as demo_module
from proxy.app.demo import Demo
from proxy.app.demo_configuration import DemoSettings
from proxy.app.scenarios import SCENARIOS
from proxy.ledger.records import AnyNote, SiteCurtailed, WorkGated, notes_of
from proxy.units import Difficulty, HashesPerSecond, Seconds
from tests.system.conftest import Launch
from tests.system.mine import POOL, miner
from tests.system.pumpjack import Pumpjack, State
from tests.system.site import Table, site, tenant, upstream
from tests.system.test_commands import Done, done

IDLE_S = 2.0
MINERS = 6
POWER: Table = {
    "control": "act",
    "reserve": "n-1",
    "generator": [{"name": "g1", "kw": 40.0}, {"name": "g2", "kw": 40.0}],
    "auxiliary": [{"name": "fans", "kw": 4.0}],
    "miner": [{"watts": 3000.0, "idle_watts": 100.0, "idle_after": IDLE_S, "hashrate": 100.0}],
}
STRATUM: Table = {"target_shares_per_minute": 240}
FLEET = FleetSettings(
    miners=MINERS,
    least_hashrate=HashesPerSecond(20_000.0),
    most_hashrate=HashesPerSecond(20_000.0),
    worker="m{number:02d}",
    miner=MinerSettings(mode=Mode.DRAW, idle_after=Seconds(IDLE_S)),
)


def pool_with_jobs() -> SimulatedPool:
    return SimulatedPool(replace(POOL, difficulty=Difficulty(2.0**-20), notify_interval=Seconds(0.5)))


def works(count: int, most_kw: float) -> Callable[[State], bool]:
    """Return whether so many miners have work, and no more kW are proven to be drawn."""

    def holds(state: State) -> bool:
        proven = state["power"]["proven_kw"]
        return state["working"] == count and proven is not None and proven <= most_kw

    return holds


async def power(pumpjack: Pumpjack, *words: str) -> Done:
    return await done("power", *words, "--data", str(pumpjack.data_dir))


def notes_in(data_dir: Path) -> list[AnyNote]:
    """Return every note of a ledger whose program has ended."""
    notes: list[AnyNote] = []
    folder = Folder.of(data_dir)
    for name in folder.names():
        day = sqlite3.connect(f"file:{folder.day(name)}?mode=ro", uri=True)
        try:
            for (packed,) in day.execute("SELECT notes FROM batches ORDER BY seq"):
                notes += notes_of(packed)
        finally:
            day.close()
    return notes


async def test_a_cap_at_half_the_load_takes_work_away_and_its_release_gives_it_back(launch: Launch) -> None:
    async with pool_with_jobs() as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), power=POWER, stratum=STRATUM))
        async with Fleet("127.0.0.1", pumpjack.port, FLEET, seed=3) as fleet:
            await pumpjack.status_when(works(MINERS, 18.0))
            capped = await power(pumpjack, "cap", "--kw", "9", "--for", "2h", "--reason", "well work")
            assert (capped.code, "9 kW until" in capped.out) == (0, True)
            state = await pumpjack.status_when(works(2, 9.0))
            assert state["withheld"] == MINERS - 2
            assert sum(not miner.rests for miner in fleet.miners) == 2, "by the miners' own account"
            assert all(miner.connected for miner in fleet.miners)

            shown = await power(pumpjack, "status")
            assert "well work" in shown.out
            assert f"{MINERS} here, {MINERS - 2} of them without work" in shown.out
            told = json.loads((await power(pumpjack, "plan", "--json")).out)
            assert sum(not miner["work"] for miner in told["miners"]) == MINERS - 2
            why = await power(pumpjack, "why")
            assert "[cap]" in why.out
            held = await power(pumpjack, "hold", "--reason", "wait")
            assert "wait" in held.out

            released = await power(pumpjack, "release", "--reason", "done")
            assert "none" in released.out
            await pumpjack.status_when(works(MINERS, 18.0))
            await fleet.wait_for(lambda it: all(not miner.rests for miner in it.miners), 20.0)
            await pumpjack.logged("CurtailmentEnded")
        assert all(miner.counters.reconnects == 0 for miner in fleet.miners)
        assert len(pumpjack.entries("PowerOrdered")) == 3
        await pumpjack.logged("Curtailed", bound="cap")
        await pumpjack.stop()
    notes = notes_in(pumpjack.data_dir)
    assert [note.began for note in notes if isinstance(note, SiteCurtailed)] == [True, False]
    gated = [(note.action, len(note.sessions)) for note in notes if isinstance(note, WorkGated)]
    assert ("withhold", MINERS - 2) in gated
    assert gated[-1] == ("release", MINERS - 2)


async def test_a_lockout_is_given_shown_refused_and_ended_by_its_command(launch: Launch) -> None:
    async with pool_with_jobs() as pool:
        pumpjack = await launch(site(tenant(upstream(pool)), power=POWER, stratum=STRATUM))
        async with Fleet("127.0.0.1", pumpjack.port, FLEET, seed=3):
            await pumpjack.status_when(works(MINERS, 18.0))
            unknown = await power(pumpjack, "lockout", "row-7", "--reason", "new fans")
            assert (unknown.code, unknown.err) == (1, "Error: there is no circuit 'row-7': there is site\n")
            locked = await power(pumpjack, "lockout", "site", "--reason", "new fans", "--json")
            assert json.loads(locked.out)["lockouts"]["site"]["reason"] == "new fans"
            await pumpjack.status_when(works(0, 1.0))
            await power(pumpjack, "release", "--reason", "power is back")
            for view in ("status", "why"):
                shown = (await power(pumpjack, view)).out
                assert "lockout    site, by " in shown
                assert ": new fans\n" in shown
            plan = (await power(pumpjack, "plan")).out
            assert plan.count("(locked out: site)") == MINERS
            ended = await power(pumpjack, "lockout", "site", "--off", "--reason", "done")
            assert (ended.code, ended.out) == (0, "orders     none\n")
            await pumpjack.status_when(works(MINERS, 18.0))
        await pumpjack.logged("PowerOrdered", order="lockout", circuit="site")


async def test_under_advice_a_stop_is_refused_and_other_orders_say_that_nothing_is_gated(
    launch: Launch,
) -> None:
    async with pool_with_jobs() as pool:
        content = site(tenant(upstream(pool)), power=POWER, stratum=STRATUM)
        acting = await launch(content)
        assert (await power(acting, "stop", "--reason", "fire")).err == ""
        await acting.stop()
        advice = {**POWER, "control": "advise"}
        pumpjack = await launch(site(tenant(upstream(pool)), power=advice, stratum=STRATUM))
        stopped = await power(pumpjack, "stop", "--reason", "fire", "--json")
        assert (stopped.code, "NOTHING IS STOPPED" in stopped.err) == (1, True)
        assert "cut the power by hand" in json.loads(stopped.out)["error"]
        shown = await power(pumpjack, "status")
        assert "fire (NOT IN FORCE: control = advise gates nothing)" in shown.out, "given while it acted"
        await pumpjack.logged("PowerAlarm", kind="orders")
        for words in (("cap", "--kw", "1", "--for", "1h"), ("hold",), ("release",)):
            given = await power(pumpjack, *words, "--reason", "x")
            assert (given.code, "advice only, nothing is gated" in given.err) == (0, True), words
        far = await power(pumpjack, "cap", "--kw", "1e9", "--for", "1h", "--reason", "x")
        assert (far.code, "from 0 to 1,000,000" in far.err) == (1, True)


async def test_a_cap_holds_over_a_restart(launch: Launch) -> None:
    async with pool_with_jobs() as pool:
        content = site(tenant(upstream(pool)), power=POWER, stratum=STRATUM)
        first = await launch(content)
        await power(first, "cap", "--kw", "0", "--for", "1h", "--reason", "lightning")
        await first.stop()
        second = await launch(content)
        async with Fleet("127.0.0.1", second.port, FLEET, seed=3):
            state = await second.status_when(lambda state: state["power"]["miners"]["here"] == MINERS)
            assert (state["working"], state["withheld"]) == (0, MINERS)
            assert state["power"]["budget_kw"] == 0.0


async def test_a_curtailment_known_beforehand_is_listed_kept_and_released_by_name(launch: Launch) -> None:
    hours = {"name": "contract", "from": "00:00", "until": "24:00", "kw": 20.0}
    async with pool_with_jobs() as pool:
        content = site(tenant(upstream(pool)), power={**POWER, "calendar": [hours]}, stratum=STRATUM)
        first = await launch(content)
        given = ("order", "--kw", "5", "--from", "2099-01-01T00:00:00Z", "--for", "2h", "--reason", "asked")
        far = await power(first, *given, "--name", "grid")
        assert (far.code, "begins within a year" in far.err) == (1, True)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        taken = await power(first, *given[:4], soon, *given[5:], "--name", "grid")
        assert (taken.code, f"grid: 5 kW from {soon}" in taken.out) == (0, True)
        await first.stop()
        second = await launch(content)
        shown = await power(second, "status")
        assert f"grid: 5 kW from {soon}" in shown.out
        assert "calendar   20 kW now: calendar: contract" in shown.out
        assert "calendar   20 kW now" in (await power(second, "why")).out
        plain = await power(second, "release", "--reason", "lunch")
        assert "grid" in plain.out, "no cap of ours"
        unknown = await power(second, "release", "--order", "wind", "--reason", "x", "--json")
        assert (unknown.code, "there are grid" in json.loads(unknown.out)["error"]) == (1, True)
        released = await power(second, "release", "--order", "grid", "--reason", "they said so")
        assert (released.code, released.out.strip()) == (0, "orders     none")


async def test_a_site_without_power_in_its_configuration_is_not_governed(launch: Launch) -> None:
    async with pool_with_jobs() as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        assert (await pumpjack.status())["power"] is None
        refused = await power(pumpjack, "cap", "--kw", "1", "--for", "1h", "--reason", "x", "--json")
        assert refused.code == 1
        assert "no [power]" in json.loads(refused.out)["error"]


async def test_nobody_there_is_unreachable(tmp_path: Path) -> None:
    nobody = await done("power", "status", "--data", str(tmp_path))
    assert nobody.code == 4


@pytest.fixture
def own_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a demo not look for a port where those of other tests do, at the same moment."""

    def free(**_: object) -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    monkeypatch.setattr(demo_module, "free_port", free)


@pytest.mark.usefixtures("own_port")
async def test_a_miner_from_outside_is_governed_beside_the_simulated_ones(tmp_path: Path) -> None:
    demo = Demo(DemoSettings(12, 20.0, None, SCENARIOS["steady"], 5), tmp_path)
    running = asyncio.create_task(demo.run())

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(25):
            while not condition():
                if running.done():
                    await running
                await asyncio.sleep(0.02)

    try:
        await until(lambda: demo.phase == "mining" and demo.books()["acme"].miners.accepted > 0)
        program = demo.program
        assert program is not None
        governor = program.power
        assert governor is not None
        port = program.bound[0].port

        def held() -> list[bool]:
            told = governor.view("plan")["miners"]
            return [not each["work"] for each in told if "guest" in each["id"] or each["id"].endswith("#2")]

        # A name of its own, and one that a simulated miner has.
        guests = [miner(port, worker="acme.guest"), miner(port, worker="acme.m0001", seed=1)]
        async with guests[0], guests[1]:
            await until(lambda: all(guest.mining for guest in guests))
            await governor.order("cap", {"kw": 0.0, "seconds": 3600.0, "reason": "nothing"})
            await until(lambda: held() == [True, True])
            jobs = [guest.counters.jobs for guest in guests]
            steps = governor.view("status")["governor"]["steps"]
            await until(lambda: governor.view("status")["governor"]["steps"] > steps + 60)
            assert [guest.counters.jobs for guest in guests] == jobs
            assert all(guest.connected for guest in guests)
            assert governor.view("status")["governor"]["silent_s"] < 5
    finally:
        demo.stop()
        await running


@pytest.mark.usefixtures("own_port")
async def test_the_demo_comes_down_to_half_and_back_and_its_books_agree(tmp_path: Path) -> None:
    """With limits, sleep and withheld work, against engines that take load in steps; 20 s in each."""
    demo = Demo(DemoSettings(24, 20.0, None, SCENARIOS["steady"], 5), tmp_path)
    running = asyncio.create_task(demo.run())

    def used() -> float:
        state = demo.state()
        return float(state["power"]["measured"].get("used_kw", 0.0)) if state is not None else 0.0

    async def until(low: float, high: float) -> None:
        async with asyncio.timeout(25):
            while not low <= used() <= high:
                if running.done():
                    await running
                await asyncio.sleep(0.02)

    try:
        await until(60.0, 200.0)
        full = used()
        program = demo.program
        assert program is not None
        assert program.power is not None
        await program.power.order("cap", {"kw": full / 2, "seconds": 3600.0, "reason": "half"})
        await until(0.0, 0.51 * full)
        await program.power.order("release", {"reason": "and back"})
        await until(0.75 * full, 1.2 * full)
    finally:
        demo.stop()
        outcome = await running
    assert outcome.violations == []
