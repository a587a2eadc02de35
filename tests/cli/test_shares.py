"""``shares``: the last ones, and one explained by its id."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from proxy.cli import main, shares
from proxy.ledger.records import ShareSettled, WorkReceived
from tests.fakes.header import hash_of
from tests.fakes.kept_ledger import fold
from tests.fakes.mined_ledger import (
    CREDIT,
    POOL,
    RUN,
    START,
    MinedLedger,
    beginning,
    changed,
    mined,
    work_of,
)
from tests.fakes.plain_shares import plain

WORK = work_of(1)


@pytest.fixture
def ledger(tmp_path: Path) -> MinedLedger:
    """Three real shares of acme in two batches; the second batch is not folded."""
    made = MinedLedger.under(tmp_path)
    made.batch(beginning([WORK]), [mined(WORK, 1), mined(WORK, 2)])
    fold(made.folder)
    made.batch([], [mined(WORK, 3)], START + 1500)
    return made


def run(ledger: MinedLedger, *words: str) -> Result:
    return CliRunner().invoke(main, ["shares", *words, "--data", str(ledger.folder.root.parent)])


def explained(ledger: MinedLedger, which: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(ledger, "explain", which, "--json").stdout)
    return found


def test_the_tail_is_the_last_shares_in_their_order(ledger: MinedLedger) -> None:
    found = json.loads(run(ledger, "tail", "-n", "2", "--json").stdout)
    assert [share["id"] for share in found] == ["1-1", "2-0"]
    last = ledger.shares[-1]
    assert found[-1] == {
        "id": "2-0",
        "at": "2025-11-26T00:00:01.500Z",
        "tenant": "acme",
        "worker": "rig1",
        "session": 1,
        "job": "job1",
        "credit": CREDIT,
        "achieved": last.achieved,
        "forwarded": bool(last.flags & 1),
        "block": False,
    }


def test_people_read_a_line_for_each(ledger: MinedLedger) -> None:
    lines = run(ledger, "tail").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["1-0", "1-1", "2-0"]
    assert all("acme/rig1" in line for line in lines)


def test_the_tail_can_be_of_one_tenant(ledger: MinedLedger) -> None:
    assert run(ledger, "tail", "--tenant", "zeta").stdout == ""


def test_a_hostile_name_does_not_reach_the_terminal(ledger: MinedLedger) -> None:
    ledger.batch([], [plain(1, worker="\x1b]0;owned\x07")])
    shown = run(ledger, "tail").stdout
    assert "\x1b" not in shown
    assert "owned" in shown


def test_following_goes_on_with_what_comes(ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    news = [[mined(WORK, 4)], [], [mined(WORK, 5), mined(WORK, 6)]]

    def pause() -> None:
        if not news:
            raise KeyboardInterrupt
        ledger.batch([], news.pop(0), START + 2000)

    monkeypatch.setattr("proxy.cli.shares.pause", pause)
    result = run(ledger, "tail", "-n", "1", "--follow", "--json")
    found = [json.loads(line)["id"] for line in result.stdout.splitlines() if line.startswith("{")]
    assert found == ["2-0", "3-0", "5-0", "5-1"]


def test_a_share_is_hashed_again(ledger: MinedLedger) -> None:
    result = run(ledger, "explain", "1-1", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    header = bytes.fromhex(found["explanation"]["header"])
    assert found["agrees"]
    assert f"{hash_of(header):064x}" == found["explanation"]["hash"]
    assert found["explanation"]["difficulty"] == pytest.approx(ledger.shares[1].achieved, rel=1e-9)
    assert found["explanation"]["refused"] is None
    assert [check["name"] for check in found["explanation"]["targets"]] == ["share", "upstream", "network"]
    assert (found["run"], found["address"], found["upstream"]) == (RUN.hex(), "10.0.0.1", "pool")


def test_rolled_versions_are_read_as_they_were_recorded(ledger: MinedLedger) -> None:
    for rolled in (0x2000, 0x1FFFE000, 0x3):
        work = changed_version(rolled)
        share = changed(mined(work, 1), version=work.version)
        ledger.batch([], [share])
        found = explained(ledger, f"{ledger.seq}-0")
        assert found["agrees"]
        assert found["explanation"]["version"] == f"{work.version:08x}"


def changed_version(rolled: int) -> WorkReceived:
    """Return the work with a version as if a miner had rolled it."""
    return replace(WORK, version=WORK.version ^ rolled)


def test_a_share_that_is_not_worth_what_is_recorded_ends_with_1(ledger: MinedLedger) -> None:
    for spoilt in (
        changed(mined(WORK, 7), credit=2.0**20),
        changed(mined(WORK, 7), achieved=1.0),
        changed(mined(WORK, 7), nonce=0),
    ):
        ledger.batch([], [spoilt])
        result = run(ledger, "explain", f"{ledger.seq}-0")
        assert result.exit_code == 1
        assert "not worth what is recorded" in result.stdout


@pytest.mark.parametrize(("outcome", "name"), [("accepted", "pool_accepted"), ("unknown", "pool_unknown")])
def test_its_end_at_the_pool_is_told(ledger: MinedLedger, outcome: str, name: str) -> None:
    share = changed(mined(WORK, 8), number=8, flags=1)
    ledger.batch([], [share])
    assert "not settled yet" in run(ledger, "explain", "3-0").stdout
    ledger.batch([ShareSettled(8, 1, "rig1", 1, outcome, "", POOL)], [], START + 9000)
    assert explained(ledger, "3-0")["settlement"] == {
        "outcome": name,
        "reason": "",
        "at": "2025-11-26T00:00:09.000Z",
    }


def test_a_share_without_its_job_is_told_as_far_as_possible(ledger: MinedLedger) -> None:
    ledger.batch([], [changed(mined(WORK, 1), job_id="x")])
    result = run(ledger, "explain", "3-0")
    assert result.exit_code == 1
    assert "does not tell the share's job" in result.stdout
    assert "acme" in result.stdout


@pytest.mark.parametrize("which", ["3-0", "1-2", "999-0"])
def test_a_share_that_is_not_there_ends_with_1(ledger: MinedLedger, which: str) -> None:
    result = run(ledger, "explain", which)
    assert result.exit_code == 1
    assert "holds no such share" in result.stderr


@pytest.mark.parametrize("which", ["x", "1", "0-0", "1-", "-1", "1-0-0", "1-x", "9" * 30 + "-0"])
def test_what_is_no_id_is_a_usage_error(ledger: MinedLedger, which: str) -> None:
    data = str(ledger.folder.root.parent)
    result = CliRunner().invoke(main, ["shares", "explain", "--data", data, "--", which])
    assert result.exit_code == 2
    assert "share" in result.stderr.splitlines()[-1]


def test_no_ledger_ends_with_4(tmp_path: Path) -> None:
    for words in (["tail"], ["explain", "1-0"]):
        assert CliRunner().invoke(main, ["shares", *words, "--data", str(tmp_path)]).exit_code == 4


def test_verifying_is_one_of_the_commands() -> None:
    assert sorted(shares.shares.commands) == ["explain", "tail", "verify"]
