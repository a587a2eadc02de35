"""Version rolling: the bits granted are those on which replace, OR and XOR agree."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.mining.version_rolling import (
    BIP320_MASK,
    candidates,
    forwarded_bits,
    grant,
    header_version,
    is_permitted,
)

ALL = 0xFFFFFFFF
words = st.integers(0, ALL)

# A BIP9-style signalling bit of the job lies inside the mask.
SIGNALLING_JOB, BITS = 0x20400004, 0x00092000


def test_bip320_gives_sixteen_bits() -> None:
    assert BIP320_MASK.bit_count() == 16
    assert BIP320_MASK >> 13 == 0xFFFF


def test_signalling_bit_in_the_mask_tells_replace_from_or_and_xor() -> None:
    assert header_version(SIGNALLING_JOB, BIP320_MASK, BITS) == 0x20092004
    assert candidates(SIGNALLING_JOB, BIP320_MASK, BITS) == (0x20092004, 0x20492004)


def test_or_and_xor_part_where_the_bits_repeat_one_of_the_job() -> None:
    assert candidates(SIGNALLING_JOB, BIP320_MASK, 0x00402000) == (0x20402004, 0x20002004)
    assert candidates(SIGNALLING_JOB, 0, 0x00402000) == (0x20400004, 0x20402004, 0x20002004)


def test_granting_without_the_signalling_bit_makes_the_conventions_agree() -> None:
    mask = grant(BIP320_MASK, ALL, SIGNALLING_JOB)
    assert mask == 0x1FBFE000
    assert candidates(SIGNALLING_JOB, mask, BITS) == (0x20492004,)


def test_real_share_of_lumerin_rolls_as_recorded() -> None:
    assert header_version(0x20000004, BIP320_MASK, 0x00092000) == 0x20092004
    assert header_version(0x20000004, BIP320_MASK, 0x000B6000) == 0x200B6004


def test_answer_of_antpool_is_cut_to_what_was_asked() -> None:
    assert grant(0x5FFFE000, 0x00C00000, 0x20000000) == 0x00C00000


@given(upstream=words, asked=words, job=st.none() | words)
def test_grant_is_what_upstream_and_miner_share_less_the_bits_of_the_job(
    upstream: int, asked: int, job: int | None
) -> None:
    mask = grant(upstream, asked, job)
    for bit in (1 << n for n in range(32)):
        free = job is None or not job & bit
        assert bool(mask & bit) == (bool(upstream & bit) and bool(asked & bit) and free)


@given(job=words, upstream=words, asked=words, rolled=words)
def test_within_a_grant_all_three_conventions_agree(job: int, upstream: int, asked: int, rolled: int) -> None:
    mask = grant(upstream, asked, job)
    bits = rolled & mask
    assert candidates(job, mask, bits) == (header_version(job, mask, bits),)
    assert candidates(job, mask, bits) == (job | bits,) == (job ^ bits,)


@given(job=words, upstream=words, asked=words, rolled=words)
def test_replacing_and_oring_pools_rebuild_the_version_that_was_hashed(
    job: int, upstream: int, asked: int, rolled: int
) -> None:
    hashed = header_version(job, grant(upstream, asked, job), rolled)
    bits = forwarded_bits(hashed, upstream)
    assert bits & ~upstream == 0
    assert header_version(job, upstream, bits) == hashed
    assert job | bits == hashed


@given(job=words, mask=words, rolled=words)
def test_replacing_changes_nothing_outside_the_mask_and_everything_inside(
    job: int, mask: int, rolled: int
) -> None:
    version = header_version(job, mask, rolled)
    assert is_permitted(version, job, mask)
    assert version & mask == rolled & mask
    assert version & ~mask == job & ~mask


@given(job=words, mask=words, flipped=st.integers(0, 31))
def test_one_bit_is_permitted_exactly_inside_the_mask(job: int, mask: int, flipped: int) -> None:
    assert is_permitted(job ^ 1 << flipped, job, mask) == bool(mask >> flipped & 1)


@given(job=words, mask=words, bits=words)
def test_candidates_are_the_three_readings_without_repeats_replace_first(
    job: int, mask: int, bits: int
) -> None:
    found = candidates(job, mask, bits)
    assert found[0] == header_version(job, mask, bits)
    assert set(found) == {found[0], job | bits, job ^ bits}
    assert len(set(found)) == len(found)


@given(job=st.integers(), mask=st.integers(), bits=st.integers())
def test_no_version_leaves_32_bits(job: int, mask: int, bits: int) -> None:
    for version in (*candidates(job, mask, bits), forwarded_bits(job, mask), grant(mask, bits, job)):
        assert 0 <= version <= ALL
