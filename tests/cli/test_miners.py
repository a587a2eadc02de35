"""``miners``: what the ledger says of each worker, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.ledger.records import SessionBegan, SessionEnded, ShareSettled, SharesRefused
from tests.fakes.kept_ledger import fold
from tests.fakes.mined_ledger import START, MinedLedger, beginning, work_of
from tests.fakes.plain_shares import plain

AT = "2025-11-26T00:05:00Z"
HASHES = 2.0**32


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory: rig1 of acme with 20 shares of 1000, rig2 of zeta with one; half is folded."""
    ledger = MinedLedger.under(tmp_path)
    opening = beginning([work_of(1), work_of(2, "zeta")], ["acme", "zeta"])
    ledger.batch(opening, [plain(1, credit=1000.0, number=5)] * 10)
    fold(ledger.folder)
    refused = [
        SharesRefused(1, "acme", "rig1", "pool", reason, count, 1000.0)
        for reason, count in (("stale", 1), ("duplicate", 2), ("low_difficulty", 3), ("ntime", 4))
    ]
    settled = ShareSettled(5, 1, "rig1", 1, "rejected", "23 low", 2000.0)
    ledger.batch(
        [*refused, settled, SessionEnded(2, "closed")], [plain(1, credit=1000.0)] * 10, START + 60_000
    )
    ledger.batch([], [plain(2, credit=500.0)], START + 120_000)
    return tmp_path


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["miners", *words, "--data", str(data), "--at", AT])


def answer(data: Path, *words: str) -> dict[str, Any]:
    result = run(data, *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_each_worker_has_its_hashrates_with_their_errors(data: Path) -> None:
    rig1, rig2 = answer(data, "list")["miners"]
    assert (rig1["tenant"], rig1["worker"], rig2["tenant"], rig2["worker"]) == (
        "acme",
        "rig1",
        "zeta",
        "rig2",
    )
    assert rig1["hashrate"]["5m"]["hashes_per_second"] == pytest.approx(20 * 1000 * HASHES / 300)
    # What was before the ledger began is no time without work.
    assert rig1["hashrate"]["1h"]["hashes_per_second"] == pytest.approx(20 * 1000 * HASHES / 300)
    assert rig1["hashrate"]["5m"]["relative_error"] == pytest.approx(20**-0.5)
    assert rig2["hashrate"]["5m"]["relative_error"] == pytest.approx(1.0)


def test_refusals_are_told_apart_and_from_those_of_the_pool(data: Path) -> None:
    shares = answer(data, "list")["miners"][0]["shares"]
    assert {name: count for name, count in shares.items() if count} == {
        "accepted": 20,
        "stale": 1,
        "duplicate": 2,
        "low": 3,
        "other": 4,
        "pool_low": 1,
    }


def test_the_best_and_the_last_share_are_named(data: Path) -> None:
    rig1, rig2 = answer(data, "list")["miners"]
    assert (rig1["best"], rig1["last"]) == (2000.0, "2025-11-26T00:01:00.000Z")
    assert (rig2["best"], rig2["last"]) == (1000.0, "2025-11-26T00:02:00.000Z")


def test_the_list_can_be_of_one_tenant_sorted_and_short(data: Path) -> None:
    def names(*words: str) -> list[str]:
        return [miner["worker"] for miner in answer(data, "list", *words)["miners"]]

    assert names("--tenant", "zeta") == ["rig2"]
    assert names("--sort", "hashrate") == ["rig1", "rig2"]
    assert names("--sort", "last") == ["rig1", "rig2"]
    assert names("--sort", "rejected", "--limit", "1") == ["rig1"]
    assert answer(data, "list", "--limit", "1")["total"] == 2


def test_a_period_leaves_out_what_was_before_it(data: Path) -> None:
    miners = answer(data, "list", "--period", "3m")["miners"]
    assert [(miner["worker"], miner["shares"]["accepted"]) for miner in miners] == [("rig2", 1)]


def test_a_worker_without_a_share_is_left_out_and_told_unless_all_are_asked_for(data: Path) -> None:
    late = answer(data, "list", "--period", "3m")
    assert (late["total"], late["silent"]) == (1, 1)
    assert (
        "1 more had no share since 2025-11-26T00:02:00Z; --all" in run(data, "list", "--period", "3m").stdout
    )
    whole = answer(data, "list", "--period", "3m", "--all")
    assert (whole["total"], whole["silent"]) == (2, 0)
    assert [(miner["worker"], miner["shares"]["accepted"]) for miner in whole["miners"]] == [
        ("rig1", 0),
        ("rig2", 1),
    ]
    assert whole["miners"][0]["last"] is None
    shown = run(data, "list", "--period", "3m", "--all").stdout
    assert "none" in shown.splitlines()[1]
    assert "--all" not in shown


def test_sorting_is_by_name_where_the_figures_are_equal(tmp_path: Path) -> None:
    ledger = MinedLedger.under(tmp_path)
    names = ["c", "a", "b"]
    ledger.batch(beginning([work_of(1)]), [plain(1, worker=name) for name in names])
    for sort in ("name", "hashrate", "last", "rejected"):
        assert [miner["worker"] for miner in answer(tmp_path, "list", "--sort", sort)["miners"]] == sorted(
            names
        )


def test_luck_is_told_with_its_error(data: Path) -> None:
    found = answer(data, "show", "zeta/rig2")
    # One share of 500 where the network asks for 1, as on networks for tests: each is a block, or should be.
    assert found["luck"] == {"blocks": 0, "expected": 1.0, "ratio": 0.0, "error": 1.0, "at_most": 0.367879441}
    assert found["luck_since"] == found["since"].replace("Z", ".000Z")
    shown = run(data, "show", "zeta/rig2").stdout
    assert "rig2: 0 blocks, where 1 were to be expected: luck 0 % ± 100 %" in shown


@pytest.mark.parametrize(
    ("difficulty", "verdict", "mark"),
    [(19_000.0, "ok", "+0.1"), (1483.0, "warn", "!+3.4"), (580.4, "alarm", "!!+5.7")],
)
def test_our_count_is_held_against_the_pools(
    tmp_path: Path, difficulty: float, verdict: str, mark: str
) -> None:
    ledger = MinedLedger.under(tmp_path)
    settled = ShareSettled(5, 1, "rig1", 1, "accepted", "", difficulty)
    ledger.batch([*beginning([work_of(1)]), settled], [plain(1, credit=1000.0)] * 20)
    (miner,) = answer(tmp_path, "list")["miners"]
    assert miner["reconciliation"]["verdict"] == verdict
    assert f" {mark} " in run(tmp_path, "list").stdout
    assert f"(z = {mark.lstrip('!')})" in run(tmp_path, "show", "acme/rig1").stdout


def test_people_read_a_table(data: Path) -> None:
    first = run(data, "list").stdout.splitlines()
    assert first[0].split()[:2] == ["worker", "tenant"]
    assert "286 GH/s ± 22 %" in first[1]
    assert "4 m 0 s ago" in first[1]
    assert "1 of 2 workers" in run(data, "list", "--limit", "1").stdout


def test_one_worker_is_shown_by_upstream_with_its_sessions(data: Path) -> None:
    found = answer(data, "show", "zeta/rig2")
    assert [upstream["upstream"] for upstream in found["upstreams"]] == ["pool"]
    assert found["upstreams"][0]["shares"] == found["shares"]
    assert found["sessions"] == [
        {
            "began": "2025-11-26T00:00:00.000Z",
            "ended": "2025-11-26T00:01:00.000Z",
            "cause": "closed",
            "address": "10.0.0.1",
            "software": "cgminer",
        }
    ]
    shown = run(data, "show", "zeta/rig2").stdout
    assert "closed" in shown
    assert "10.0.0.1" in shown


def test_a_worker_that_was_never_heard_of_ends_with_1(data: Path) -> None:
    result = run(data, "show", "acme/nobody")
    assert result.exit_code == 1
    assert "never heard" in result.stderr


def test_no_ledger_ends_with_4(tmp_path: Path) -> None:
    result = run(tmp_path, "list")
    assert result.exit_code == 4
    assert f"no ledger in {tmp_path}" in result.stderr


def test_a_ledger_that_cannot_be_read_ends_with_4(data: Path) -> None:
    (data / "ledger" / "index.db").write_bytes(b"noise" * 1000)
    result = run(data, "list")
    assert result.exit_code == 4
    assert "cannot be read" in result.stderr


@pytest.mark.parametrize(
    "words", [["--period", "0m"], ["--period", "1y"], ["--at", "soon"], ["--limit", "0"]]
)
def test_nonsense_is_a_usage_error(data: Path, words: list[str]) -> None:
    assert CliRunner().invoke(main, ["miners", "list", "--data", str(data), *words]).exit_code == 2


HOSTILE = ["=cmd|' /C calc'!A0", "[red]x[/red]", "\x1b]0;owned\x07", "\u202egnp", "a/b/c", "ünï", ""]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    ledger = MinedLedger.under(tmp_path)
    opening = [*beginning([work_of(1)]), SessionBegan(9, "acme", name, name, name, b"\0\1")]
    ledger.batch(opening, [plain(1, worker=name)])
    assert answer(tmp_path, "list")["miners"][0]["worker"] == name
    assert answer(tmp_path, "show", f"acme/{name}")["worker"] == name
    for shown in (run(tmp_path, "list").stdout, run(tmp_path, "show", f"acme/{name}").stdout):
        assert "\x1b" not in shown
        assert "\u202e" not in shown
        assert all(letter in shown for letter in "[]" if letter in name)
