"""What shares are held against, in both twins: the same verdicts, the same counts, to the last bit."""

import struct
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.hotpath import Reason, reference
from proxy.hotpath.names import worker_of
from proxy.hotpath.reasons import REASONS
from proxy.hotpath.shares import NTIME_WINDOW

VERSION, MASK = 0x20000000, 0x1FFFE000
NTIME = 0x65000000

# --- verdicts -----------------------------------------------------------------------------------------------

masks = st.sampled_from([0, MASK, 0x00FFE000, 0x1FFFFFE0, 0xFFFFFFFF, 0x00002000, 0xE0000000])
all_bits = (
    st.none() | masks | st.sampled_from([0x00092000, 0x40000000, 0x20000000]) | st.integers(0, 2**32 - 1)
)


@dataclass(frozen=True)
class Case:
    """A job, and shares of it."""

    version: int
    rollable: int
    window: int | None
    """Seconds that ntime may run ahead, where it is not the usual."""
    powers: tuple[int, int, int]
    """Of the session's, the upstream's and the network's target, in bits."""
    shares: list[tuple[int, int, int, int | None, int, int, int, int, bool, bool]]


def verdicts(twin: ModuleType, case: Case) -> list[Any]:
    """Return what a twin says of every share, and what it remembers then."""
    prepared = twin.PreparedJob(
        b"\x01" * 50, b"\x02" * 60, 8, [b"\x03" * 32] * 2, case.version, b"\x04" * 32, 1
    )
    target, upstream, network = (twin.Target((1 << bits) - 1) for bits in case.powers)
    job = twin.Job(prepared, NTIME, upstream, network)
    job.rollable = case.rollable
    if case.window is not None:
        job.last_ntime = NTIME + case.window
    said: list[Any] = []
    for extra, ntime, nonce, bits, granted, mask, ever, first, authorized, stale in case.shares:
        found = twin.judge(
            job,
            extra.to_bytes(8, "big"),
            ntime,
            nonce,
            bits,
            target,
            granted,
            mask,
            ever,
            first,
            authorized=authorized,
            stale=stale,
        )
        said += [found, job.credited_shares, job.is_duplicate(found[1])]
    return said


shares = st.tuples(
    st.integers(0, 3),
    st.sampled_from([NTIME, NTIME, NTIME - 1, NTIME + NTIME_WINDOW, NTIME + NTIME_WINDOW + 1, 0, 2**32 - 1])
    | st.sampled_from([NTIME + 600, NTIME + 601]),
    st.integers(0, 3),
    all_bits,
    masks,
    masks,
    masks,
    masks,
    st.sampled_from([True, True, True, False]),
    st.sampled_from([False, False, False, True]),
)
cases = st.builds(
    Case,
    version=st.sampled_from([VERSION, 0x20400004, 0x00000000, 0xFFFFFFFF, 0x20002000]),
    rollable=masks,
    window=st.sampled_from([None, None, 600, 0]),
    powers=st.tuples(st.integers(252, 256), st.integers(250, 256), st.integers(250, 256)),
    shares=st.lists(shares, max_size=12),
)


@settings(max_examples=400)
@given(case=cases)
def test_verdicts_are_equal(compiled: ModuleType, case: Case) -> None:
    assert verdicts(compiled, case) == verdicts(reference, case)


def test_every_reason_occurs_among_the_verdicts(compiled: ModuleType) -> None:
    """Or equality of the twins says little."""
    good = (0, NTIME, 0, None, MASK, MASK, MASK, MASK, True, False)
    odd = [
        good,
        good,
        (*good[:8], False, False),
        (*good[:9], True),
        (0, NTIME - 1, *good[2:]),
        (0, NTIME, 0, 0x40000000, *good[4:]),
    ]
    easy = verdicts(compiled, Case(VERSION, MASK, None, (256, 256, 256), odd))[::3]
    hard = verdicts(compiled, Case(VERSION, MASK, None, (1, 1, 1), [good]))[::3]
    reasons = [found[0] for found in easy + hard]
    assert reasons == [
        None,
        Reason.DUPLICATE,
        Reason.UNAUTHORIZED,
        Reason.STALE,
        Reason.NTIME,
        Reason.VERSION_BITS,
        Reason.LOW_DIFFICULTY,
    ]


def test_a_job_near_the_end_of_time_has_its_window_up_to_there(twin: ModuleType) -> None:
    prepared = twin.PreparedJob(b"", b"", 8, [], 1, bytes(32), 1)
    last = (1 << 32) - 1
    for ntime, allowed in ((0, NTIME_WINDOW), (last - NTIME_WINDOW, last), (last - 5, last)):
        assert twin.Job(prepared, ntime, twin.Target(1), twin.Target(1)).last_ntime == allowed


def test_an_extranonce_of_another_width_is_refused_alike(twin: ModuleType) -> None:
    prepared = twin.PreparedJob(b"", b"", 8, [], 1, bytes(32), 1)
    job = twin.Job(prepared, 0, twin.Target(1), twin.Target(1))
    with pytest.raises(ValueError, match="extranonce must have 8 bytes, not 7"):
        twin.judge(job, bytes(7), 0, 0, None, twin.Target(1), 0, 0, 0, 0, authorized=True, stale=False)


@given(
    digest=st.binary(min_size=32, max_size=32) | st.integers(0, 2**64).map(lambda n: n.to_bytes(32, "little"))
)
def test_achieved_difficulties_are_equal(compiled: ModuleType, digest: bytes) -> None:
    theirs = compiled.achieved_difficulty(digest)
    assert struct.pack("d", theirs) == struct.pack("d", reference.achieved_difficulty(digest))
    exact = (0xFFFF << 208) / max(1, int.from_bytes(digest, "little"))
    assert theirs == pytest.approx(exact, rel=1e-14)


# --- the memory of credited shares --------------------------------------------------------------------------


def job_of(twin: ModuleType) -> Any:
    prepared = twin.PreparedJob(b"", b"", 8, [], 1, bytes(32), 1)
    return twin.Job(prepared, 0, twin.Target(1), twin.Target(1))


digests = st.one_of(
    st.binary(min_size=32, max_size=32),
    st.just(bytes(32)),
    # Keys that begin at the same place of a table, so that they crowd; some of them at its very end.
    st.integers(0, 90).map(lambda n: bytes(4) + n.to_bytes(4, "big") + bytes(24)),
    st.integers(0, 90).map(lambda n: b"\xff" * 4 + n.to_bytes(4, "big") + bytes(24)),
)


@given(seen=st.lists(digests, max_size=120), asked=st.lists(digests, max_size=20))
def test_what_is_remembered_is_equal(compiled: ModuleType, seen: list[bytes], asked: list[bytes]) -> None:
    ours, theirs = job_of(reference), job_of(compiled)
    for digest in seen:
        assert theirs.is_duplicate(digest) == ours.is_duplicate(digest)
        ours.remember(digest)
        theirs.remember(digest)
        assert theirs.credited_shares == ours.credited_shares
    for digest in seen + asked:
        assert theirs.is_duplicate(digest) == ours.is_duplicate(digest)


def test_a_job_remembers_a_hundred_thousand_shares(twin: ModuleType) -> None:
    job = job_of(twin)
    hashes = [twin.sha256d(n.to_bytes(4, "big")) for n in range(100_000)]
    for digest in hashes[:50_000]:
        job.remember(digest)
    assert all(job.is_duplicate(digest) for digest in hashes[:50_000])
    assert not any(job.is_duplicate(digest) for digest in hashes[50_000:])
    assert job.credited_shares == 50_000


def test_jobs_that_share_credits_remember_together_until_one_forgets(twin: ModuleType) -> None:
    one, other = job_of(twin), job_of(twin)
    other.share_credits(one)
    one.remember(b"\x01" * 32)
    assert other.is_duplicate(b"\x01" * 32)
    one.forget()
    assert one.is_forgotten
    assert not one.is_duplicate(b"\x01" * 32)
    assert other.is_duplicate(b"\x01" * 32)


# --- counts -------------------------------------------------------------------------------------------------


@given(events=st.lists(st.tuples(st.none() | st.sampled_from(REASONS), st.floats(0, 2.0**60)), max_size=30))
def test_tallies_are_equal(compiled: ModuleType, events: list[tuple[Reason | None, float]]) -> None:
    ours, theirs = reference.Tally(), compiled.Tally()
    for reason, difficulty in events:
        for tally in (ours, theirs):
            if reason is None:
                tally.accept(difficulty)
            else:
                tally.reject(reason, difficulty)
    for name in ("accepted", "accepted_difficulty", "accepted_square", "rejected", "rejected_difficulty"):
        assert getattr(theirs, name) == getattr(ours, name)
    assert (theirs.refused, theirs.judged, theirs.blocks) == (ours.refused, ours.judged, ours.blocks)


# --- evidence -----------------------------------------------------------------------------------------------

SETTABLE = ("paused", "converged", "wanted", "per_minute", "window", "raise_certainty", "lower_certainty")
READABLE = ("worked", "seen", "work", "intervals", "credit", "credit_square", "last_credited", "quiet_steps")

positive = st.floats(1e-9, 1e12)
steps = st.one_of(
    st.tuples(st.just("count"), positive, st.floats(-5, 1e4)),
    st.tuples(st.just("count"), st.sampled_from([1.0, 2.0, 0.5]), st.floats(0, 10)),
    st.tuples(st.just("pass_time"), st.floats(-5, 1e5)),
    st.tuples(st.just("restart")),
    st.tuples(st.sampled_from(["paused", "converged"]), st.booleans()),
    st.tuples(
        st.sampled_from(["wanted", "per_minute", "window", "raise_certainty", "lower_certainty"]), positive
    ),
    st.tuples(st.just("quiet_steps"), st.integers(0, 9)),
)


@settings(max_examples=300)
@given(steps=st.lists(steps, max_size=60))
def test_evidence_is_equal_to_the_last_bit(compiled: ModuleType, steps: list[tuple[Any, ...]]) -> None:
    ours, theirs = reference.Evidence(100.0), compiled.Evidence(100.0)
    now = 100.0
    for name, *values in steps:
        if name in {"count", "pass_time"}:
            now += values.pop()
            values.append(now)
        for evidence in (ours, theirs):
            if name in {"count", "pass_time", "restart"}:
                getattr(evidence, name)(*values)
            else:
                setattr(evidence, name, values[0])
        for attribute in SETTABLE + READABLE + ("is_calm", "upper", "lower"):
            assert getattr(theirs, attribute) == getattr(ours, attribute), attribute
        assert theirs.remembered() == ours.remembered()


# --- lanes, where both have something to say ----------------------------------------------------------------


@given(
    plan=st.lists(
        st.tuples(st.just("hold"), st.binary(min_size=1, max_size=9))
        | st.tuples(st.just("queue"), st.binary(min_size=1, max_size=9))
        | st.tuples(st.just("draw"))
        | st.tuples(st.just("release"), st.integers(0, 4)),
        max_size=40,
    )
)
def test_replies_are_held_and_released_alike(compiled: ModuleType, plan: list[tuple[Any, ...]]) -> None:
    told: list[list[Any]] = []
    for twin in (reference, compiled):
        lane, window, outbox = twin.Lane(5, 0.0), twin.Window(1), bytearray()
        said: list[Any] = []
        for now, (name, *values) in enumerate(plan, 1):
            if name == "hold":
                lane.hold(values[0], window)
            elif name == "queue":
                lane.queue(values[0], outbox, float(now))
            elif name == "draw":
                window = twin.Window(window.number + 1)
            else:
                said.append(lane.release(max(0, window.number - values[0])))
            said += [lane.holds, len(window.holders), bytes(outbox), lane.last_write_at]
        said.append(lane.release(window.number))
        told.append(said)
    assert told[0] == told[1]


def test_assignments_are_found_from_the_newest_and_forgotten_ones_go(twin: ModuleType) -> None:
    lane = twin.Lane(5, 0.0)
    jobs = [job_of(twin) for _ in range(3)]
    given_out = [twin.Assignment(job, f"j{n}", twin.Target(n), 1.0, 0, None) for n, job in enumerate(jobs)]
    for assignment in given_out[:2]:
        lane.assign(assignment)
    assert lane.assigned("j0") is given_out[0]
    assert lane.assigned("j9") is None
    assert lane.assigned("\ud800") is None
    jobs[0].forget()
    assert lane.assigned("j0") is None
    lane.assign(given_out[2])
    assert lane.assignments == tuple(given_out[1:])
    again = twin.Assignment(jobs[1], "j1", twin.Target(7), 2.0, 0, None)
    lane.assign(again)
    assert lane.assigned("j1") is again


@given(
    number=st.sampled_from([0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**48]),
    key=st.integers(0, 2**40),
    user=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\'), max_size=70)
    | st.from_regex(r"[a-z.]{0,5}[a-z&.]{0,65}", fullmatch=True),
    job_id=st.text("0123456789abcdef", min_size=1, max_size=64),
    nonce=st.integers(0, 2**32 - 1),
)
def test_a_lanes_record_is_what_msgpack_writes(
    compiled: ModuleType, number: int, key: int, user: str, job_id: str, nonce: int
) -> None:
    prepared = compiled.PreparedJob(b"\x01" * 50, b"\x02" * 60, 8, [], VERSION, b"\x04" * 32, 1)
    every = compiled.Target((1 << 256) - 1)

    class Session(compiled.Lane):  # type: ignore[misc, name-defined]  # the twin is a module in a variable
        def found(self, *arguments: Any, **more: Any) -> int:
            return number

    lane, window = Session(key, 0.0), compiled.Window(1)
    lane.is_subscribed, lane.workers = True, (user,)
    lane.extranonce1, lane.extranonce2_size = b"\x07" * 4, 4
    lane.assign(compiled.Assignment(compiled.Job(prepared, NTIME, every, every), job_id, every, 0.5, 0, None))
    params = f'["{user}","{job_id}","00000009","{NTIME:08x}","{nonce:08x}"]'
    line = f'{{"id":1,"method":"mining.submit","params":{params}}}\n'
    worker = worker_of(user)
    is_plain = user.endswith(worker)
    assert lane.take(line.encode(), 0, 4096, 1.0, window, bytearray()) == (len(line) if is_plain else 0)
    if not is_plain:
        assert not window.records
        return
    extranonce = b"\x07" * 4 + b"\x00\x00\x00\x09"
    digest = prepared.share_hash(extranonce, NTIME, nonce, VERSION)
    achieved = reference.achieved_difficulty(digest)
    flags = (1 if number else 0) | 2
    fields = (number, key, worker, job_id, extranonce, NTIME, nonce, VERSION, 0.5, achieved, flags)
    assert bytes(window.records) == msgpack.packb(fields)
