"""Many shares at a time equal the same shares one by one, in every implementation that runs here."""

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy import hotpath
from proxy.hotpath import reference

RECORDED = Path(__file__).parent.parent / "vectors" / "stratum-shares.json"

Shape = tuple[int, int, int, int]
"""Of a job: sizes of coinb1, extranonce and coinb2, number of branches."""
Picked = tuple[int, int, int, int]
"""Which job, ntime, nonce, version; the extranonce is made of the nonce."""


def noise(seed: int, size: int) -> bytes:
    return hashlib.shake_256(b"%d" % seed).digest(size)


def job_fields(shape: Shape) -> dict[str, Any]:
    """Return the arguments of a job, the same ones for the same shape."""
    coinb1, extranonce, coinb2, branches = shape
    seed = coinb1 * 1_000 + coinb2
    return {
        "coinb1": noise(seed, coinb1),
        "coinb2": noise(seed + 1, coinb2),
        "extranonce_size": extranonce,
        "branches": [noise(seed + 10 + i, 32) for i in range(branches)],
        "version": 0x20000000,
        "prevhash": noise(seed + 2, 32),
        "nbits": 0x1D00FFFF,
    }


def made(twin: ModuleType, shapes: list[Shape], picked: list[Picked]) -> list[Any]:
    """Return the shares as ``share_hashes`` of that twin takes them."""
    jobs = [twin.PreparedJob(**job_fields(shape)) for shape in shapes]
    return [
        (jobs[i], noise(nonce, jobs[i].extranonce_size), ntime, nonce, version)
        for i, ntime, nonce, version in picked
    ]


def both(bulk: ModuleType, shapes: list[Shape], count: int, seed: int) -> None:
    """Assert that ``count`` shares of jobs of those shapes, drawn in any order, come out equal."""
    chance = random.Random(seed)

    def word() -> int:
        return chance.getrandbits(32)

    picked = [(chance.randrange(len(shapes)), word(), word(), word()) for _ in range(count)]
    ours = reference.share_hashes(made(reference, shapes, picked))
    assert bulk.share_hashes(made(bulk, shapes, picked)) == ours


shapes = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 300), st.integers(50, 70)),
        st.integers(0, reference.MAX_EXTRANONCE_SIZE),
        st.one_of(st.integers(0, 300), st.sampled_from([1_200, 5_000])),
        st.integers(0, 14),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60)
@given(shapes=shapes, count=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_any_mix_of_jobs_hashes_as_one_by_one_and_in_order(
    bulk: ModuleType, shapes: list[Shape], count: int, seed: int
) -> None:
    both(bulk, shapes, count, seed)


@pytest.mark.parametrize("count", [*range(70), 1023, 1024, 1025, 2050])
def test_any_number_of_shares_of_one_job(bulk: ModuleType, count: int) -> None:
    both(bulk, [(110, 12, 180, 2)], count, count)


def test_full_batches_of_jobs_of_one_shape(bulk: ModuleType) -> None:
    both(bulk, [(110 + 64 * i, 12, 180, 3) for i in range(5)], 300, 1)


@pytest.mark.parametrize("extranonce", [0, 1, 12, 32])
def test_every_place_of_the_extranonce_and_of_the_padding(bulk: ModuleType, extranonce: int) -> None:
    for behind in (0, 23, 55, 64, 120):
        both(bulk, [(64 + hole, extranonce, behind, 1) for hole in range(64)], 128, behind)


def test_most_branches_beside_none(bulk: ModuleType) -> None:
    both(bulk, [(110, 12, 180, reference.MAX_BRANCHES), (110, 12, 180, 0)], 64, 3)


def test_shares_equal_their_share_hash(bulk: ModuleType) -> None:
    shares = made(bulk, [(110, 12, 180, 12)], [(0, 1, nonce, 3) for nonce in range(50)])
    assert bulk.share_hashes(shares) == b"".join(job.share_hash(*fields) for job, *fields in shares)


def test_recorded_shares(bulk: ModuleType) -> None:
    shares, known = [], []
    for share in json.loads(RECORDED.read_text()):
        _, swapped, coinb1, coinb2, branches, version, nbits, _, _ = share["notify"]
        words = bytes.fromhex(swapped)
        job = bulk.PreparedJob(
            bytes.fromhex(coinb1),
            bytes.fromhex(coinb2),
            15,
            [bytes.fromhex(branch) for branch in branches],
            int(version, 16),
            b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4)),
            int(nbits, 16),
        )
        extranonce = bytes.fromhex(share["extranonce1"] + share["extranonce2"])
        rolled = int(share["computed"]["version"], 16)
        shares.append((job, extranonce, int(share["ntime"], 16), int(share["nonce"], 16), rolled))
        known.append(bytes.fromhex(share["expect"]["hash"])[::-1])
    # Thirty times, so that every implementation fills its lanes.
    assert bulk.share_hashes(shares * 30) == b"".join(known * 30)


def test_no_shares_have_no_hashes(bulk: ModuleType) -> None:
    assert bulk.share_hashes([]) == reference.share_hashes([]) == b""


# -- errors ------------------------------------------------------------------------------------------------

Named = namedtuple("Named", "job extranonce ntime nonce version")


def outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except (TypeError, ValueError) as refusal:
        return type(refusal), str(refusal)


odd_fields = st.tuples(
    st.sampled_from(["job", "job", "job", None, 5]),
    st.sampled_from([bytes(4), bytes(4), bytes(4), b"", bytes(5), bytearray(4), None]),
    *[st.sampled_from([0, 7, 2**32 - 1, -1, 2**32, 2**70, True, 1.0, None]) for _ in range(3)],
)
odd_shares = st.one_of(
    odd_fields,
    odd_fields.map(list),
    odd_fields.map(lambda fields: Named(*fields)),
    odd_fields.map(lambda fields: fields[:4]),
    odd_fields.map(lambda fields: (*fields, 1)),
    st.sampled_from([None, 5, b"share", ()]),
)


@settings(max_examples=300)
@given(
    before=st.integers(0, 40),
    odd=st.lists(odd_shares, max_size=3),
    wrapped=st.sampled_from([list, tuple, iter]),
)
def test_the_first_bad_share_is_refused_alike(
    bulk: ModuleType, before: int, odd: list[Any], wrapped: Callable[[list[Any]], Any]
) -> None:
    def hashed(twin: ModuleType) -> object:
        job = twin.PreparedJob(b"one", b"two", 4, [], 1, bytes(32), 1)

        def own(share: Any) -> Any:
            if not isinstance(share, tuple | list) or not share or share[0] != "job":
                return share
            fields = [job, *share[1:]]
            return Named(*fields) if isinstance(share, Named) else type(share)(fields)

        return twin.share_hashes(wrapped([(job, bytes(4), 1, 2, 3)] * before + [own(share) for share in odd]))

    assert outcome(lambda: hashed(bulk)) == outcome(lambda: hashed(reference))


@pytest.mark.parametrize("shares", [None, 5])
def test_what_cannot_be_iterated_is_refused_alike(bulk: ModuleType, shares: Any) -> None:
    assert outcome(lambda: bulk.share_hashes(shares)) == outcome(lambda: reference.share_hashes(shares))


def test_a_share_of_the_other_twin_is_refused(bulk: ModuleType) -> None:
    (share,) = made(reference, [(10, 4, 10, 1)], [(0, 1, 2, 3)])
    with pytest.raises(TypeError, match="job must be PreparedJob, not PreparedJob"):
        bulk.share_hashes([share])


# -- choice, threads, signals ------------------------------------------------------------------------------


def test_unknown_bulk_implementation_is_refused_and_changes_nothing(bulk: ModuleType) -> None:
    before = bulk.bulk_implementation()
    with pytest.raises(ValueError, match="no bulk implementation 'abacus'"):
        bulk._bulk_select("abacus")
    assert bulk.bulk_implementation() == before


def test_reference_hashes_in_python() -> None:
    assert reference.bulk_implementation() == "python"


def said(**environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PUMPJACK_")}
    return subprocess.run(
        [sys.executable, "-c", "from proxy import hotpath; print(hotpath.bulk_implementation())"],
        env={**clean, "PYTHONPATH": str(Path(hotpath.__file__).parents[2]), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    ).stdout.strip()


def test_fastest_bulk_implementation_is_chosen_unless_the_environment_forbids_it(
    compiled: ModuleType,
) -> None:
    assert said() == compiled._bulk_implementations()[-1]
    assert said(PUMPJACK_SHA="portable") == "portable-c"
    assert said(PUMPJACK_PURE="1") == "python"


def test_other_threads_run_meanwhile_and_may_take_the_shares_away(compiled: ModuleType) -> None:
    shares = made(compiled, [(110, 12, 180, 12)], [(0, 1, nonce, 3) for nonce in range(3_000)])
    known = compiled.share_hashes(shares)
    began, emptied = threading.Event(), threading.Event()
    met: list[bytes] = []
    given: list[Any] = []

    def audit() -> None:
        for _ in range(50):
            given[:] = shares
            began.set()
            digests = compiled.share_hashes(given)
            if emptied.is_set():
                met.append(digests)
                return

    interval = sys.getswitchinterval()
    # From here on the lock changes hands only where somebody lets go of it.
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=audit)
        thread.start()
        began.wait()
        given.clear()
        emptied.set()
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert met == [known]


UNENDING_AUDIT = """
import signal
from proxy.hotpath import PreparedJob, share_hashes

class Interrupted(BaseException): ...

def interrupt(signum, frame): raise Interrupted

signal.signal(signal.SIGVTALRM, interrupt)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)
try:
    share_hashes([(PreparedJob(b"", bytes(200_000), 0, [], 1, bytes(32), 1), b"", 0, 0, 0)] * 1_000_000)
except Interrupted:
    print("interrupted")
"""


def test_signal_interrupts_a_long_audit(compiled: ModuleType) -> None:
    # The whole audit would take minutes; its own process, because a hang in C is deaf to pytest's timeout.
    done = subprocess.run(
        [sys.executable, "-c", UNENDING_AUDIT],
        env={**os.environ, "PYTHONPATH": str(Path(hotpath.__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout == "interrupted\n"
