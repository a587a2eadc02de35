"""What the commands on the ledger print: tables for people, cells that take hold of nothing."""

from __future__ import annotations

from collections.abc import Collection

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.text import Text

from proxy.adapters.logs.printable import printable
from proxy.cli.screen import hashrate_text
from proxy.ledger.statistics import Luck, Rate

FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""With what a cell begins that a spreadsheet would compute; some take the wide signs of the East, too."""
NOT_A_TERMINAL = 200
"""Columns of what is written to a file or a pipe."""
GAP = 2
"""Columns between two columns."""
LEAST = 8
"""Columns to which a text may be cut."""


def console() -> Console:
    """Return what tables are printed to."""
    made = Console()
    return made if made.is_terminal else Console(width=NOT_A_TERMINAL)


class Table:
    """Rows of text under their headings, all of one line: numbers stand to the right and stay whole.

    What others chose may be longer than there is room; it is cut in its middle, for the names of rigs differ
    at their ends. Rich's own table takes three seconds for 5,000 workers.
    """

    def __init__(self, *columns: str, left: Collection[str] = ()) -> None:
        """Those of ``left`` stand to the left, and are cut where it is narrow."""
        self._columns = columns
        self._left = [column in left for column in columns]
        self._rows: list[tuple[tuple[str, ...], str]] = []

    def add_row(self, *cells: str, style: str = "") -> None:
        """Add one; whatever a terminal would obey in it is shown as ``?``."""
        self._rows.append((tuple(printable(cell) for cell in cells), style))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = [(self._columns, "bold"), *self._rows]
        widths = self._widths([cells for cells, _ in rows], options.max_width)
        for cells, style in rows:
            parts = [
                _padded(cell, width, left=left)
                for cell, width, left in zip(cells, widths, self._left, strict=True)
            ]
            yield Segment((" " * GAP).join(parts).rstrip(), console.get_style(style) if style else None)
            yield Segment.line()

    def _widths(self, rows: list[tuple[str, ...]], room: int) -> list[int]:
        """Return each column's width: that of its widest cell, less where it may be and has to."""
        widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
        over = sum(widths) + GAP * (len(widths) - 1) - room
        while over > 0:
            widest = max(range(len(widths)), key=lambda at: widths[at] if self._left[at] else 0)
            if not self._left[widest] or widths[widest] <= LEAST:
                break  # the terminal cuts it
            widths[widest] -= 1
            over -= 1
        return widths


def _width(cell: str) -> int:
    """Return the columns that a text takes: letters of the East take two."""
    return len(cell) if cell.isascii() else cell_len(cell)


def _padded(cell: str, width: int, *, left: bool) -> str:
    if (own := _width(cell)) > width:
        cell, own = _cut(cell, width)
    spaces = " " * (width - own)
    return cell + spaces if left else spaces + cell


def _cut(cell: str, width: int) -> tuple[str, int]:
    """Return a text without its middle, and the columns that it takes."""
    head, tail = cell[: width // 2], cell[len(cell) - (width - 1) // 2 :]
    while head and _width(head) + 1 + _width(tail) > width:
        head, tail = head[:-1], tail[1:]
    made = f"{head}…{tail}"
    return made, _width(made)


def text(words: str, style: str = "") -> Text:
    """Return what somebody else chose as text: no markup of ours, nothing that a terminal would obey."""
    return Text(printable(words), style=style)


def cell(words: str) -> str:
    r"""Return a text for CSV that no spreadsheet takes for a formula, and no terminal for an order.

    What cannot be seen is written as in Python: an escape as ``\x1b``, so that it stays what it was.
    """
    if not words.isprintable():
        words = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)
    return f"'{words}" if words.startswith(FORMULA) else words


def rate_text(rate: Rate) -> str:
    """Return a hashrate with its unit and its error, one standard deviation."""
    if not rate.hashes_per_second:
        return "0"
    return f"{hashrate_text(rate.hashes_per_second)} ± {_percent(rate.error)}"


def luck_text(luck: Luck) -> str:
    """Return how many blocks there were, and how many were to be expected."""
    blocks = f"{luck.found} block{'' if luck.found == 1 else 's'}"
    if luck.ratio is None or luck.error is None:
        return f"{blocks}; nothing says how many were to be expected"
    return (
        f"{blocks}, where {luck.expected:.3g} were to be expected: "
        f"luck {_percent(luck.ratio)} ± {_percent(luck.error)}"
    )


def _percent(part: float) -> str:
    """Return a part with two digits, whole from 10 % on."""
    return f"{part * 100:,.0f} %" if part >= 0.1 else f"{part * 100:.2g} %"
