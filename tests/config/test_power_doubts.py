"""What is possible in [power] and hardly meant is warned of with its sums; the ordinary is not."""

from typing import Any

import pytest

from proxy.config.power_doubts import power_doubts
from proxy.config.power_site import capacity_lines
from tests.config.test_power import TWO, settings

EVENING = {"name": "evening", "from": "16:00", "until": "20:00", "kw": 50}
ROW = {"watts": 3500, "idle_watts": 300, "hashrate": 200}
FEEDER = [{"name": "feeder", "phase_kw": 200}]


def doubts(tenant: dict[str, Any] | None = None, **power: Any) -> tuple[str, ...]:
    only = settings(tenant, **power)
    assert only.power is not None
    return power_doubts(only, only.power)


@pytest.mark.parametrize(
    ("tenant", "power", "said"),
    [
        ({"guarantee_kw": 300}, {"calendar": [EVENING]}, "for 28.0 h of each week (evening 50.0 kW)"),
        (
            {"guarantee_kw": 300},
            {"price": {"file": "/x", "rule": [{"per_mwh": 80, "kw": 10}]}},
            "at a price of 80 or more, or an unknown one, miners may draw 10.0 kW, less than the guarantees",
        ),
        ({}, {"cap_kw": 400}, "power.cap_kw of 400.0 kW binds nothing: no more than 380.0 kW"),
        (
            {},
            {"generator": [{"name": "g1", "kw": 20_000}, {"name": "g2", "kw": 20_000}], "circuit": FEEDER},
            "the generators give 40,000.0 kW, and no more than 620.0 kW can be drawn",
        ),
        (
            {},
            {"generator": [*TWO, {"name": "g3", "kw": 45_000}], "reserve": "0 kW"},
            "generator g3 of 45,000.0 kW is 112 times g2 of 400.0 kW",
        ),
        ({}, {"auxiliary": [{"name": "fans", "kw": 300}]}, "auxiliaries draw 300.0 kW of 400.0 kW"),
        ({}, {"miner": [{**ROW, "watts": 3.5, "idle_watts": 0.3}]}, "row 0 need 0.0175 J for a terahash"),
        (
            {},
            {"circuit": [{"name": "f", "phase_kw": 7.5}], "miner": [ROW]},
            "no miner of row 0 can ever work",
        ),
        ({}, {"unknown_watts": 3.6}, "unknown_watts of 3.6 W"),
    ],
)
def test_what_is_hardly_meant_is_told_with_its_sums(
    tenant: dict[str, Any], power: dict[str, Any], said: str
) -> None:
    found = doubts(tenant, **power)
    assert sum(said in line for line in found) == 1, found


@pytest.mark.parametrize(
    ("tenant", "power"),
    [
        ({"guarantee_kw": 300}, {"cap_kw": 300, "miner": [ROW], "calendar": [{**EVENING, "kw": 300}]}),
        ({}, {"circuit": FEEDER, "calendar": [EVENING], "miner": [{**ROW, "watts": 1350, "hashrate": 13.5}]}),
        ({}, {"generator": [], "auxiliary": [], "reserve": "0 kW", "circuit": FEEDER}),
    ],
)
def test_an_ordinary_site_is_no_matter_of_doubt(tenant: dict[str, Any], power: dict[str, Any]) -> None:
    assert doubts(tenant, **power) == ()


def test_a_cap_for_good_stands_in_what_is_usable_and_firm() -> None:
    only = settings(cap_kw=100)
    assert only.power is not None
    usable, firm, _ = capacity_lines(only, only.power)
    assert usable == (
        "usable      100.0 kW for miners by power.cap_kw; without it 380.0 kW while every generator runs"
    )
    assert firm.startswith("firm        100.0 kW: by power.cap_kw; without it g1 500.0 kW + g2 400.0 kW - ")
