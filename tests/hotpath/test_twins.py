"""The compiled twin equals the reference: in what it returns, in what it refuses, in what it says then."""

import ast
import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.hotpath import reference

# -- jobs --------------------------------------------------------------------------------------------------


def noise(seed: int, size: int) -> bytes:
    """Return bytes that no two sizes or seeds share, cheaper to draw than as many random ones."""
    return hashlib.shake_256(b"%d" % seed).digest(size)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The arguments of a job, and of a share of it."""

    job: tuple[bytes, bytes, int, list[bytes], int, bytes, int]
    extranonce: bytes
    ntime: int
    nonce: int
    version: int

    def jobs(self, native: ModuleType) -> tuple[reference.PreparedJob, Any]:
        return reference.PreparedJob(*self.job), native.PreparedJob(*self.job)


def drawn(seed: int, coinb1: int, extranonce: int, coinb2: int, branches: int, words: list[int]) -> Drawn:
    version, nbits, ntime, nonce, rolled = words
    return Drawn(
        job=(
            noise(seed, coinb1),
            noise(seed + 1, coinb2),
            extranonce,
            [noise(seed + 10 + i, 32) for i in range(branches)],
            version,
            noise(seed + 2, 32),
            nbits,
        ),
        extranonce=noise(seed + 3, extranonce),
        ntime=ntime,
        nonce=nonce,
        version=rolled,
    )


sizes = st.one_of(
    st.integers(0, 600),
    # Where the padding spills into one more block, and where the hole does.
    st.builds(lambda block, offset: max(0, 64 * block + offset), st.integers(0, 9), st.integers(-10, 2)),
)
words = st.integers(0, 2**32 - 1)
shares = st.builds(
    drawn,
    seed=st.integers(0, 2**64),
    coinb1=sizes,
    extranonce=st.integers(0, reference.MAX_EXTRANONCE_SIZE),
    coinb2=sizes,
    branches=st.integers(0, 20),
    words=st.lists(words, min_size=5, max_size=5),
)


@given(data=st.one_of(st.binary(max_size=200), st.builds(noise, st.integers(0, 2**64), sizes)))
def test_digests_are_equal(native: ModuleType, data: bytes) -> None:
    assert native.sha256d(data) == reference.sha256d(data)


@given(share=shares)
def test_shares_are_equal(native: ModuleType, share: Drawn) -> None:
    ours, theirs = share.jobs(native)
    fields = (share.extranonce, share.ntime, share.nonce, share.version)
    assert theirs.coinbase(share.extranonce) == ours.coinbase(share.extranonce)
    assert theirs.merkle_root(share.extranonce) == ours.merkle_root(share.extranonce)
    assert theirs.header(*fields) == ours.header(*fields)
    assert theirs.share_hash(*fields) == ours.share_hash(*fields)


@given(share=shares)
def test_attributes_are_equal_and_as_given(native: ModuleType, share: Drawn) -> None:
    coinb1, coinb2, extranonce_size, branches, version, prevhash, nbits = share.job
    for job in share.jobs(native):
        assert (job.coinb1, job.coinb2, job.extranonce_size) == (coinb1, coinb2, extranonce_size)
        assert (job.branches, job.version, job.prevhash, job.nbits) == (
            tuple(branches),
            version,
            prevhash,
            nbits,
        )


@pytest.mark.parametrize("extranonce_size", range(reference.MAX_EXTRANONCE_SIZE + 1))
def test_roots_are_equal_for_every_place_of_the_extranonce_and_of_the_padding(
    native: ModuleType, extranonce_size: int
) -> None:
    for hole in range(64):
        # The coinbase's length modulo 64 takes every value while the hole walks through a block.
        for behind in (0, 23, 55, 64, 120):
            share = drawn(hole, 64 + hole, extranonce_size, behind, 1, [0] * 5)
            ours, theirs = share.jobs(native)
            assert theirs.merkle_root(share.extranonce) == ours.merkle_root(share.extranonce), (hole, behind)


def test_digests_are_equal_for_every_length(native: ModuleType) -> None:
    for size in [*range(260), 6_500, 100_000]:
        assert native.sha256d(noise(1, size)) == reference.sha256d(noise(1, size)), size


def test_most_branches(native: ModuleType) -> None:
    share = drawn(5, 110, 12, 180, reference.MAX_BRANCHES, [1, 2, 3, 4, 5])
    ours, theirs = share.jobs(native)
    assert theirs.merkle_root(share.extranonce) == ours.merkle_root(share.extranonce)


def test_shares_of_one_job_do_not_disturb_each_other(twin: ModuleType) -> None:
    share = drawn(7, 110, 12, 180, 12, [1, 2, 3, 4, 5])
    job = twin.PreparedJob(*share.job)
    first = job.share_hash(share.extranonce, 3, 4, 5)
    assert job.share_hash(bytes(12), 3, 4, 5) != first
    assert job.share_hash(share.extranonce, 3, 4, 5) == first


def test_list_of_branches_may_change_behind_the_job(twin: ModuleType) -> None:
    branches = [bytes(32)]
    job = twin.PreparedJob(b"", b"", 4, branches, 1, bytes(32), 1)
    root = job.merkle_root(bytes(4))
    branches[0] = b"\x01" * 32
    assert job.merkle_root(bytes(4)) == root
    assert job.branches == (bytes(32),)


# -- targets -----------------------------------------------------------------------------------------------

values = st.one_of(
    st.integers(0, 2**256 - 1),
    # Neighbours of the powers of two: borrows and limb borders.
    st.builds(
        lambda bit, delta: min(max((1 << bit) + delta, 0), 2**256 - 1),
        st.integers(0, 256),
        st.integers(-2, 2),
    ),
)


@given(value=values, delta=st.integers(-3, 3))
def test_digest_meets_a_target_up_to_equality(twin: ModuleType, value: int, delta: int) -> None:
    number = min(max(value + delta, 0), 2**256 - 1)
    assert twin.Target(value).met_by(number.to_bytes(32, "little")) is (number <= value)


@given(value=values, digest=st.binary(min_size=32, max_size=32))
def test_any_digest_is_compared_as_a_little_endian_number(
    twin: ModuleType, value: int, digest: bytes
) -> None:
    assert twin.Target(value).met_by(digest) is (int.from_bytes(digest, "little") <= value)


@given(value=values, limb=st.integers(0, 7), up=st.booleans())
def test_every_limb_decides(twin: ModuleType, value: int, limb: int, up: bool) -> None:
    number = value + ((1 << 32 * limb) if up else -(1 << 32 * limb))
    if 0 <= number < 2**256:
        assert twin.Target(value).met_by(number.to_bytes(32, "little")) is not up


def test_targets_are_values(twin: ModuleType) -> None:
    assert twin.Target(5) == twin.Target(5)
    assert twin.Target(5) != twin.Target(6)
    assert twin.Target(5) != 5
    assert len({twin.Target(5), twin.Target(5)}) == 1
    assert repr(twin.Target(5)) == "Target(value=5)"
    assert twin.Target(2**256 - 1).value == 2**256 - 1


# -- errors ------------------------------------------------------------------------------------------------


def outcome(call: Callable[[], object]) -> object:
    """Return what a call returned, or the type and the words of its refusal."""
    try:
        return call()
    except (TypeError, ValueError, OverflowError) as refusal:
        return type(refusal), str(refusal)


class Odd(bytes):
    """Not bytes, though a kind of them."""


odd_bytes = st.sampled_from(
    [None, Odd(4), Odd(32), "", 1, bytearray(4), b"", bytes(3), bytes(5), bytes(31), bytes(33)]
)
odd_numbers = st.sampled_from([None, "1", 1.0, b"\1", True, -1, -(2**63) - 1, 2**32, 2**63, 2**64, 10**4000])
any_bytes = st.one_of(st.just(bytes(4)), odd_bytes)
any_word = st.one_of(st.sampled_from([0, 2**32 - 1]), odd_numbers)


refusals = settings(max_examples=300)


@refusals
@given(data=odd_bytes)
def test_refused_messages_are_equal(native: ModuleType, data: Any) -> None:
    assert outcome(lambda: native.sha256d(data)) == outcome(lambda: reference.sha256d(data))


@refusals
@given(value=st.one_of(odd_numbers, st.sampled_from([2**256 - 1, 2**256, -(2**256)])), digest=odd_bytes)
def test_refused_targets_are_equal(native: ModuleType, value: Any, digest: Any) -> None:
    def judged(twin: ModuleType) -> object:
        return twin.Target(value).met_by(digest)

    assert outcome(lambda: judged(native)) == outcome(lambda: judged(reference))


@refusals
@given(
    coinb1=any_bytes,
    coinb2=any_bytes,
    extranonce_size=st.one_of(st.sampled_from([0, 4, 32, 33]), odd_numbers),
    branches=st.one_of(
        st.lists(st.one_of(st.just(bytes(32)), odd_bytes), max_size=3),
        st.sampled_from([None, 5, b"", b"ab", "ab", (bytes(32),), [bytes(32)] * 64, [bytes(32)] * 65]),
    ),
    version=any_word,
    prevhash=st.one_of(st.just(bytes(32)), odd_bytes),
    nbits=any_word,
)
def test_refused_jobs_are_equal(native: ModuleType, **fields: Any) -> None:
    def root(twin: ModuleType) -> object:
        return twin.PreparedJob(**fields).merkle_root(bytes(4))

    assert outcome(lambda: root(native)) == outcome(lambda: root(reference))


@refusals
@given(extranonce=any_bytes, ntime=any_word, nonce=any_word, version=any_word)
def test_refused_shares_are_equal(native: ModuleType, **fields: Any) -> None:
    share = drawn(3, 60, 4, 60, 2, [1, 2, 3, 4, 5])
    ours, theirs = share.jobs(native)
    assert outcome(lambda: theirs.share_hash(**fields)) == outcome(lambda: ours.share_hash(**fields))
    assert outcome(lambda: theirs.header(**fields)) == outcome(lambda: ours.header(**fields))
    extranonce = fields["extranonce"]
    assert outcome(lambda: theirs.merkle_root(extranonce)) == outcome(lambda: ours.merkle_root(extranonce))
    assert outcome(lambda: theirs.coinbase(extranonce)) == outcome(lambda: ours.coinbase(extranonce))


@refusals
@given(
    extranonce=any_bytes,
    ntime=any_word,
    version=any_word,
    first_nonce=any_word,
    count=st.one_of(st.sampled_from([0, 1, 2**32 + 1]), odd_numbers.filter(lambda count: count != 2**32)),
    target=st.sampled_from(["target", None, 5]),
)
def test_refused_searches_are_equal(native: ModuleType, target: object, **fields: Any) -> None:
    share = drawn(3, 60, 4, 60, 2, [1, 2, 3, 4, 5])

    def found(twin: ModuleType) -> object:
        goal = twin.Target(0) if target == "target" else target
        return twin.PreparedJob(*share.job).search(target=goal, **fields)

    assert outcome(lambda: found(native)) == outcome(lambda: found(reference))


def test_number_of_more_digits_than_python_prints_is_refused_like_any_other(twin: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"value must be in 0\.\.2\*\*256-1"):
        twin.Target(10**5000)
    with pytest.raises(ValueError, match=r"version must be in 0\.\.4294967295"):
        twin.PreparedJob(b"", b"", 0, [], 10**5000, bytes(32), 0)


@pytest.mark.parametrize("name", ["coinb1", "extranonce_size", "branches", "version", "prevhash", "nbits"])
def test_job_cannot_be_changed(twin: ModuleType, name: str) -> None:
    job = twin.PreparedJob(b"", b"", 4, [], 1, bytes(32), 1)
    with pytest.raises(AttributeError):
        setattr(job, name, getattr(job, name))


def test_target_cannot_be_changed(twin: ModuleType) -> None:
    target = twin.Target(1)
    with pytest.raises(AttributeError):
        target.value = 2


# -- names -------------------------------------------------------------------------------------------------


def signatures(source: str) -> dict[str, list[str]]:
    """Return the parameters of each public function and method of a module's source."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(source).body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                if any(ast.unparse(decorator) == "property" for decorator in member.decorator_list):
                    continue
                found[owner + member.name] = [
                    ast.unparse(argument.annotation) if argument.annotation else argument.arg
                    for argument in member.args.args
                ] + [argument.arg for argument in member.args.args]
    return found


def test_stub_says_what_the_reference_says() -> None:
    room = Path(reference.__file__).parent
    assert signatures((room / "_compiled.pyi").read_text()) == signatures((room / "reference.py").read_text())


def test_compiled_parameters_are_named_as_in_the_reference(compiled: ModuleType) -> None:
    for name in ("coinbase", "merkle_root", "header", "share_hash", "search"):
        ours = inspect.signature(getattr(reference.PreparedJob, name))
        theirs = inspect.signature(getattr(compiled.PreparedJob, name))
        assert list(theirs.parameters) == list(ours.parameters)
    assert (compiled.MAX_BRANCHES, compiled.MAX_EXTRANONCE_SIZE) == (
        reference.MAX_BRANCHES,
        reference.MAX_EXTRANONCE_SIZE,
    )
