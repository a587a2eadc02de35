"""What a batch holds, read back; of anything else it is said that it is damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import LedgerDamaged
from proxy.ledger.records import message, notes_of, shares_of
from tests.ledger.writing import BEGINNING, share


def test_what_was_written_is_read_back() -> None:
    assert notes_of(message(BEGINNING)) == BEGINNING
    assert shares_of(message([share(), share(number=3)])) == (share(), share(number=3))


@pytest.mark.parametrize("read", [notes_of, shares_of])
@pytest.mark.parametrize(
    "data",
    [b"", b"\x91", b"\xc1", b"\x91" * 100_000, message([share(worker="rig")]).replace(b"rig", b"r\xffg")],
)
def test_what_is_neither_is_damaged(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(LedgerDamaged):
        read(data)


@given(
    whole=st.sampled_from([message(BEGINNING), message([share()])]),
    at=st.integers(0),
    put=st.binary(min_size=1, max_size=4),
)
def test_damaged_bytes_raise_nothing_else(whole: bytes, at: int, put: bytes) -> None:
    place = at % len(whole)
    for read in (notes_of, shares_of):
        with contextlib.suppress(LedgerDamaged):
            read(whole[:place] + put + whole[place + len(put) :])
