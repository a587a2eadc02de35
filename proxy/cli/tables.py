"""What the commands on the ledger print: tables for people, cells that take hold of nothing."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from proxy.adapters.logs.printable import printable
from proxy.cli.screen import hashrate_text
from proxy.ledger.statistics import Rate

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""With what a cell begins that a spreadsheet would compute."""


NOT_A_TERMINAL = 200
"""Columns of what is written to a file or a pipe."""


def console() -> Console:
    """Return what tables are printed to."""
    made = Console()
    return made if made.is_terminal else Console(width=NOT_A_TERMINAL)


def table(*columns: str, left: frozenset[str] = frozenset()) -> Table:
    """Return an empty table whose numbers stand to the right."""
    made = Table(box=None, pad_edge=False, header_style="bold", expand=False)
    for column in columns:
        # What others chose may be cut short; numbers never.
        made.add_column(column, justify="left" if column in left else "right", no_wrap=column not in left)
    return made


def text(words: str, style: str = "") -> Text:
    """Return what somebody else chose as text: no markup of ours, nothing that a terminal would obey."""
    return Text(printable(words), style=style)


def cell(words: str) -> str:
    """Return a text for CSV that no spreadsheet takes for a formula."""
    return f"'{words}" if words.startswith(FORMULA) else words


def rate_text(rate: Rate) -> str:
    """Return a hashrate with its unit and its error, one standard deviation."""
    if not rate.hashes_per_second:
        return "0"
    return f"{hashrate_text(rate.hashes_per_second)} ± {rate.error * 100:.2g} %"
