"""A wall clock that is set is told once, with its size."""

import time
from pathlib import Path

import pytest

from proxy.app.power.wall import WallWatch, jump_told
from proxy.events import PowerAlarm
from tests.app.power.test_control import governed


@pytest.mark.parametrize("jump_s", [10_800.0, -21_600.0, 3.5])
def test_a_jump_is_noticed_once_and_time_that_passes_is_none(jump_s: float) -> None:
    wall, steady = [1.7e9], [500.0]
    watch = WallWatch(lambda: wall[0], lambda: steady[0])
    for clock in (wall, steady):
        clock[0] += 86400.0
    assert watch.jumped_s() == 0.0
    wall[0] += jump_s
    assert watch.jumped_s() == pytest.approx(jump_s)
    assert watch.jumped_s() == 0.0


def test_small_steps_are_no_jump_until_they_have_become_one() -> None:
    wall = [1.7e9]
    watch = WallWatch(lambda: wall[0], lambda: 500.0)
    told = []
    for _ in range(4):
        wall[0] += 1.0
        told.append(watch.jumped_s())
    assert told == [0.0, 0.0, 0.0, 4.0]


def test_what_follows_the_wall_clock_is_named() -> None:
    assert "forward by 10,800 s" in jump_told(10_800.0, ())
    assert "back by 60 s" in jump_told(-60.0, ("evening peak",))
    assert "evening peak" in jump_told(-60.0, ("evening peak",))
    assert "calendar" not in jump_told(60.0, ())


async def test_a_clock_that_jumps_ends_no_cap_and_is_an_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, jump_s = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + jump_s[0])
    peak = {"name": "evening peak", "from": "00:00", "until": "24:00", "kw": 90}
    async with governed(tmp_path, calendar=[peak]) as site:
        await site.order("cap", kw=9.0, seconds=7200.0)
        await site.until(lambda: site.busy == 2)
        jump_s[0] = 10_800.0
        await site.until(lambda: site.seen(PowerAlarm))
        steps = site.power["governor"]["steps"]
        await site.until(lambda: site.power["governor"]["steps"] >= steps + 4)
        assert (site.busy, site.power["bound"]) == (2, "cap")
        assert 7000 < site.power["orders"]["cap"]["left_s"] <= 7200
        (alarm,) = site.seen(PowerAlarm)
        assert isinstance(alarm, PowerAlarm)
        assert alarm.kind == "clock"
        assert "forward by 10,800 s" in alarm.text
        assert "evening peak" in alarm.text
