"""The governor beside the relay, in this process: what is decided is done, and advice is not."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from proxy.adapters.simulated.miner import Fleet, FleetSettings, MinerSettings, Mode
from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool
from proxy.app.power import lessons
from proxy.app.program import Program
from proxy.config.load import settings_from
from proxy.errors import OrderRefused
from proxy.events import (
    Curtailed,
    CurtailmentEnded,
    Draining,
    Event,
    GovernorSilent,
    PowerAlarm,
    PowerDecided,
    SessionClosed,
)
from proxy.governor.engine import Governor
from proxy.relay import work_gate
from proxy.units import Difficulty, HashesPerSecond, Seconds

IDLE_S = 2.0
MINERS = 6
POOL = PoolSettings(difficulty=Difficulty(2.0**-20), notify_interval=Seconds(0.5))
ROW = {"watts": 3000, "idle_watts": 100, "idle_after": IDLE_S, "hashrate": 100}


@dataclass
class Governed:
    """A program with miners whose firmware idles."""

    program: Program
    fleet: Fleet
    events: list[Event] = field(default_factory=list)

    @property
    def power(self) -> dict[str, Any]:
        power = self.program.view.state()["power"]
        assert isinstance(power, dict)
        return power

    @property
    def busy(self) -> int:
        """Miners that hash, as they know themselves."""
        return sum(miner.mining and not miner.rests for miner in self.fleet.miners)

    async def until(self, condition: Callable[[], object], timeout: float = 30.0) -> None:
        """Wait for what the governor, once a second, brings about: there is no event for it."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"busy {self.busy}, {self.program.view.state()['power']}") from None

    async def order(self, order: str, **body: object) -> dict[str, Any]:
        assert self.program.power is not None
        return await self.program.power.order(order, {"reason": "a test", "who": "me", **body})

    def seen(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


def counts(withheld: int = 0, locked_out: int = 0) -> dict[str, int]:
    """Return how a fleet of miners that obey by their work alone stands."""
    works = MINERS - withheld - locked_out
    rest = {"asleep": 0, "withheld": withheld, "locked_out": locked_out}
    return {"here": MINERS, "working": works, **rest, "known": MINERS}


@asynccontextmanager
async def governed(
    folder: Path, *, miners: int = MINERS, guarantee_kw: float = 0.0, drain: float = 0.0, **power: object
) -> AsyncIterator[Governed]:
    events: list[Event] = []
    async with SimulatedPool(POOL) as pool:
        upstream = {"name": "pool", "url": f"stratum+tcp://127.0.0.1:{pool.port}", "user": "a"}
        raw = {
            "site": {"data_dir": str(folder)},
            "stratum": {
                "listen": ["127.0.0.1:0"],
                "timers": {"drain": drain},
                "start_difficulty": 2.0**-21,
                "min_difficulty": 2.0**-24,
                "target_shares_per_minute": 240,
            },
            "power": {
                "control": "act",
                "reserve": "0 kW",
                "generator": [{"name": "g", "kw": 100}],
                "miner": [ROW],
                **power,
            },
            "tenant": [{"id": "main", "guarantee_kw": guarantee_kw, "upstream": [upstream]}],
        }
        program = Program(settings_from(raw, base=folder), hear=events.append)
        running = asyncio.create_task(program.run())
        try:
            await asyncio.wait(
                [asyncio.create_task(program.listening.wait()), running], return_when="FIRST_COMPLETED"
            )
            if running.done():
                await running
            settings = FleetSettings(
                miners=miners,
                least_hashrate=HashesPerSecond(20_000.0),
                most_hashrate=HashesPerSecond(20_000.0),
                worker="m{number:02d}",
                miner=MinerSettings(mode=Mode.DRAW, idle_after=Seconds(IDLE_S), backoff=Seconds(0.2)),
            )
            async with Fleet("127.0.0.1", program.bound[0].port, settings, seed=3) as fleet:
                yield Governed(program, fleet, events)
        finally:
            program.stop()
            await running


async def test_a_cap_at_half_the_load_brings_it_down_and_its_end_brings_it_back(tmp_path: Path) -> None:
    async with governed(tmp_path) as site:
        await site.until(lambda: site.busy == MINERS and site.power["proven_kw"] == 18.0)
        await site.order("cap", kw=9.0, seconds=3600.0)
        # Three at work would be 9.0 kW, and three that idle 0.3: two are left.
        await site.until(lambda: site.power["proven_kw"] <= 9.0 and site.busy == 2)
        assert site.power["miners"] == counts(withheld=4)
        told = site.program.power.view("plan") if site.program.power is not None else {}
        assert [each["state"] for each in told["miners"]].count("withheld") == 4
        assert told["counts"] == counts(withheld=4)
        assert [
            row["miners"] for row in site.power["waiting"] if "no power is proven free" in row["why"]
        ] == [4]
        assert site.power["bound"] == "cap"
        await site.order("release")
        await site.until(lambda: site.busy == MINERS and site.power["proven_kw"] == 18.0)
        await site.until(lambda: site.seen(CurtailmentEnded))
        assert len(site.seen(Curtailed)) == 1
        assert all(miner.counters.reconnects == 0 for miner in site.fleet.miners)
        assert site.seen(SessionClosed) == []
        said = site.program.power.view("why") if site.program.power is not None else {}
        assert {"shed", "raise"} <= {decision["what"] for decision in said["decisions"]}


async def test_a_lockout_takes_the_work_of_its_circuit_until_it_is_ended(tmp_path: Path) -> None:
    wired: dict[str, Any] = {
        "circuit": [
            {"name": "main"},
            {"name": "rows", "parent": "main"},
            {"name": "row-a", "parent": "rows"},
        ],
        # Two of the six; the rest is plugged in at the main board.
        "miner": [*({**ROW, "user_match": f"*{name}", "circuit": "row-a"} for name in ("m01", "m02")), ROW],
    }

    def locked(site: Governed) -> list[str]:
        told = site.program.power.view("plan")["miners"] if site.program.power is not None else []
        return sorted(
            each["id"].partition("@")[0] for each in told if each["locked_out"] and not each["work"]
        )

    async with governed(tmp_path, **wired) as site:
        await site.until(lambda: site.busy == MINERS)
        await site.order("lockout", circuit="rows")
        await site.until(lambda: site.busy == MINERS - 2)
        assert locked(site) == ["main/m01", "main/m02"]
        await site.order("release")
        with pytest.raises(OrderRefused, match="there are main, rows, row-a"):
            await site.order("lockout", circuit="row-b")
        assert site.power["miners"] == counts(locked_out=2)
        # They want nothing, so that nothing is short.
        assert (site.power["wanted_kw"], site.power["curtailed"]) == (12.0, None)
    async with governed(tmp_path, **wired) as site:
        await site.until(lambda: site.power["miners"]["here"] == MINERS and site.busy == MINERS - 2)
        assert locked(site) == ["main/m01", "main/m02"]
        await site.order("unlock", circuit="rows")
        await site.until(lambda: site.busy == MINERS)
        assert site.seen(Curtailed) == []


async def test_what_is_owed_outlives_the_program(tmp_path: Path) -> None:
    def owed(site: Governed) -> float:
        return float(site.power["tenants"][0]["owed_kwh"])

    async with governed(tmp_path, miners=2, guarantee_kw=6.0) as site:
        await site.until(lambda: site.busy == 2)
        await site.order("cap", kw=0.0, seconds=3600.0)
        await site.until(lambda: owed(site) >= 0.005)
        before = owed(site)
    async with governed(tmp_path, miners=2, guarantee_kw=6.0) as site:
        # The cap holds on, so that nothing is paid back: what was owed is what it begins with.
        await site.until(lambda: site.program.power is not None and site.program.power.plan is not None)
        assert owed(site) >= before


async def test_miners_wait_for_their_first_job_until_there_is_power_for_them(tmp_path: Path) -> None:
    # An idle miner draws 0.1 kW: two of six at work come to 6.4.
    async with governed(tmp_path, cap_kw=7.0) as site:
        await site.until(lambda: site.busy == 2 and site.power["miners"]["here"] == MINERS)
        await site.order("cap", kw=0.0, seconds=60.0)
        await site.until(lambda: site.busy == 0)


async def test_advice_gates_nothing_and_says_what_it_would_do(tmp_path: Path) -> None:
    async with governed(tmp_path, control="advise", cap_kw=7.0) as site:
        await site.until(lambda: site.power["miners"]["withheld"] == 4)
        await site.until(lambda: site.busy == MINERS)
        assert site.program.view.state()["withheld"] == 0
        # As if its advice were followed, for else it would advise more and more.
        await site.until(lambda: site.power["proven_kw"] <= 7.0)
        assert site.busy == MINERS


async def test_a_file_tells_how_much_there_is_and_nonsense_raises_nothing(tmp_path: Path) -> None:
    source = tmp_path / "kw"
    source.write_text("9.0")
    async with governed(tmp_path, source={"file": str(source), "every": 0.2}) as site:
        await site.until(lambda: site.busy == 2)
        assert site.power["bound"] == "source"
        source.write_text("lots")
        await site.until(lambda: site.power["source"]["problem"])
        await site.until(lambda: site.power["governor"]["steps"] > 0)
        assert (site.power["source"]["kw"], site.busy) == (9.0, 2)
        source.write_text("18.5")
        await site.until(lambda: site.busy == MINERS)


async def test_a_calendar_and_a_price_bound_and_say_so(tmp_path: Path) -> None:
    price = tmp_path / "price"
    price.write_text("20")
    always = {"name": "contract", "from": "00:00", "until": "24:00", "kw": 12.5}
    rules = {"file": str(price), "every": 0.2, "rule": [{"per_mwh": 80, "kw": 0}]}
    async with governed(tmp_path, calendar=[always], price=rules) as site:
        await site.until(lambda: site.busy == 4)
        assert "calendar: contract" in site.power["sentence"]
        assert [each["by"] for each in site.power["caps"]] == ["calendar", "nominal"]
        price.write_text('{"per_mwh": 80}')
        await site.until(lambda: site.busy == 0)
        assert "a MWh costs 80, the threshold is 80" in site.power["sentence"]
        price.unlink()
        await site.until(lambda: site.power["price"]["problem"])
        assert site.power["price"]["per_mwh"] == 80.0, "what was told last holds until it is stale"
        price.write_text("79.9")
        await site.until(lambda: site.busy == 4)


@pytest.mark.parametrize("bad", ["soon", "20000", "0.02", "-20", "1e7", '{"per_mwh": 20, "at": 1e11}'])
async def test_an_impossible_price_is_an_unknown_one_and_an_alarm(tmp_path: Path, bad: str) -> None:
    price = tmp_path / "price"
    price.write_text("20")
    rules = {"file": str(price), "every": 0.2, "rule": [{"per_mwh": 80, "kw": 7}]}
    async with governed(tmp_path, price=rules) as site:
        await site.until(lambda: site.busy == MINERS)
        price.write_text(bad)
        await site.until(lambda: site.busy == 2)
        assert "the price is unknown" in site.power["sentence"]
        (alarm,) = (event for event in site.events if isinstance(event, PowerAlarm))
        assert (alarm.kind, alarm.subject) == ("price", "source of prices")
        assert "it is not believed, and it is unknown then, and the strictest rule holds" in alarm.text
        assert site.power["alarms"][-1]["holds"] is True
        price.write_text("21")
        await site.until(lambda: site.busy == MINERS)
        assert site.power["alarms"][-1]["holds"] is False


async def test_a_price_that_nobody_tells_is_the_worst_of_its_rules(tmp_path: Path) -> None:
    rules = {"file": str(tmp_path / "none"), "every": 0.2, "rule": [{"per_mwh": 80, "kw": 7}]}
    async with governed(tmp_path, price=rules) as site:
        await site.until(lambda: site.busy == 2)
        assert "the price is unknown" in site.power["sentence"]


async def test_a_price_grows_stale(tmp_path: Path) -> None:
    price = tmp_path / "price"
    price.write_text("20")
    os.utime(price, (time.time() - 3600, time.time() - 3600))
    rules = {"file": str(price), "every": 0.2, "stale_after": 1800, "rule": [{"per_mwh": 80, "kw": 7}]}
    async with governed(tmp_path, price=rules) as site:
        await site.until(lambda: site.busy == 2)
        assert "the price is unknown" in site.power["sentence"]
        os.utime(price)
        await site.until(lambda: site.busy == MINERS)


async def test_a_curtailment_is_met_and_released_by_its_name(tmp_path: Path) -> None:
    async with governed(tmp_path) as site:
        await site.until(lambda: site.busy == MINERS)
        await site.order("order", kw=9.0, seconds=3600.0, from_s=time.time() + 30.0, name="grid")
        await site.until(lambda: site.power["proven_kw"] <= 9.0 and site.busy == 2)
        assert "grid begins in" in site.power["sentence"], "it is met before it begins"
        await site.order("release", name="grid")
        await site.until(lambda: site.busy == MINERS)


async def test_what_was_learned_outlives_the_program(tmp_path: Path) -> None:
    model = "* * 3000 W, 100 W idle, 2 s"
    seen = {name: {"lag": 1.0, "residual": 0.0} for name in ("LIMIT", "SLEEP", "DISCONNECT")}
    told = {model: {**seen, "WITHHOLD": {"lag": 2.5, "residual": 0.0}}, "another": seen}
    path = tmp_path / lessons.FILE_NAME
    path.write_text(json.dumps(told))
    async with governed(tmp_path, miners=1) as site:
        await site.until(lambda: site.busy == 1)
    kept = json.loads(path.read_text())
    assert (kept[model]["WITHHOLD"]["lag"], kept["another"]) == (2.5, seen)
    path.write_text("{")
    async with governed(tmp_path, miners=1) as site:
        await site.until(lambda: site.busy == 1)
        alarms = [event for event in site.events if isinstance(event, PowerAlarm)]
        assert [alarm.kind for alarm in alarms] == ["learned"]
        assert "cannot be read" in alarms[0].text
    assert json.loads(path.read_text())[model]["WITHHOLD"]["lag"] == 1.0


async def test_a_governor_that_fails_stops_nobody_and_admits_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_gate, "SILENCE", Seconds(2.0))
    async with governed(tmp_path, miners=2) as site:
        await site.until(lambda: site.busy == 2)

        step = Governor.step

        def broken(governor: Governor, now: float, readings: object) -> None:
            raise ZeroDivisionError("planted")

        monkeypatch.setattr(Governor, "step", broken)
        await site.until(lambda: site.seen(GovernorSilent))
        newcomer = Fleet(
            "127.0.0.1", site.program.bound[0].port, FleetSettings(miners=1, worker="late"), seed=4
        )
        async with newcomer:
            await newcomer.wait_for(lambda fleet: fleet.connected == 1)
            await site.until(lambda: site.program.view.state()["withheld"] == 1)
            jobs = site.fleet.counters.jobs
            await site.until(lambda: site.fleet.counters.jobs >= jobs + 4)
            assert newcomer.mining == 0
            assert site.busy == 2
            monkeypatch.setattr(Governor, "step", step)
            await site.until(lambda: newcomer.mining == 1)


@pytest.mark.parametrize("body", [5, {"kw": "much", "reason": "x"}, {"reason": "x", "colour": "red"}])
async def test_an_order_of_another_shape_is_refused(tmp_path: Path, body: object) -> None:
    async with governed(tmp_path, miners=1) as site:
        assert site.program.power is not None
        with pytest.raises(OrderRefused):
            await site.program.power.order("cap", body)
        with pytest.raises(OrderRefused):
            site.program.power.view("weather")


async def test_miners_that_are_let_go_at_the_end_are_no_alarm_and_nothing_is_raised(tmp_path: Path) -> None:
    # Four of six have work; over three seconds, more than one in five is gone at each look.
    async with governed(tmp_path, drain=3.0, cap_kw=12.5) as site:
        await site.until(lambda: site.busy == 4 and site.power["miners"]["here"] == MINERS)
        steps = site.power["governor"]["steps"]
        told = len(site.events)
        site.program.stop()
        await site.until(lambda: len(site.seen(SessionClosed)) == MINERS)
        during = site.events[told:]
        assert site.seen(Draining) == [Draining(4, 2, 12.0, 3.0)]
        assert site.power["governor"]["steps"] > steps
    assert not [event for event in during if isinstance(event, PowerAlarm | GovernorSilent)]
    decisions = {event.what for event in during if isinstance(event, PowerDecided)}
    assert not decisions & {"lost", "raise", "admit", "escalate"}
