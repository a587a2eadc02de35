"""What ``pumpjack power`` says in words."""

from typing import Any

import pytest

from proxy.cli.power import names_of
from proxy.cli.power_text import alarm_line, counts_line, miner_line, waiting_lines

MINER = {
    "id": "acme/rig7@10.0.0.7",
    "circuit": "row-a",
    "told_w": 40.0,
    "ceiling_w": 3500.0,
    "why": "asleep for least time off",
    "left_s": 140.2,
}


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("working", "works, 40 W, of 3,500 W"),
        ("asleep", "asleep, 40 W, of 3,500 W"),
        ("withheld", "no work, of 3,500 W"),
        ("locked_out", "(locked out: row-a), of 3,500 W"),
        ("away", "(away), of 3,500 W"),
    ],
)
def test_a_miner_says_how_it_stands_why_and_until_when(state: str, said: str) -> None:
    line = miner_line({**MINER, "state": state})
    assert line.split(maxsplit=1) == [
        MINER["id"],
        f"{said}: asleep for least time off, until in 140 s",
    ]
    assert miner_line({**MINER, "state": state, "why": ""}).endswith(said)


def test_counts_and_what_holds_them() -> None:
    counts = {"here": 9, "working": 2, "withheld": 3, "asleep": 0, "locked_out": 0, "known": 9}
    assert counts_line(counts) == "miners     9 here, 3 of them without work"
    more = {**counts, "asleep": 3, "locked_out": 1}
    assert counts_line(more) == "miners     9 here, 3 of them without work, 3 asleep, 1 locked out"
    rows: list[dict[str, Any]] = [
        {"miners": 3, "why": "asleep", "left_s": 140.0},
        {"miners": 1, "why": "held", "left_s": None},
    ]
    assert waiting_lines(rows) == [
        "waits      3: asleep, the first until in 140 s",
        "waits      1: held",
    ]


@pytest.mark.parametrize(
    ("holds", "holds_s", "told"),
    [(True, 65.0, ", holds for 1 m 5 s"), (False, None, ", over"), (None, None, "")],
)
def test_an_alarm_says_when_it_was_raised_and_whether_it_holds(
    holds: bool | None, holds_s: float | None, told: str
) -> None:
    alarm = {
        "at": 0.0,
        "ago_s": 5.0,
        "holds": holds,
        "holds_s": holds_s,
        "kind": "meter",
        "sentence": "stuck",
    }
    assert alarm_line(alarm) == f"alarm      1970-01-01T00:00:00Z (5 s ago{told}) meter: stuck"


def test_a_miner_goes_by_its_id_its_tenant_and_worker_or_its_worker() -> None:
    assert names_of("acme/rig7@10.0.0.7#2") == ("acme/rig7@10.0.0.7#2", "acme/rig7", "rig7")
