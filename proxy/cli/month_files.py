"""A month's account as rows of a table: CSV for spreadsheets, Parquet for programs."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from proxy.cli.tables import cell


class ParquetMissing(Exception):
    """The library that writes Parquet is not installed."""


def rows_of(report: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each worker of a report, with the columns in their order."""
    for tenant in report["tenants"]:
        for worker in tenant["workers"]:
            yield {
                "month": report["month"],
                "tenant": tenant["tenant"],
                "accounting": tenant["accounting"],
                "tenant_micro_units": tenant["micro_units"],
                "worker": worker["worker"],
                "micro_units": worker["micro_units"],
                "credited_difficulty": worker["credited_difficulty"],
                "local_difficulty": worker["local_difficulty"],
                "pool_difficulty": worker["pool_difficulty"],
                **worker["shares"],
                "manifest": report["manifest"],
            }


def csv_text(report: Mapping[str, Any]) -> str:
    """Return a report as CSV: a line for each worker, and no cell that a spreadsheet would compute."""
    out = StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for number, row in enumerate(rows_of(report)):
        if not number:
            writer.writerow(row)
        writer.writerow(cell(value) if isinstance(value, str) else value for value in row.values())
    return out.getvalue()


def write_parquet(report: Mapping[str, Any], path: Path) -> None:
    """Write a report as a Parquet file, a row for each worker.

    Raises:
        ParquetMissing: pyarrow is not installed.
        OSError: the file cannot be written.

    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise ParquetMissing("Parquet needs pyarrow: pip install 'pumpjack[parquet]'") from error
    made = pyarrow.Table.from_pylist(list(rows_of(report)))
    pyarrow.parquet.write_table(made, path)
