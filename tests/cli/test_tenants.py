"""``tenants``: a month's account adds up, can be proven, and is refused while the ledger is damaged."""

from __future__ import annotations

import csv
import json
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from proxy.adapters.logs.printable import printable
from proxy.adapters.stores.ledger.folder import Folder
from proxy.cli import main
from proxy.cli.month_files import COLUMNS
from proxy.cli.tables import cell
from proxy.ledger.records import Gap, ShareSettled, TenantKnown
from proxy.ledger.report import UNITS, manifest
from tests.fakes.kept_ledger import fold, meddle
from tests.fakes.mined_ledger import LEDGER, START, MinedLedger, beginning, spoil, work_of
from tests.fakes.plain_shares import plain

DAY = "2025-11-26"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory: acme is credited locally, zeta by its pool; the last batch is not folded."""
    ledger = MinedLedger.under(tmp_path)
    opening = beginning([work_of(1), work_of(2, "zeta")], ["acme", "zeta"])
    zeta = TenantKnown("zeta", "Zeta", "pool")
    rigs = [plain(1, credit=2.0, worker=f"rig{n}", number=n) for n in (1, 2, 3)]
    ledger.batch([*opening, zeta], [*rigs, plain(2, credit=9.0, number=4)])
    fold(ledger.folder)
    meddle(ledger.folder, "INSERT OR REPLACE INTO meta VALUES ('ledger', ?)", LEDGER)
    settled = [
        ShareSettled(number, session, f"rig{number}", session, outcome, "", 3.0)
        for number, session, outcome in (
            (1, 1, "accepted"),
            (2, 1, "rejected"),
            (3, 1, "unknown"),
            (4, 2, "accepted"),
        )
    ]
    gap = Gap(START, START + 1000, 7, 14.0, "disk full")
    ledger.batch([*settled, gap], [], START + 1000)
    return tmp_path


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["tenants", *words, "--data", str(data)])


def answer(data: Path, *words: str) -> dict[str, Any]:
    result = run(data, "report", "--month", "2025-11", "--json", *words)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_each_tenant_is_credited_by_its_accounting(data: Path) -> None:
    acme, zeta = answer(data)["tenants"]
    assert (acme["accounting"], acme["credited_difficulty"], acme["local_difficulty"]) == ("local", 6.0, 6.0)
    assert (zeta["accounting"], zeta["credited_difficulty"], zeta["local_difficulty"]) == ("pool", 3.0, 9.0)


def test_units_are_shared_out_to_the_last_one(data: Path) -> None:
    found = answer(data)
    acme, zeta = found["tenants"]
    assert (acme["micro_units"], zeta["micro_units"]) == (666_666_667, 333_333_333)
    assert [worker["micro_units"] for worker in acme["workers"]] == [333_333_334, 333_333_333, 333_333_333]
    assert acme["micro_units"] + zeta["micro_units"] == found["units"] == UNITS


def test_what_became_of_forwarded_shares_and_who_bears_it_is_told(data: Path) -> None:
    acme, zeta = answer(data)["tenants"]
    assert acme["forwarded"] == {
        "accepted": {"shares": 1, "difficulty": 3.0},
        "rejected": {"shares": 1, "difficulty": 3.0},
        "unknown": {"shares": 1, "difficulty": 3.0},
        "unsent": {"shares": 0, "difficulty": 0.0},
        "borne_by": "operator",
    }
    assert zeta["forwarded"]["borne_by"] == "tenant"
    assert acme["reconciliation"]["z"] == pytest.approx((6 - 9) / 27**0.5)
    assert acme["reconciliation"]["verdict"] == "ok"


def test_gaps_within_the_month_are_named(data: Path) -> None:
    (gap,) = answer(data)["gaps"]
    assert (gap["since"], gap["shares"], gap["cause"]) == ("2025-11-26T00:00:00.000Z", 7, "disk full")


def test_the_manifest_proves_the_report_and_names_the_ledger(data: Path) -> None:
    found = answer(data)
    assert found["manifest"] == manifest(found)
    assert (found["ledger"], found["last_seq"]) == (LEDGER.hex(), 2)
    assert found["manifest"] == answer(data)["manifest"]
    assert (found["since"], found["until"]) == ("2025-11-01T00:00:00Z", "2025-12-01T00:00:00Z")
    assert found["is_over"]


def test_one_tenants_report_says_nothing_of_the_others(data: Path) -> None:
    found = answer(data, "--tenant", "zeta")
    assert [tenant["tenant"] for tenant in found["tenants"]] == ["zeta"]
    assert found["tenants"][0]["micro_units"] == 333_333_333
    assert "acme" not in json.dumps(found)


def test_the_site_is_told_with_all_that_its_tenants_have(data: Path) -> None:
    found = answer(data)
    site, (acme, zeta) = found["site"], found["tenants"]
    assert site["local_difficulty"] == acme["local_difficulty"] + zeta["local_difficulty"]
    assert site["shares"]["accepted"] == 4
    assert site["luck"]["expected"] == acme["luck"]["expected"] + zeta["luck"]["expected"] == 4.0
    assert site["reconciliation"]["z"] == pytest.approx((15 - 12) / (36 * 15 / 12) ** 0.5)
    for entry in (site, acme, acme["upstreams"][0], acme["workers"][0]):
        assert {"shares", "hashrate", "best", "last", "luck", "reconciliation"} <= set(entry)


def test_hashrates_are_means_of_the_time_for_which_there_is_a_ledger(data: Path) -> None:
    mean = answer(data)["tenants"][0]["hashrate"]
    seconds = 5 * 86_400  # from the ledger's first batch to the end of November
    assert mean["hashes_per_second"] == pytest.approx(6 * 2**32 / seconds)
    assert mean["relative_error"] == pytest.approx(3**-0.5)
    assert answer(data)["tenants"][0]["last"] == "2025-11-26T00:00:00.000Z"


def test_an_index_that_knew_nothing_of_blocks_says_from_when_on_it_does(data: Path) -> None:
    meddle(Folder.of(data), "INSERT INTO meta VALUES ('luck', ?)", (START + 500).to_bytes(8, "big"))
    assert answer(data)["luck_since"] == "2025-11-26T00:00:00.500Z"
    assert (
        "blocks are counted from 2025-11-26T00:00:00.500Z on"
        in run(data, "report", "--month", "2025-11").stdout
    )


def test_another_month_holds_nothing(data: Path) -> None:
    result = run(data, "report", "--month", "2025-10", "--json")
    assert [tenant["micro_units"] for tenant in json.loads(result.stdout)["tenants"]] == [0, 0]


def test_csv_has_a_line_for_each_worker(data: Path) -> None:
    result = run(data, "report", "--month", "2025-11", "--csv")
    rows = list(csv.DictReader(StringIO(result.stdout)))
    assert tuple(rows[0]) == COLUMNS
    assert [(row["tenant"], row["worker"], row["micro_units"]) for row in rows] == [
        ("acme", "rig1", "333333334"),
        ("acme", "rig2", "333333333"),
        ("acme", "rig3", "333333333"),
        ("zeta", "rig2", "0"),
        ("zeta", "rig4", "1000000000"),
    ]
    assert {row["manifest"] for row in rows} == {answer(data)["manifest"]}


HOSTILE = [
    "=1+1",
    "+1",
    "-1",
    "@sum(a1)",
    "\tx",
    "\r=x",
    'a,"b\n=c',
    "\x1b[2J",
    "a\0b",
    "\u202egnp",
    "<b>",
    "[red]",
    "",
]


def hostile(folder: Path, name: str) -> Path:
    """Return a data directory where everybody has that name: tenant, worker, upstream."""
    ledger = MinedLedger.under(folder)
    work = msgspec.structs.replace(work_of(1, name), upstream=name)
    ledger.batch(beginning([work], [name]), [plain(1, worker=name)])
    return folder


@pytest.mark.parametrize("name", HOSTILE)
def test_no_cell_of_csv_is_a_formula_or_an_order(tmp_path: Path, name: str) -> None:
    result = run(hostile(tmp_path, name), "report", "--month", "2025-11", "--csv")
    assert result.stdout_bytes.decode().replace("\r\n", "").isprintable()
    (row,) = csv.DictReader(StringIO(result.stdout_bytes.decode(), newline=""))
    for told in (row["tenant"], row["worker"]):
        assert told == cell(name)
        assert not told.startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("name", HOSTILE)
def test_json_has_the_name_as_it_is_in_ascii(tmp_path: Path, name: str) -> None:
    result = run(hostile(tmp_path, name), "report", "--month", "2025-11", "--json")
    assert result.stdout.isascii()
    assert result.stdout.replace("\n", "").isprintable()
    (tenant,) = json.loads(result.stdout)["tenants"]
    assert (tenant["tenant"], tenant["workers"][0]["worker"]) == (name, name)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "words", [["report", "--month", "2025-11"], ["list", "--at", "2025-11-26T00:05:00Z"]]
)
def test_a_terminal_obeys_no_name(tmp_path: Path, name: str, words: list[str]) -> None:
    shown = run(hostile(tmp_path, name), *words).stdout
    assert shown.replace("\n", "").isprintable()
    assert printable(name) in shown


@pytest.mark.parametrize("name", HOSTILE)
def test_parquet_has_the_name_as_it_is(tmp_path: Path, name: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file = tmp_path / "month.parquet"
    result = run(hostile(tmp_path, name), "report", "--month", "2025-11", "--parquet", str(file))
    assert result.exit_code == 0, result.output
    (row,) = parquet.read_table(file).to_pylist()
    assert (row["tenant"], row["worker"]) == (name, name)


def test_parquet_has_the_rows_of_csv_with_their_types(data: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file = data / "month.parquet"
    assert run(data, "report", "--month", "2025-11", "--parquet", str(file)).exit_code == 0
    told = csv.DictReader(StringIO(run(data, "report", "--month", "2025-11", "--csv").stdout))
    made = parquet.read_table(file)
    assert made.column_names == list(COLUMNS)
    rows = [
        {name: "" if value is None else f"{value}" for name, value in row.items()} for row in made.to_pylist()
    ]
    assert rows == list(told)
    types = {field.name: str(field.type) for field in made.schema}
    assert (types["micro_units"], types["credited_difficulty"], types["worker"]) == (
        "int64",
        "double",
        "string",
    )


def test_parquet_of_a_month_without_a_share_has_its_columns(data: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    file = data / "month.parquet"
    assert run(data, "report", "--month", "2025-10", "--parquet", str(file)).exit_code == 0
    made = parquet.read_table(file)
    assert (made.num_rows, made.column_names) == (0, list(COLUMNS))


def test_parquet_that_cannot_be_written_ends_with_1(data: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    result = run(data, "report", "--month", "2025-11", "--parquet", str(data / "none" / "month.parquet"))
    assert result.exit_code == 1
    assert "none" in result.stderr


def test_people_read_the_account(data: Path) -> None:
    shown = run(data, "report", "--month", "2025-11").stdout
    assert "66.6666667 %" in shown
    assert "the operator bears what was not accepted" in shown
    assert "gap from 2025-11-26T00:00:00.000Z" in shown
    assert f"manifest {answer(data)['manifest']}" in shown


def spoiled(data: Path) -> Path:
    spoil(Folder.of(data).day(DAY), "UPDATE batches SET at = at + 1 WHERE seq = 2")
    return data


def test_a_damaged_month_is_refused_and_the_range_named(data: Path) -> None:
    result = run(spoiled(data), "report", "--month", "2025-11")
    assert result.exit_code == 1
    assert f"{DAY}: batches 2 to 2" in result.stderr
    assert result.stdout == ""
    machine = run(data, "report", "--month", "2025-11", "--json")
    assert machine.exit_code == 1
    assert "batches 2 to 2" in json.loads(machine.stdout)["error"]


def test_another_month_is_not_refused_for_it(data: Path) -> None:
    assert run(spoiled(data), "report", "--month", "2025-10").exit_code == 0


def test_a_damage_that_was_signed_off_is_told_in_the_account(data: Path) -> None:
    folder = Folder.of(spoiled(data))
    fold(folder)
    assert run(data, "report", "--month", "2025-11").exit_code == 1
    meddle(folder, "UPDATE damages SET signed_by = 'ann'")
    (damage,) = answer(data)["damages"]
    assert (damage["first"], damage["last"], damage["signed_by"]) == (2, 2, "ann")


def test_parquet_without_its_library_says_how_to_get_it(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run(data, "report", "--month", "2025-11", "--parquet", str(data / "month.parquet"))
    assert result.exit_code == 1
    assert "pip install 'pumpjack[parquet]'" in result.stderr


def test_only_one_form_at_a_time(data: Path) -> None:
    assert run(data, "report", "--month", "2025-11", "--csv", "--json").exit_code == 2


@pytest.mark.parametrize("month", ["2025-13", "2025-1", "25-11", "2025-11-01", "9999-12", "\u0662025-11"])
def test_a_month_is_a_year_and_a_number(data: Path, month: str) -> None:
    assert run(data, "report", "--month", month).exit_code == 2


def test_the_list_has_tenants_upstreams_and_the_site(data: Path) -> None:
    result = run(data, "list", "--at", "2025-11-26T00:05:00Z", "--json")
    found = json.loads(result.stdout)
    assert [(tenant["tenant"], tenant["workers"]) for tenant in found["tenants"]] == [
        ("acme", 3),
        ("zeta", 2),
    ]
    assert found["tenants"][0]["upstreams"][0]["upstream"] == "pool"
    assert found["site"]["shares"]["accepted"] == 4
    assert found["site"]["hashrate"]["5m"]["hashes_per_second"] == pytest.approx(15 * 2**32 / 300)
    shown = run(data, "list", "--at", "2025-11-26T00:05:00Z").stdout
    rows, words = shown.split("\n\n")
    assert [line.split()[0] for line in rows.splitlines()] == [
        "tenant",
        "acme",
        "pool",
        "zeta",
        "pool",
        "site",
    ]
    assert "acme: we credited 33.33% less than the pool's shares stand for: within chance" in words
    assert "site: 0 blocks, where 4 were to be expected: luck 0 % ± 50 %" in words


def test_no_ledger_ends_with_4(tmp_path: Path) -> None:
    assert run(tmp_path, "report", "--month", "2025-11").exit_code == 4
    assert run(tmp_path, "list").exit_code == 4
