"""A month's account as rows of a table: CSV for spreadsheets, Parquet for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from proxy.cli.tables import cell
from proxy.ledger.outcomes import Outcome


class ParquetMissing(Exception):
    """The library that writes Parquet is not installed."""


COLUMNS = (
    "month",
    "tenant",
    "accounting",
    "tenant_micro_units",
    "worker",
    "micro_units",
    "credited_difficulty",
    "local_difficulty",
    "pool_difficulty",
    *(outcome.name.lower() for outcome in Outcome),
    "hashes_per_second",
    "relative_error",
    "best",
    "last",
    "blocks",
    "expected_blocks",
    "z",
    "manifest",
)
TYPES = {
    **dict.fromkeys(("month", "tenant", "accounting", "worker", "last", "manifest"), "string"),
    **dict.fromkeys(("credited_difficulty", "local_difficulty", "pool_difficulty"), "float64"),
    **dict.fromkeys(("hashes_per_second", "relative_error", "best", "expected_blocks", "z"), "float64"),
}
"""Of Parquet's columns; all others are whole numbers of 64 bits."""


def rows_of(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each worker of a report, with the columns in their order."""
    for tenant in report["tenants"]:
        for worker in tenant["workers"]:
            cells = {
                **worker,
                **worker["shares"],
                **worker["hashrate"],
                "blocks": worker["luck"]["blocks"],
                "expected_blocks": worker["luck"]["expected"],
                "z": worker["reconciliation"]["z"],
                "month": report["month"],
                "tenant": tenant["tenant"],
                "accounting": tenant["accounting"],
                "tenant_micro_units": tenant["micro_units"],
                "manifest": report["manifest"],
            }
            yield {column: cells[column] for column in COLUMNS}


def csv_text(report: Mapping[str, Any]) -> str:
    """Return a report as CSV: a line for each worker, and no cell that a spreadsheet would compute."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows_of(report):
        writer.writerow(cell(value) if isinstance(value, str) else value for value in row.values())
    return out.getvalue()


def write_parquet(report: Mapping[str, Any], path: Path) -> None:
    """Write a report as a Parquet file, a row for each worker.

    Raises:
        ParquetMissing: pyarrow is not installed.
        OSError: the file cannot be written.

    """
    try:
        pyarrow = import_module("pyarrow")
        parquet = import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise ParquetMissing("Parquet needs pyarrow: pip install 'pumpjack[parquet]'") from error
    # Told, not guessed: a month without a share has the same columns, of the same types.
    schema = pyarrow.schema([(name, getattr(pyarrow, TYPES.get(name, "int64"))()) for name in COLUMNS])
    made = pyarrow.Table.from_pylist(list(rows_of(report)), schema)
    parquet.write_table(made, path)
