"""``pumpjack ledger`` and ``shares verify`` on a stopped site's data directory."""

import fcntl
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main
from proxy.cli.shares_verify import verify
from tests.fakes.mined_ledger import (
    DAY,
    LEDGER,
    START,
    MinedLedger,
    beginning,
    changed,
    mined,
    spoil,
    work_of,
)


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path / "data")
    ledger.days(3)
    ledger.fold()
    return ledger


def run(ledger: MinedLedger, *words: str) -> Result:
    return CliRunner().invoke(main, ["ledger", *words, "--data", str(ledger.folder.root.parent)])


def answer(result: Result, code: int = 0) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    given: dict[str, Any] = json.loads(result.stdout)
    return given


def test_a_good_ledger_is_ok(ledger: MinedLedger) -> None:
    report = answer(run(ledger, "check", "--json"))
    assert report | {"root": "", "public_key": ""} == {
        "ok": True,
        "shares": 60,
        "accepted": 36,
        "refused": 24,
        "credited_difficulty": ledger.credited,
        "first": "2025-11-26T00:00:00.000Z",
        "last": "2025-11-28T00:00:03.000Z",
        "batches": 12,
        "superseded": 0,
        "root": "",
        "ledger": LEDGER.hex(),
        "public_key": "",
        "signed_days": 0,
        "pruned": {"days": 0, "accepted": 0, "credited_difficulty": 0.0},
        "watermark": {"seq": 12, "hash": ledger.previous.hex()},
        "problems": [],
    }
    text = run(ledger, "check")
    assert text.exit_code == 0
    assert text.stdout.endswith("\nok\n")


def test_what_is_bad_is_named_and_ends_with_1_until_it_is_signed_off(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[1]), "UPDATE batches SET at = at + 1 WHERE seq = 6")
    (problem,) = answer(run(ledger, "check", "--json"), 1)["problems"]
    assert (problem["day"], problem["first"], problem["last"]) == (ledger.files[1], 6, 6)
    assert not problem["signed_off"]
    text = run(ledger, "check")
    assert text.exit_code == 1
    assert f"PROBLEM {problem['id']}: {ledger.files[1]}, batches 6 to 6" in text.stdout
    words = ("signoff", str(problem["id"]), "--by", "Ada\x1b[31m", "--remark", "a bad disk")
    assert run(ledger, *words).exit_code == 0
    (problem,) = answer(run(ledger, "check", "--json"))["problems"]
    assert problem["signed_off"]
    assert "\x1b" not in problem["signed_by"]
    assert run(ledger, "signoff", "99", "--by", "Ada", "--remark", "?").exit_code == 1


def test_where_there_is_no_ledger_nothing_is_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["ledger", "check", "--data", str(tmp_path)])
    assert result.exit_code == 4
    assert list(tmp_path.iterdir()) == []


def test_an_index_that_is_wrong_is_made_anew_and_the_old_one_kept(ledger: MinedLedger) -> None:
    spoil(ledger.folder.index, "UPDATE minute SET count = count + 1")
    assert run(ledger, "check").exit_code == 1
    report = answer(run(ledger, "check", "--rebuild-index", "--json"))
    assert report["watermark"]["seq"] == 12
    assert (ledger.folder.root / "index.old1.db").exists()


def test_an_index_is_not_made_anew_under_a_running_program(ledger: MinedLedger) -> None:
    with (ledger.folder.root.parent / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        result = run(ledger, "check", "--rebuild-index")
    assert result.exit_code == 1
    assert "is running" in result.stderr
    assert not list(ledger.folder.root.glob("index.old*"))


def test_pruned_days_and_what_was_signed_off_outlive_a_rebuilding(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[2]), "UPDATE batches SET count = 9 WHERE seq = 10")
    number = answer(run(ledger, "check", "--json"), 1)["problems"][0]["id"]
    run(ledger, "signoff", str(number), "--by", "Ada", "--remark", "counted by hand")
    pruned = answer(run(ledger, "prune", "--keep-days", "1", "--json"))["pruned"]
    assert [day["day"] for day in pruned] == ledger.files[:2]
    report = answer(run(ledger, "check", "--rebuild-index", "--json"))
    assert report["pruned"]["accepted"] == 24
    assert [problem["signed_by"] for problem in report["problems"]] == ["Ada"]


def test_a_backup_is_a_data_directory_and_good(ledger: MinedLedger, tmp_path: Path) -> None:
    made = answer(run(ledger, "backup", str(tmp_path / "copy"), "--json"))
    assert made["days"] == ledger.files
    there = CliRunner().invoke(main, ["ledger", "check", "--data", str(tmp_path / "copy")])
    assert there.exit_code == 0
    again = run(ledger, "backup", str(tmp_path / "copy"))
    assert (again.exit_code, "exists" in again.stderr) == (1, True)


def test_a_dry_run_prunes_nothing(ledger: MinedLedger) -> None:
    would = answer(run(ledger, "prune", "--keep-bytes", "0", "--dry-run", "--json"))
    assert [day["day"] for day in would["pruned"]] == ledger.files[:2]
    assert ledger.folder.names() == ledger.files
    assert run(ledger, "prune").exit_code == 2


def test_an_export_is_a_new_file_or_none(ledger: MinedLedger, tmp_path: Path) -> None:
    target = tmp_path / "export.jsonl"
    words = ("export", str(target), "--from", "2025-11-27T00:00:00Z", "--to", "2025-11-28", "--json")
    assert answer(run(ledger, *words))["batches"] == 4
    assert len(target.read_text().splitlines()) == 6
    assert run(ledger, *words).exit_code == 1
    spoil(ledger.folder.day(ledger.files[1]), "UPDATE batches SET at = at + 1 WHERE seq = 6")
    left_out = run(ledger, "export", str(tmp_path / "other.jsonl"))
    assert left_out.exit_code == 1
    assert "LEFT OUT" in left_out.stderr


def verified(ledger: MinedLedger, *words: str) -> Result:
    return CliRunner().invoke(verify, [*words, "--data", str(ledger.folder.root.parent)])


def test_shares_are_verified_and_a_planted_one_is_named(ledger: MinedLedger) -> None:
    assert answer(verified(ledger, "--json"))["shares"] == 36
    work = work_of(9)
    bad = changed(mined(work, 1), credit=1.0)
    ledger.batch(beginning([work]), [mined(work, 2), bad], START + 3 * DAY)
    result = answer(verified(ledger, "--json"), 1)
    assert [each["share"] for each in result["disagreements"]] == ["13-1"]
    text = verified(ledger)
    assert "13-1: its hash does not meet the difficulty that was credited" in text.stdout
    assert "38 shares of 13 batches" in text.stdout
    before = ("--to", "2025-11-29T00:00:00Z", "--tenant", "acme", "--json")
    assert answer(verified(ledger, *before))["ok"]
