"""The table [power]: a reserve is chosen, sums are shown, and what is impossible is refused."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from proxy.app.power.instruments import governor_settings
from proxy.config import Settings, reload_differences, settings_from
from proxy.config.power import reserve_parts
from proxy.config.power_site import capacity_lines, model_of, offset_s, power_site, price_rules, windows
from proxy.energy.firm import firm_w, usable_w
from proxy.energy.ladder import Ladder
from proxy.energy.orders import PriceRule, Window
from proxy.energy.site import HardwareShed, NMinusOne, ReserveKw
from proxy.errors import ConfigError
from proxy.governor.settings import GovernorSettings

POOL = {"name": "pool-a", "url": "stratum+tcp://pool.example:3333", "user": "acct.site"}
TWO = [{"name": "g1", "kw": 500}, {"name": "g2", "kw": 400}]
FANS = [{"name": "fans", "kw": 20}]


def raw(tenant: dict[str, Any] | None = None, **power: Any) -> dict[str, Any]:
    table = {"reserve": "n-1", "generator": TWO, "auxiliary": FANS, **power}
    return {"power": table, "tenant": [{"id": "acme", "upstream": [POOL], **(tenant or {})}]}


def settings(tenant: dict[str, Any] | None = None, **power: Any) -> Settings:
    return settings_from(raw(tenant, **power), base=Path("/nowhere"), environment={"HOME": "/home/x"})


def mistakes(tenant: dict[str, Any] | None = None, **power: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(tenant, **power)
    return caught.value.mistakes


def test_without_the_table_nothing_is_governed() -> None:
    bare = settings_from({"tenant": [{"id": "a", "upstream": [POOL]}]}, base=Path("/nowhere"))
    assert bare.power is None


def test_advice_is_the_default() -> None:
    power = settings().power
    assert power is not None
    assert power.control == "advise"


def test_a_reserve_must_be_chosen() -> None:
    without = raw()
    del without["power"]["reserve"]
    with pytest.raises(ConfigError) as caught:
        settings_from(without, base=Path("/nowhere"))
    (said,) = caught.value.mistakes
    assert said.startswith("power.reserve is missing: must be")


@pytest.mark.parametrize(
    ("text", "parts", "kind"),
    [
        ("n-1", None, NMinusOne),
        ("hardware-shed 2026-10-01", date(2026, 10, 1), HardwareShed),
        ("250 kW", 250.0, ReserveKw),
        ("62.5kW", 62.5, ReserveKw),
    ],
)
def test_reserves_are_three_choices(text: str, parts: object, kind: type) -> None:
    assert reserve_parts(text) == parts
    if not isinstance(parts, date):  # whose test grows old
        only = settings(reserve=text)
        assert only.power is not None
        assert isinstance(power_site(only, only.power).reserve, kind)


@pytest.mark.parametrize(
    "text", ["", "n-2", "none", "hardware-shed", "hardware-shed 2026-02-30", "-5 kW", 250, "²5 kW"]
)
def test_other_reserves_are_mistakes(text: object) -> None:
    assert mistakes(reserve=text)[0].startswith("power.reserve = ")


def test_usable_and_firm_kw_are_told_with_their_sum() -> None:
    only = settings({"guarantee_kw": 300})
    assert only.power is not None
    site = power_site(only, only.power)
    assert (usable_w(site), firm_w(site)) == (380_000.0, 380_000.0)
    lines = capacity_lines(only, only.power)
    assert "380.0 kW for miners" in lines[0]
    assert "g1 500.0 kW + g2 400.0 kW - 500.0 kW for the loss of g1" in lines[1]
    assert "300.0 kW" in lines[2]


@pytest.mark.parametrize(
    ("tenant", "power", "said"),
    [
        ({"guarantee_kw": 400}, {}, "Guarantees of 400.0 kW (acme 400.0 kW) exceed firm capacity: g1"),
        ({}, {"auxiliary": [{"name": "camp", "kw": 400}]}, "Nothing is left for miners"),
        (
            {},
            {"generator": [], "reserve": "0 kW", "circuit": [{"name": "main", "phase_kw": 5}]},
            "the circuit that feeds the site carries 15.0 kW, auxiliaries draw 20.0 kW",
        ),
        (
            {"guarantee_kw": 300},
            {"cap_kw": 299},
            "Guarantees of 300.0 kW (acme 300.0 kW) can never be met: power.cap_kw lets miners draw 299.0 kW",
        ),
        (
            {"guarantee_kw": 300},
            {
                "calendar": [
                    {"name": "day", "from": "06:00", "until": "22:00", "kw": 299},
                    {"name": "night", "from": "22:00", "until": "06:00", "kw": 0},
                ]
            },
            "can never be met: the calendar leaves less at every hour of the week (day 299.0 kW, night 0.0",
        ),
        ({}, {"generator": TWO[:1]}, "n-1 needs two generators, there are 1"),
        ({}, {"generator": [], "reserve": "0 kW"}, "Nothing limits the site"),
        ({}, {"generator": [TWO[0], TWO[0]]}, "2 generators are called g1"),
        ({}, {"reserve": "hardware-shed 2020-01-01"}, "was tested"),
        ({}, {"circuit": [{"name": "a", "parent": "a"}]}, "feed"),
        ({}, {"circuit": [{"name": "a", "phases": [0]}]}, "phases [0]; there are 1, 2 and 3"),
        ({"guarantee_kw": 1, "guarantee_meter": "x"}, {}, "measured by x, which is not the meter"),
        (
            {"guarantee_kw": 300},
            {"circuit": [{"name": "feeder", "phase_a": 300}]},
            "Guarantees of 300.0 kW",
        ),
        (
            {},
            {"miner": [{"watts": 3000, "idle_watts": 200, "hashrate": 1, "circuit": "x"}]},
            "plugged into x, which is not a circuit",
        ),
        ({}, {"miner": [{"watts": 3000, "idle_watts": 3001, "hashrate": 1}]}, "3001 W without work"),
        ({}, {"control": "act"}, 'control = "act" needs [[power.miner]]'),
        ({}, {"source": {"file": "/x", "url": "http://x"}}, "a file and a url"),
        ({}, {"price": {"file": "/x", "url": "http://x"}}, "power.price has a file and a url"),
        ({}, {"price": {"rule": [{"per_mwh": 80, "kw": 0}]}}, "neither a file nor a url"),
        (
            {},
            {"source": {"file": "/x", "safe_after": 20}},
            "come one after the other; here they are 30s, 20s, 10m, 30m.",
        ),
        (
            {},
            {"calendar": [{"name": "x", "from": "24:00", "until": "06:00", "kw": 1}]},
            '"00:00" of the next',
        ),
    ],
)
def test_the_impossible_is_refused_with_its_sums(
    tenant: dict[str, Any], power: dict[str, Any], said: str
) -> None:
    found = mistakes(tenant, **power)
    assert any(line.startswith("power cannot stand: ") and said in line for line in found), found


def test_sums_with_values_of_ours_are_not_held_against_the_operator() -> None:
    found = mistakes({"guarantee_kw": 400}, generator=[{"name": "g1", "kw": "much"}, TWO[1]])
    assert [line.split(" ")[0] for line in found] == ["power.generator.0.kw"]


@pytest.mark.parametrize("kw", [1_000_000, 50_001, 0])
def test_a_generator_larger_than_any_is_a_mistake(kw: float) -> None:
    (said,) = mistakes(generator=[{"name": "g1", "kw": kw}, TWO[1]])
    assert said == f"power.generator.0.kw = {kw}: must be a number, above 0 and at most 50000.0"


@pytest.mark.parametrize("url", ["ftp://x", "http://joe:secret@plant/kw", "plant/kw", "", 7])
def test_a_source_is_asked_over_http_and_its_address_holds_no_secret(url: object) -> None:
    (said,) = mistakes(source={"url": url})
    assert said.startswith("power.source.url = ")
    assert "secret" not in said


def test_the_first_row_that_fits_a_miner_holds() -> None:
    rows = [
        {"user_agent": "antminer s21*", "watts": 3500, "idle_watts": 300, "hashrate": 200},
        {"user_match": "acme.old*", "watts": 1350, "idle_watts": 400, "hashrate": 13.5},
    ]
    only = settings(miner=rows).power
    assert only is not None
    s21, old = only.models
    assert model_of(only, "acme.a", "Antminer S21/1.0") is s21
    assert model_of(only, "acme.old7", "bmminer/2.0") is old
    assert model_of(only, "acme.new", "bmminer/2.0") is None


def test_calendar_and_prices_are_what_the_rules_take() -> None:
    only = settings(
        calendar=[
            {"name": "evening peak", "days": ["Mon", "Sun"], "from": "16:30", "until": "20:00", "kw": 40},
            {"name": "night", "from": "22:00", "until": "24:00", "kw": 0},
        ],
        price={"file": "/run/price", "rule": [{"per_mwh": 80, "kw": 12.5}]},
    ).power
    assert only is not None
    peak, night = windows(only)
    assert peak == Window("evening peak", frozenset({0, 6}), 59_400.0, 72_000.0, 40_000.0)
    assert (night.days, night.until_s) == (frozenset(range(7)), 86_400.0)
    assert price_rules(only) == (PriceRule(80.0, 12_500.0),)


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ({"from": "16"}, "from"),
        ({"from": "25:00"}, "from"),
        ({"until": "20:60"}, "until"),
        ({"until": 20}, "until"),
        ({"days": []}, "days"),
        ({"days": ["Monday"]}, "days.0"),
        ({"kw": -1}, "kw"),
        ({"kw": True}, "kw"),
    ],
)
def test_hours_that_do_not_exist_are_mistakes(row: dict[str, Any], key: str) -> None:
    right = {"name": "x", "from": "16:00", "until": "20:00", "kw": 1}
    found = mistakes(calendar=[{**right, **row}])
    assert found[0].startswith(f"power.calendar.0.{key} "), found


def test_the_offset_is_that_of_the_instant() -> None:
    only = settings(timezone="America/Denver").power
    assert only is not None
    winter, summer = datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC)
    assert [offset_s(only, each.timestamp()) for each in (winter, summer)] == [-25_200.0, -21_600.0]
    # Clocks went forward on the 8th of March 2026 at 9:00 UTC.
    change = datetime(2026, 3, 8, 9, tzinfo=UTC).timestamp()
    assert [offset_s(only, change - 1), offset_s(only, change)] == [-25_200.0, -21_600.0]
    plain = settings().power
    assert plain is not None
    assert offset_s(plain, change) == 0.0


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "../../etc/passwd", "", 7])
def test_a_time_zone_must_be_known(zone: object) -> None:
    (said,) = mistakes(timezone=zone)
    assert said.startswith("power.timezone = ")
    assert "IANA" in said


def test_rules_that_nobody_gives_are_those_of_the_governor() -> None:
    only = settings().power
    assert only is not None
    assert governor_settings(only) == GovernorSettings()


def test_rules_and_ladder_are_those_of_the_configuration() -> None:
    ladder = {"hold_after": 1, "safe_after": 2, "guarantees_after": 3, "sleep_after": 4}
    rules = {"min_on": "20m", "min_off": "10m", "cycles_day": 2, "deadband": 0.01, "round": 5}
    only = settings(source=ladder, rules=rules).power
    assert only is not None
    assert governor_settings(only) == GovernorSettings(
        min_on_s=1200.0,
        min_off_s=600.0,
        cycles_day=2,
        deadband=0.01,
        round_s=5.0,
        source_ladder=Ladder(1.0, 2.0, 3.0, 4.0),
    )


@pytest.mark.parametrize(
    "rule",
    [{"deadband": 0.06}, {"round": 1}, {"cycles_day": 0}, {"min_off": -1}, {"let_down": "3h"}, {"x": 1}],
)
def test_rules_out_of_bounds_are_mistakes(rule: dict[str, Any]) -> None:
    (said,) = mistakes(rules=rule)
    assert said.startswith(f"power.rules.{next(iter(rule))} ")


def test_all_of_it_waits_for_a_restart() -> None:
    before = settings()
    acts = settings(control="act", miner=[{"watts": 3000, "idle_watts": 200, "hashrate": 100}])
    for after in (settings(reserve="100 kW"), acts, settings(hz=50)):
        found = reload_differences(before, after)
        assert (found.applicable, found.needs_restart) == ((), ("power",))
    assert reload_differences(before, settings({"contracted_share": 2})).needs_restart == (
        "tenant.acme.contracted_share",
    )
    assert reload_differences(before, settings()).needs_restart == ()
