"""The verdict: everything is hashed first, then policy in its order, and no block is lost to it."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from proxy.hotpath import Target
from proxy.mining.difficulty import target_of
from proxy.mining.job import NTIME_WINDOW, Job, prepare
from proxy.mining.verdict import Claim, Reason, Standing, Terms, judge
from proxy.mining.version_rolling import BIP320_MASK
from proxy.units import Difficulty

SHARE = Difficulty(2.0**-20)
"""4,096 hashes: no second reading meets the target by chance."""
UPSTREAM = Difficulty(2.0**-18)
HARD, EASY = 0x170331DB, 0x207FFFFF
NTIME = 0x65000000
GOOD = Standing(authorized=True, stale=False, mask=BIP320_MASK, masks_ever=BIP320_MASK)
TERMS = Terms(Target(target_of(SHARE)), SHARE, BIP320_MASK)
SIGNALLING = 0x20400004
GRANTED = BIP320_MASK & ~SIGNALLING
BITS = 0x00092000


def job(version: int = 0x20000000, mask: int | None = BIP320_MASK, nbits: int = HARD) -> Job:
    return prepare(
        coinb1=b"\x01" * 40,
        coinb2=b"\x02" * 30,
        extranonce_size=8,
        branches=[b"\x03" * 32, b"\x04" * 32],
        version=version,
        prevhash=b"\x05" * 32,
        nbits=nbits,
        ntime=NTIME,
        upstream_difficulty=UPSTREAM,
        version_mask=mask,
    )


def found(
    at: Job,
    *,
    bits: int | None = None,
    version: int | None = None,
    ntime: int = NTIME,
    extranonce: int = 0,
    target: Target = TERMS.target,
) -> Claim:
    """Return a claim whose header with ``version`` meets ``target``."""
    if version is None:
        version = at.version if bits is None else at.version & ~BIP320_MASK | bits
    slot = extranonce.to_bytes(8, "big")
    nonce = at.prepared.search(slot, ntime, version, 0, 1 << 20, target)
    assert nonce is not None
    return Claim(slot, ntime, nonce, bits)


def missed(at: Job, *, bits: int | None = None) -> Claim:
    """Return a claim that no reading of ``bits`` saves."""
    for nonce in range(1 << 16):
        claim = Claim(bytes(8), NTIME, nonce, bits)
        versions = {
            at.version,
            at.version | (bits or 0),
            at.version ^ (bits or 0),
            at.version & ~BIP320_MASK | (bits or 0),
        }
        hashes = [at.prepared.share_hash(claim.extranonce, NTIME, nonce, version) for version in versions]
        if not any(TERMS.target.met_by(digest) for digest in hashes):
            return claim
    raise AssertionError("every hash is a share")


# --- one fault each ---------------------------------------------------------------------------------------


def test_a_good_share_counts() -> None:
    at = job()
    judgement = judge(at, found(at), TERMS, GOOD)
    assert judgement.accepted
    assert not judgement.is_block
    assert at.credited_shares == 1


def test_a_hash_above_the_target_is_low_difficulty_and_is_not_remembered() -> None:
    at = job()
    assert judge(at, missed(at), TERMS, GOOD).reason is Reason.LOW_DIFFICULTY
    assert at.credited_shares == 0


def test_the_same_header_counts_once() -> None:
    at = job()
    claim = found(at)
    assert judge(at, claim, TERMS, GOOD).accepted
    assert judge(at, claim, TERMS, GOOD).reason is Reason.DUPLICATE
    assert at.credited_shares == 1


def test_the_same_header_written_otherwise_is_a_duplicate() -> None:
    """Five parameters, and six with bits of zero, are one header."""
    at = job()
    claim = found(at, bits=0)
    assert judge(at, claim, TERMS, GOOD).accepted
    assert judge(at, replace(claim, version_bits=None), TERMS, GOOD).reason is Reason.DUPLICATE


def test_a_refused_share_may_be_sent_again_once_it_is_right() -> None:
    at = job()
    claim = found(at)
    assert judge(at, claim, TERMS, replace(GOOD, authorized=False)).reason is Reason.UNAUTHORIZED
    assert judge(at, claim, TERMS, GOOD).accepted


@pytest.mark.parametrize(
    ("offset", "reason"),
    [(-1, Reason.NTIME), (0, None), (1, None), (NTIME_WINDOW, None), (NTIME_WINDOW + 1, Reason.NTIME)],
)
def test_ntime_is_the_jobs_to_seven_thousand_seconds_later(offset: int, reason: Reason | None) -> None:
    at = job()
    assert NTIME_WINDOW == 7000
    assert judge(at, found(at, ntime=NTIME + offset), TERMS, GOOD).reason is reason


def test_the_target_is_that_of_the_terms_not_of_another_session() -> None:
    at = job()
    claim = found(at)
    digest = judge(at, claim, TERMS, replace(GOOD, stale=True)).digest
    number = int.from_bytes(digest, "little")
    exact = replace(TERMS, target=Target(number))
    harder = replace(TERMS, target=Target(number - 1))
    assert judge(at, claim, harder, GOOD).reason is Reason.LOW_DIFFICULTY
    assert judge(at, claim, exact, GOOD).accepted


def test_upstream_is_met_by_its_own_target_only() -> None:
    at = job()
    good = judge(at, found(at, target=at.upstream_target), TERMS, GOOD)
    assert good.accepted
    assert good.meets_upstream
    slot = next(
        claim
        for n in range(99)
        if not at.upstream_target.met_by(
            at.prepared.share_hash(
                (claim := found(at, extranonce=n)).extranonce, NTIME, claim.nonce, at.version
            )
        )
    )
    poor = judge(at, slot, TERMS, GOOD)
    assert poor.accepted
    assert not poor.meets_upstream


def test_an_extranonce_of_another_width_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="extranonce"):
        judge(job(), Claim(bytes(7), NTIME, 0, None), TERMS, GOOD)


# --- the order of the checks --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Faults:
    """Which faults a share has, in the order in which they must be found."""

    unauthorized: bool
    stale: bool
    ntime: bool
    bits: bool
    duplicate: bool
    low: bool

    @property
    def expected(self) -> set[Reason | None]:
        if self.unauthorized:
            return {Reason.UNAUTHORIZED}
        if self.stale:
            return {Reason.STALE}
        if self.ntime:
            return {Reason.NTIME}
        if self.bits:
            return {Reason.VERSION_BITS}
        if self.duplicate:
            return {Reason.DUPLICATE}
        return {Reason.LOW_DIFFICULTY if self.low else None}


@given(st.builds(Faults, *[st.booleans()] * 6))
def test_the_first_fault_in_the_order_of_the_architecture_is_the_answer(faults: Faults) -> None:
    assume(not (faults.duplicate and faults.low))  # what was credited met its target
    at = job()
    ntime = NTIME - 1 if faults.ntime else NTIME
    bits = 0x2001 if faults.bits else 0x2000
    claim = missed(at, bits=bits) if faults.low else found(at, bits=bits, version=0x20002000, ntime=ntime)
    claim = replace(claim, ntime=ntime)
    if faults.duplicate:
        at.remember(at.prepared.share_hash(claim.extranonce, ntime, claim.nonce, 0x20002000))
    standing = replace(GOOD, authorized=not faults.unauthorized, stale=faults.stale)
    assert judge(at, claim, TERMS, standing).reason in faults.expected


@given(st.builds(Faults, *[st.booleans()] * 6))
def test_a_block_is_seen_whatever_the_policy_says(faults: Faults) -> None:
    at = job(nbits=EASY)
    ntime = NTIME + NTIME_WINDOW + 1 if faults.ntime else NTIME
    bits = 0x2001 if faults.bits else 0x2000
    claim = found(at, bits=bits, version=0x20002000, ntime=ntime)
    if faults.duplicate:
        at.remember(at.prepared.share_hash(claim.extranonce, ntime, claim.nonce, 0x20002000))
    terms = replace(TERMS, target=Target(0)) if faults.low else TERMS
    standing = replace(GOOD, authorized=not faults.unauthorized, stale=faults.stale)
    judgement = judge(at, claim, terms, standing)
    assert judgement.is_block
    assert judgement.accepted == (faults.expected == {None})


# --- version rolling --------------------------------------------------------------------------------------


def test_bits_inside_the_mask_replace_those_of_the_job() -> None:
    at = job()
    judgement = judge(at, found(at, bits=BITS), TERMS, GOOD)
    assert judgement.accepted
    assert judgement.version == 0x20092000


@pytest.mark.parametrize("bits", [0x00000001, 0x20000000, 0x40000000, 0x80000000, 0xC0000000, 0x00001000])
def test_bits_outside_the_mask_are_code_20_whether_or_not_the_hash_would_do(bits: int) -> None:
    at = job()
    for version in (at.version, at.version | bits, at.version ^ bits):
        judgement = judge(at, found(at, bits=bits, version=version), TERMS, GOOD)
        assert judgement.reason is Reason.VERSION_BITS
        assert judgement.reason.code == 20


def test_without_a_grant_only_bits_of_zero_pass() -> None:
    at = job(mask=None)
    nobody = replace(GOOD, mask=0, masks_ever=0)
    terms = replace(TERMS, mask=0)
    assert judge(at, found(at, bits=0, version=at.version), terms, nobody).accepted
    rolled = found(at, bits=0x2000, version=at.version | 0x2000)
    assert judge(at, rolled, terms, nobody).reason is Reason.VERSION_BITS


def test_bits_that_this_jobs_pool_never_granted_do_not_count_on_it() -> None:
    """After a failover the session may have kept a wider mask than the new pool allows."""
    at = job(mask=0x00FFE000)
    assert judge(at, found(at, bits=0x10000000), TERMS, GOOD).reason is Reason.VERSION_BITS


@pytest.mark.parametrize(
    ("convention", "version"), [("replace", 0x20092004), ("OR", 0x20492004), ("XOR", 0x20492004)]
)
def test_a_signalling_job_is_read_in_all_three_conventions(convention: str, version: int) -> None:
    """Base 20400004, bits 00092000: the miner ignored the narrower mask that it was granted."""
    at = job(SIGNALLING)
    standing = Standing(authorized=True, stale=False, mask=GRANTED, masks_ever=BIP320_MASK)
    judgement = judge(at, found(at, bits=BITS, version=version), replace(TERMS, mask=GRANTED), standing)
    assert judgement.accepted
    assert judgement.version == version


@pytest.mark.parametrize("version", [0x20000004 | 0x00402000, 0x20000004 | 0x00002000])
def test_or_and_xor_of_a_bit_that_the_job_has_prove_themselves(version: int) -> None:
    at = job(SIGNALLING)
    standing = Standing(authorized=True, stale=False, mask=GRANTED, masks_ever=BIP320_MASK)
    claim = found(at, bits=0x00402000, version=version)
    judgement = judge(at, claim, replace(TERMS, mask=GRANTED), standing)
    assert judgement.accepted
    assert judgement.version == version


def test_a_proven_reading_counts_once_however_it_is_written() -> None:
    at = job(SIGNALLING)
    standing = Standing(authorized=True, stale=False, mask=GRANTED, masks_ever=BIP320_MASK)
    claim = found(at, bits=BITS, version=0x20492004)
    terms = replace(TERMS, mask=GRANTED)
    assert judge(at, claim, terms, standing).accepted
    assert judge(at, replace(claim, version_bits=0x00492000), terms, standing).reason is Reason.DUPLICATE


@pytest.mark.parametrize("bits", [0, BITS, 0x00400000])
def test_a_share_in_flight_when_the_mask_grew_is_read_by_its_jobs_mask(bits: int) -> None:
    """The job signals inside the mask; a newer job does not, so the session's mask has grown since."""
    at = job(SIGNALLING)
    claim = found(at, bits=bits, version=SIGNALLING | bits)
    assert judge(at, claim, replace(TERMS, mask=GRANTED), GOOD).accepted


@pytest.mark.parametrize("bits", [0, BITS])
def test_a_share_in_flight_when_the_mask_shrank_may_use_the_old_mask(bits: int) -> None:
    at = job()
    narrowed = Standing(authorized=True, stale=False, mask=0x00002000, masks_ever=BIP320_MASK)
    assert judge(at, found(at, bits=bits), TERMS, narrowed).accepted


@given(bits=st.integers(0, 0xFFFF).map(lambda n: n << 13), version=st.integers(0, 0xFFFFFFFF))
def test_every_convention_of_every_job_is_understood_within_the_grant(bits: int, version: int) -> None:
    at = job(version)
    granted = BIP320_MASK & ~version
    bits &= granted
    standing = Standing(authorized=True, stale=False, mask=granted, masks_ever=BIP320_MASK)
    for hashed in {version & ~granted | bits, version | bits, version ^ bits}:
        assert hashed == version | bits
    judgement = judge(
        at, found(at, bits=bits, version=version | bits), replace(TERMS, mask=granted), standing
    )
    assert judgement.accepted
    assert judgement.version & ~BIP320_MASK == version & ~BIP320_MASK


@given(
    version=st.integers(0, 0xFFFFFFFF),
    bits=st.none() | st.integers(0, 0xFFFFFFFF),
    nonce=st.integers(0, 0xFFFFFFFF),
    ntime=st.integers(0, 0xFFFFFFFF),
    mask=st.none() | st.integers(0, 0xFFFFFFFF),
    granted=st.integers(0, 0xFFFFFFFF),
    ever=st.integers(0, 0xFFFFFFFF),
)
def test_what_is_accepted_never_changes_a_bit_that_upstream_did_not_allow(
    version: int, bits: int | None, nonce: int, ntime: int, mask: int | None, granted: int, ever: int
) -> None:
    at = job(version, mask)
    anything = Terms(Target((1 << 256) - 1), SHARE, granted)
    standing = Standing(authorized=True, stale=False, mask=granted, masks_ever=ever | granted)
    judgement = judge(at, Claim(bytes(8), ntime, nonce, bits), anything, standing)
    assert judgement.digest == at.prepared.share_hash(bytes(8), ntime, nonce, judgement.version)
    if judgement.accepted:
        assert (judgement.version ^ version) & ~(mask or 0) == 0
        assert NTIME <= ntime <= NTIME + 7000


@given(
    first=st.integers(0, 0xFFFF).map(lambda n: n << 13),
    now=st.integers(0, 0xFFFF).map(lambda n: n << 13),
    bits=st.integers(0, 0xFFFF).map(lambda n: n << 13),
)
def test_a_miner_deaf_to_new_masks_replaces_under_its_first_one(first: int, now: int, bits: int) -> None:
    """Base bits moved inside the mask; the miner goes on as it was told at its login."""
    told = BIP320_MASK & ~first
    bits &= told
    at = job(0x20000000 | now)
    hashed = 0x20000000 | now & ~told | bits
    standing = replace(GOOD, mask=BIP320_MASK & ~now, first_mask=told)
    judgement = judge(at, found(at, bits=bits, version=hashed), replace(TERMS, mask=standing.mask), standing)
    assert judgement.accepted
