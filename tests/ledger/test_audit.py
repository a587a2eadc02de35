"""The compiled audit finds what the specification finds, and takes only what is plain."""

import random
from collections.abc import Sequence
from types import ModuleType

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import hotpath
from proxy.errors import LedgerDamaged
from proxy.hotpath import Job, Target
from proxy.ledger import audit
from proxy.ledger.audit import Finding, Targets, credited, specified, words_of
from proxy.ledger.records import Share, message, shares_of
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty
from tests.conftest import Require
from tests.fakes.mined_ledger import CREDIT, POOL, changed, mined, prepared, work_of

WORKS = [work_of(number, block=number // 2) for number in range(4)]
HONEST = [mined(WORKS[number % 4], number) for number in range(40)]
EXTRANONCES: dict[int, tuple[bytes, ...]] = {1: (b"\x00\x01",), 2: (b"\x00\x09", b"\x00\x01")}

mutations = st.sampled_from(
    [
        {},
        {"nonce": 5},
        {"credit": 1.0},
        {"credit": 0.0},
        {"achieved": 1.0},
        {"flags": 1},
        {"flags": 3},
        {"job_id": "nobody's"},
        {"job_id": "job2"},
        {"session": 2},
        {"session": 3},
        {"ntime": 0},
        {"ntime": 1 << 33},
        {"extranonce": b"\x00\x01"},
        {"extranonce": b"\x05" * 6},
        {"worker": "x" * 40},
        {"worker": "é"},
        {"number": (1 << 63) - 1},
    ]
)
shares = st.lists(
    st.builds(lambda share, fields: changed(share, **fields), st.sampled_from(HONEST), mutations), max_size=30
)


def jobs() -> dict[str, Job]:
    made = {}
    for work in WORKS:
        target = Target(target_of_nbits(work.nbits))
        job = Job(prepared(work), work.ntime, Target(target_of(Difficulty(work.difficulty))), target)
        made[f"job{work.work}"] = job
    made["job1"].share_credits(made["job0"])
    made["job3"].forget()
    return made


@pytest.fixture(name="compiled", scope="module")
def _compiled(require: Require) -> ModuleType:
    require("the compiled core", hotpath.COMPILED)
    return hotpath


@given(held=st.lists(shares, max_size=3))
def test_both_find_the_same_and_remember_the_same(compiled: ModuleType, held: list[list[Share]]) -> None:
    ours, theirs = jobs(), jobs()
    targets = Targets(target_of)
    for each in held:
        packed = message(each)
        expected = specified(shares_of(packed), theirs, EXTRANONCES, targets)
        assert audit.audit(packed, ours, EXTRANONCES, targets) == expected
        plain = all(share.worker.isascii() for share in each)
        assert (compiled.plain_credits(packed) is not None) == plain
        assert credited(packed) == (len(each), in_order(each))


def in_order(held: Sequence[Share]) -> float:
    total = 0.0
    for share in held:
        total += share.credit
    return total


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_any_number_of_shares_is_hashed(compiled: ModuleType, count: int) -> None:
    held = [HONEST[number % 40] for number in range(count)]
    expected = specified(held, jobs(), EXTRANONCES, Targets(target_of))
    assert compiled.plain_audit(message(held), jobs(), EXTRANONCES, Targets(target_of)) == expected


def test_other_encodings_of_the_same_shares_are_the_same_shares(compiled: ModuleType) -> None:
    packed = msgpack.packb([list(msgspec.structs.astuple(share)) for share in HONEST])
    assert compiled.plain_audit(packed, jobs(), EXTRANONCES, Targets(target_of)) is None
    assert audit.audit(packed, jobs(), EXTRANONCES, Targets(target_of)) == specified(
        HONEST, jobs(), EXTRANONCES, Targets(target_of)
    )
    assert credited(packed) == (40, 40 * CREDIT)


@given(cut=st.integers(0, 200), tail=st.binary(max_size=3), flips=st.integers(0, 2**32))
def test_damaged_messages_are_read_as_the_decoder_reads_them(cut: int, tail: bytes, flips: int) -> None:
    chance = random.Random(flips)
    packed = bytearray(message(HONEST[:3]))
    for _ in range(chance.randrange(3)):
        packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
    data = bytes(packed[: len(packed) - cut] if cut < len(packed) else b"") + tail
    try:
        expected = specified(shares_of(data), jobs(), EXTRANONCES, Targets(target_of))
    except LedgerDamaged:
        with pytest.raises(LedgerDamaged):
            credited(data)
        with pytest.raises(LedgerDamaged):
            audit.audit(data, jobs(), EXTRANONCES, Targets(target_of))
        return
    assert audit.audit(data, jobs(), EXTRANONCES, Targets(target_of)) == expected


def test_every_finding_has_words() -> None:
    everything = Finding(0)
    for finding in Finding:
        everything |= finding
    assert len(words_of(everything)) == len(Finding)


def test_targets_are_made_once_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Targets, "MOST", 3)
    targets = Targets(target_of)
    assert targets[POOL] is targets[POOL]
    assert targets[float("nan")] is None
    for exponent in range(9):
        assert targets[2.0**exponent] == Target(target_of(Difficulty(2.0**exponent)))
    assert len(targets) <= 3
