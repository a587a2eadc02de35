"""Tables: numbers whole, names cut where they must be, and nothing in them that a terminal would obey."""

from __future__ import annotations

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from proxy.adapters.logs.printable import printable
from proxy.cli.tables import LEAST, Table, cell

anything = st.text(st.characters(exclude_categories=()), max_size=40)
"""Surrogates among it."""


def lines(shown: Table, width: int = 200, *, terminal: bool = False) -> list[str]:
    out = StringIO()
    Console(file=out, width=width, force_terminal=terminal, color_system=None).print(shown)
    return out.getvalue().removesuffix("\n").split("\n")


@given(rows=st.lists(st.tuples(anything, st.integers(0, 10**9)), max_size=8))
def test_each_row_is_one_line_that_ends_with_its_number(rows: list[tuple[str, int]]) -> None:
    shown = Table("worker", "shares", left={"worker"})
    for name, number in rows:
        shown.add_row(name, f"{number}")
    heading, *found = lines(shown)
    assert heading.split() == ["worker", "shares"]
    assert [int(line.rsplit(" ", 1)[1]) for line in found] == [number for _, number in rows]
    for line, (name, _) in zip(found, rows, strict=True):
        assert line.isprintable()
        assert line.startswith(printable(name))


@given(name=anything, other=anything, width=st.integers(2 * LEAST + 2 + 11, 60))
def test_where_it_is_narrow_names_are_cut_and_numbers_are_whole(name: str, other: str, width: int) -> None:
    shown = Table("worker", "tenant", "shares", left={"worker", "tenant"})
    shown.add_row(name, other, "123456789")
    heading, row = lines(shown, width)
    assert cell_len(heading) <= width
    assert cell_len(row) <= width
    assert row.endswith("  123456789")


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    shown = Table("worker", "shares", left={"worker"})
    shown.add_row("bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq.rig-0417", "12")
    (_, row) = lines(shown, 28)
    assert row == "bc1qar0srr….rig-0417      12"


def test_words_stand_to_the_left_and_numbers_to_the_right() -> None:
    shown = Table("worker", "shares", left={"worker"})
    shown.add_row("rig", "7")
    shown.add_row("another", "12345678")
    assert lines(shown) == ["worker     shares", "rig             7", "another  12345678"]


@pytest.mark.parametrize(
    "name", ["\x1b[31mred", "a\x07b", "a\x00b", "a\r\nb", "\u202egnp", "\ud800", "\x9b31m"]
)
def test_a_terminal_is_told_nothing_by_a_name(name: str) -> None:
    shown = Table("worker", left={"worker"})
    shown.add_row(name)
    (_, row) = lines(shown, terminal=True)
    assert row == printable(name)
    assert row.isprintable()


def test_brackets_of_a_name_are_no_markup() -> None:
    shown = Table("worker", left={"worker"})
    shown.add_row("[red]x[/red]", style="bold")
    assert lines(shown)[1] == "[red]x[/red]"


@given(name=anything)
def test_no_cell_for_a_spreadsheet_is_computed_or_obeyed(name: str) -> None:
    made = cell(name)
    assert made.isprintable()
    assert not made.startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    if name.isprintable():
        assert made.removeprefix("'") == name.removeprefix("'")


def test_what_cannot_be_seen_is_told_in_csv() -> None:
    assert cell("a\x1b]0;x\x07\0\ud800\u202e\n") == r"a\x1b]0;x\x07\x00\ud800\u202e\n"
