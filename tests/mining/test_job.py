"""A job: prepared once, with its targets and the memory of what it has credited."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.mining.job import Job, prepare
from proxy.units import Difficulty


def job(*, difficulty: float = 1024.0, mask: int | None = None, nbits: int = 0x170331DB) -> Job:
    return prepare(
        coinb1=b"\x01" * 40,
        coinb2=b"\x02" * 30,
        extranonce_size=8,
        branches=[b"\x03" * 32],
        version=0x20000000,
        prevhash=b"\x04" * 32,
        nbits=nbits,
        ntime=0x65000000,
        upstream_difficulty=Difficulty(difficulty),
        version_mask=mask,
    )


@given(
    exponent=st.integers(-40, 60), nbits=st.sampled_from([0x170331DB, 0x207FFFFF, 0x1D00FFFF, 0, 0xFFFFFFFF])
)
def test_targets_are_those_of_the_difficulty_and_of_nbits(exponent: int, nbits: int) -> None:
    made = job(difficulty=2.0**exponent, nbits=nbits)
    assert made.upstream_target.value == target_of(Difficulty(2.0**exponent))
    assert made.network_target.value == target_of_nbits(nbits)


def test_a_mask_that_was_not_granted_lets_nothing_roll() -> None:
    assert job(mask=None).rollable == 0
    assert job(mask=0).rollable == 0
    assert job(mask=0x1FFFE000).rollable == 0x1FFFE000


@given(digests=st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_exactly_the_remembered_digests_are_duplicates(digests: list[bytes]) -> None:
    made = job()
    seen: set[bytes] = set()
    for digest in digests:
        assert made.is_duplicate(digest) == (digest[:16] in seen)
        made.remember(digest)
        seen.add(digest[:16])
        assert made.is_duplicate(digest)
    assert made.credited_shares == len(seen)


def test_digests_that_share_the_zeros_of_a_share_are_not_the_same() -> None:
    made = job()
    made.remember(b"\x01" * 16 + bytes(16))
    assert not made.is_duplicate(b"\x02" * 16 + bytes(16))


def test_jobs_remember_apart() -> None:
    one, other = job(), job()
    one.remember(b"\x01" * 32)
    assert not other.is_duplicate(b"\x01" * 32)
