"""The source of available kW: what is not believed raises no power, and an alarm with its reason."""

import asyncio
import math
from pathlib import Path

import pytest

from proxy.adapters.available.source import AVAILABLE, FileSource
from proxy.app.power.account import PowerAccount
from proxy.app.power.judges import AvailableJudge
from proxy.app.power.source import SourceWatch
from proxy.config.power_outside import PowerSource
from proxy.energy.available import SOURCE
from proxy.events import Event, PowerAlarm
from tests.app.power.test_control import governed

WALL_S = 1_700_000_000.0


class Asker:
    """A watch over a file, with clocks of its own."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kw"
        self.now = 1000.0
        self.events: list[Event] = []
        self.account = PowerAccount(
            self.events.append, lambda note: None, lambda: WALL_S, acts=True, now=lambda: self.now
        )
        self.source = FileSource(AVAILABLE, self.path, lambda: WALL_S + self.now)
        self.watch = SourceWatch(
            self.source,
            PowerSource(),
            lambda: self.now,
            judge=AvailableJudge(1000.0, lambda: 900.0),
            doubt=lambda why: self.account.warn(self.now, "source", SOURCE, why),
            trust=lambda: self.account.over("source", SOURCE),
            silent_s=PowerSource().safe_after,
        )

    async def tell(self, text: str, *, at_s: float = 0.0) -> float:
        """Write an answer, ask, and return what is believed."""
        self.path.write_text(f'{{"available_kw": {text}, "at": {WALL_S + self.now + at_s}}}')
        await self.watch.ask(self.source)
        return self.watch.value

    @property
    def alarms(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, PowerAlarm)]


@pytest.mark.parametrize(
    ("text", "at_s", "reason"),
    [
        ("900000", 0.0, "one for kilo"),
        ("0.9", 0.0, "kilo for one"),
        ("-900", 0.0, "-900 kW is no power"),
        ("NaN", 0.0, "neither a number"),
        ('"lots"', 0.0, "neither a number"),
        ("950", 3600.0, "3600 s in the future"),
        ("1e7", 0.0, "no power that a site has"),
    ],
)
async def test_a_bad_answer_is_none_and_is_alarmed_about_once(
    tmp_path: Path, text: str, at_s: float, reason: str
) -> None:
    asker = Asker(tmp_path)
    assert await asker.tell("900") == 900.0
    at = asker.watch.at
    for _ in range(100):
        asker.now += 1.0
        assert await asker.tell(text, at_s=at_s) == 900.0
        assert asker.watch.at == at, "it grows old as if nobody had answered"
    assert len(asker.alarms) == 1
    assert reason in asker.alarms[0]
    assert reason in asker.watch.problem
    asker.now += 600.0
    await asker.tell(text, at_s=at_s)
    assert len(asker.alarms) == 2, "an alarm stands while its reason does"
    assert asker.account.standing()[0]["holds"] is True
    assert await asker.tell("90") == 90.0
    assert asker.watch.problem == ""
    assert asker.account.standing()[0]["holds"] is False


async def test_another_mistake_is_another_alarm(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    for text in ("900", "900000", "890000", "-900", "-890", "900000"):
        await asker.tell(text)
    assert len(asker.alarms) == 2


async def test_real_changes_raise_no_alarm(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    for kw in (900.0, 90.0, 0.0, 0.0, 900.0, 900.0, 0.0):
        assert await asker.tell(str(kw)) == kw
    assert asker.alarms == []


async def test_a_file_that_is_being_rewritten_is_no_mistake_and_long_silence_is_told(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    await asker.tell("900")
    asker.path.write_text("")
    asker.now += 119.0
    await asker.watch.ask(asker.source)
    assert asker.alarms == []
    asker.now += 1.0
    await asker.watch.ask(asker.source)
    assert "told nothing new for 120 s" in asker.alarms[0]


async def test_a_source_that_never_told_the_possible_allows_nothing(tmp_path: Path) -> None:
    asker = Asker(tmp_path)
    assert math.isnan(await asker.tell("900000"))
    assert len(asker.alarms) == 1


@pytest.mark.parametrize("bad", ["9000", "0.009", "-9", "NaN", "lots", '{"available_kw": 15, "at": 1e11}'])
async def test_no_bad_answer_lets_a_site_draw_more(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "kw"
    path.write_text("9.0")
    async with governed(tmp_path, source={"file": str(path), "every": 0.2}) as site:
        await site.until(lambda: site.busy == 2)
        path.write_text(bad)
        await site.until(lambda: site.seen(PowerAlarm))
        steps = site.power["governor"]["steps"]
        while site.power["governor"]["steps"] < steps + 4:
            assert site.power["budget_kw"] <= 9.0
            await asyncio.sleep(0.05)
        assert site.busy == 2
        (alarm,) = site.seen(PowerAlarm)
        assert isinstance(alarm, PowerAlarm)
        assert (alarm.kind, alarm.subject) == ("source", SOURCE)
        assert SOURCE in site.power["alarms"][-1]["sentence"]
