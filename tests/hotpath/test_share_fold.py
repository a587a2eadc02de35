"""Credited shares summed up: the reference, and the compiled twin for bytes of every kind."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.errors import LedgerDamaged
from proxy.hotpath import reference
from proxy.hotpath.share_fold import MOST_DIFFICULTY, Forwarded, ShareFold, Sum
from proxy.ledger.records import Share, joined, message, shares_of
from tests.hotpath.conftest import HERE

TWINS = [pytest.param(reference.ShareFold, id="python")]
if HERE is not None:
    TWINS.append(pytest.param(HERE.ShareFold, id="compiled"))
both = pytest.mark.parametrize("make", TWINS)
Make = Callable[[], ShareFold]

names = st.sampled_from(["rig", "", "a" * 31, "a" * 32, "a" * 255, "a" * 256, "münch", "x\0y"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
# At the borders where msgpack takes another byte, and in between.
numbers = st.sampled_from(
    [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1]
) | st.integers(0, 2**63 - 1)
words = st.sampled_from([0, 127, 128, 65536, 2**32 - 1])
difficulties = st.sampled_from([0.0, 0.5, 1.0, 8192.0, MOST_DIFFICULTY])
shares = st.builds(
    Share, numbers, numbers, names, names, st.binary(max_size=40), words, words, words, difficulties,
    difficulties, st.integers(0, 3),
)  # fmt: skip
few = st.builds(
    Share, st.integers(0, 2), st.integers(0, 2), st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]),
    st.just(bytes(12)), words, words, words, difficulties, difficulties, st.just(0),
)  # fmt: skip
batches = st.lists(st.lists(few | shares, max_size=12), max_size=5)


def share(number: int = 0, session: int = 1, credit: float = 2.0, achieved: float = 5.0) -> Share:
    return Share(number, session, "rig", "j1", bytes(12), 1, 2, 3, credit, achieved, 0)


@both
def test_shares_are_summed_by_session_worker_and_job(make: Make) -> None:
    fold = make()
    assert fold.add(message([share(), share(7, credit=4.0, achieved=9.0), share(session=2)]), 50) == [
        (1, 7, (1, "rig", "j1"))
    ]
    fold.add(message([share()]), 40)
    assert len(fold) == 2
    assert fold.drain() == [(1, "rig", "j1", 3, 8.0, 24.0, 9.0, 50), (2, "rig", "j1", 1, 2.0, 4.0, 5.0, 50)]
    assert (len(fold), fold.drain()) == (0, [])


@both
@given(batches=batches)
def test_sums_are_those_of_the_shares(make: Make, batches: list[list[Share]]) -> None:
    fold = make()
    for at, batch in enumerate(batches):
        fold.add(message(batch), at)
    every = [(at, each) for at, batch in enumerate(batches) for each in batch]
    sums: dict[tuple[int, str, str], tuple[int, float, float, int]] = {}
    for at, each in every:
        count, credit, best, _ = sums.get((each.session, each.worker, each.job_id), (0, 0.0, 0.0, 0))
        sums[each.session, each.worker, each.job_id] = (
            count + 1, credit + each.credit, max(best, each.achieved), at,
        )  # fmt: skip
    assert {
        (session, worker, job_id): (count, credit, best, last)
        for session, worker, job_id, count, credit, _, best, last in fold.drain()
    } == sums


def outcome(fold: ShareFold, data: bytes, at: int) -> list[Forwarded] | type[LedgerDamaged]:
    try:
        return fold.add(data, at)
    except LedgerDamaged:
        return LedgerDamaged


def compared(compiled: ModuleType, messages: list[bytes]) -> list[Sum]:
    """Give the same messages to both twins, demand that they answer alike, and return the sums."""
    specified, native = ShareFold(), compiled.ShareFold()
    for at, data in enumerate(messages):
        assert outcome(native, data, at) == outcome(specified, data, at)
    assert len(native) == len(specified)
    found = specified.drain()
    assert native.drain() == found
    return found


@given(batches=batches)
def test_twins_agree_on_shares(compiled: ModuleType, batches: list[list[Share]]) -> None:
    compared(compiled, [message(batch) for batch in batches])


def respelled(values: list[Any], spelling: int) -> bytes:
    """Return a share in a longer form of msgpack, of many kinds."""
    number, session, worker, job_id, extranonce, *rest = values
    packed = [
        b"\xcf" + number.to_bytes(8, "big") if spelling & 1 else msgpack.packb(number),
        b"\xcf" + session.to_bytes(8, "big") if spelling & 2 else msgpack.packb(session),
        *(
            b"\xdb" + len(text.encode()).to_bytes(4, "big") + text.encode()
            if spelling & 4
            else b"\xda" + len(text.encode()).to_bytes(2, "big") + text.encode()
            for text in (worker, job_id)
        ),
        b"\xc5" + len(extranonce).to_bytes(2, "big") + extranonce,
        *(msgpack.packb(each) for each in rest),
    ]
    extra = [msgpack.packb("of a later version")] if spelling & 8 else []
    return b"\xdc" + len(packed + extra).to_bytes(2, "big") + b"".join(packed + extra)


@given(
    batch=st.lists(few | shares, min_size=1, max_size=6), spellings=st.lists(st.integers(0, 15), min_size=6)
)
def test_twins_agree_on_every_spelling_of_the_same_values(
    compiled: ModuleType, batch: list[Share], spellings: list[int]
) -> None:
    values = [list(msgspec.structs.astuple(each)) for each in batch]
    longer = joined(len(batch), b"".join(respelled(*each) for each in zip(values, spellings, strict=False)))
    twice = compared(compiled, [message(batch), longer])
    assert sum(count for *_, count, _, _, _, _ in twice) == 2 * len(batch)
    once = compared(compiled, [message(batch)])
    assert [each[:3] for each in twice] == [each[:3] for each in once]


@given(batch=st.lists(few | shares, min_size=1, max_size=4), at=st.integers(0), put=st.binary(max_size=9))
def test_twins_agree_on_damaged_bytes(compiled: ModuleType, batch: list[Share], at: int, put: bytes) -> None:
    data = message(batch)
    place = at % len(data)
    compared(compiled, [message([share()]), data[:place] + put + data[place + len(put) :], data[:place]])


@given(
    data=st.binary(max_size=80), head=st.sampled_from([b"", b"\xdd\0\0\0\1", b"\xdd\0\0\0\1\x9b", b"\x91"])
)
def test_twins_agree_on_arbitrary_bytes(compiled: ModuleType, data: bytes, head: bytes) -> None:
    compared(compiled, [head + data])


@both
@given(batch=st.lists(shares, min_size=1, max_size=4), cut=st.integers(0))
def test_a_message_that_is_cut_changes_nothing(make: Make, batch: list[Share], cut: int) -> None:
    data = message(batch)
    fold = make()
    fold.add(message([share()]), 1)
    with pytest.raises(LedgerDamaged):
        fold.add(data[: cut % len(data)], 2)
    assert fold.drain() == [(1, "rig", "j1", 1, 2.0, 4.0, 5.0, 1)]


@both
@pytest.mark.parametrize("credit", [math.nan, -math.nan, math.inf, -math.inf, -1.0, MOST_DIFFICULTY * 2])
@pytest.mark.parametrize("place", [-19, -10])
def test_a_difficulty_that_none_can_have_is_damage(make: Make, credit: float, place: int) -> None:
    good = message([share(), share()])
    bad = good[:place] + b"\xcb" + struct.pack(">d", credit) + good[place + 9 :]
    assert len(bad) == len(good)
    assert shares_of(bad)[1].credit != shares_of(bad)[1].achieved  # it is a message of shares
    fold = make()
    with pytest.raises(LedgerDamaged):
        fold.add(bad, 1)
    assert fold.drain() == []


@both
@pytest.mark.parametrize("field", [0, 1])
def test_a_number_that_sqlite_cannot_hold_is_damage(make: Make, field: int) -> None:
    values: list[object] = list(msgspec.structs.astuple(share()))
    values[field] = 1 << 63
    with pytest.raises(LedgerDamaged):
        make().add(joined(1, msgpack.packb(values)), 1)


@both
def test_a_count_that_is_a_lie_reserves_nothing(make: Make) -> None:
    with pytest.raises(LedgerDamaged):
        make().add(b"\xdd\xff\xff\xff\xff" + message([share()])[5:], 1)


@both
@pytest.mark.parametrize("damage", [b"\x81" * 100_000, b"\x91" * 100_000], ids=["maps", "arrays"])
def test_what_is_nested_without_end_is_damage(make: Make, damage: bytes) -> None:
    with pytest.raises(LedgerDamaged):
        make().add(joined(1, b"\x9c" + message([share()])[6:] + damage), 1)


@both
def test_only_bytes_are_taken(make: Make) -> None:
    untyped: Any = make()
    with pytest.raises(TypeError, match="shares must be bytes, not bytearray"):
        untyped.add(bytearray(message([])), 1)


@both
@given(batch=st.lists(few, max_size=20), cut=st.integers(0, 20))
def test_the_order_of_sums_is_that_of_their_first_shares(make: Make, batch: list[Share], cut: int) -> None:
    assume(cut <= len(batch))
    whole, parts = make(), make()
    whole.add(message(batch), 3)
    parts.add(message(batch[:cut]), 3)
    parts.add(message(batch[cut:]), 3)
    assert whole.drain() == parts.drain()
