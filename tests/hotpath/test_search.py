"""The search for a nonce, as the simulated miners do it."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.hotpath import reference

JOB = (b"one" * 20, b"two" * 20, 4, [bytes(32), b"\x01" * 32], 1, b"\x02" * 32, 0x1D00FFFF)
EXTRANONCE = b"\x03\x04\x05\x06"
NOWHERE = 0
EVERYWHERE = 2**256 - 1


def job(twin: ModuleType) -> Any:
    return twin.PreparedJob(*JOB)


@given(
    ntime=st.integers(0, 2**32 - 1),
    version=st.integers(0, 2**32 - 1),
    first_nonce=st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 60, 2**32 - 1)),
    count=st.integers(0, 80),
    bits=st.integers(246, 256),
)
def test_search_equals_trying_one_by_one(
    twin: ModuleType, ntime: int, version: int, first_nonce: int, count: int, bits: int
) -> None:
    target = (1 << bits) - 1
    tried = (
        nonce
        for nonce in range(first_nonce, min(first_nonce + count, 2**32))
        if int.from_bytes(reference.PreparedJob(*JOB).share_hash(EXTRANONCE, ntime, nonce, version), "little")
        <= target
    )
    found = job(twin).search(EXTRANONCE, ntime, version, first_nonce, count, twin.Target(target))
    assert found == next(tried, None)


def test_found_hash_is_the_share_hash_and_meets_the_target(twin: ModuleType) -> None:
    target = twin.Target(1 << 244)
    nonce = job(twin).search(EXTRANONCE, 7, 9, 0, 200_000, target)
    assert nonce is not None
    assert target.met_by(job(twin).share_hash(EXTRANONCE, 7, nonce, 9))


def test_target_equal_to_the_hash_is_met_and_one_less_is_not(twin: ModuleType) -> None:
    number = int.from_bytes(job(twin).share_hash(EXTRANONCE, 7, 1000, 9), "little")
    assert job(twin).search(EXTRANONCE, 7, 9, 1000, 1, twin.Target(number)) == 1000
    assert job(twin).search(EXTRANONCE, 7, 9, 1000, 1, twin.Target(number - 1)) is None


def test_last_nonce_is_tried_and_none_after_it(twin: ModuleType) -> None:
    assert job(twin).search(EXTRANONCE, 7, 9, 2**32 - 1, 2**32, twin.Target(EVERYWHERE)) == 2**32 - 1
    assert job(twin).search(EXTRANONCE, 7, 9, 2**32 - 1, 2**32, twin.Target(NOWHERE)) is None


def test_search_of_none_finds_none(twin: ModuleType) -> None:
    assert job(twin).search(EXTRANONCE, 7, 9, 5, 0, twin.Target(EVERYWHERE)) is None


@pytest.mark.parametrize("place", [0, 511, 512, 513, 4999])
def test_long_search_equals_the_reference_wherever_the_nonce_lies(native: ModuleType, place: int) -> None:
    # The compiled twin keeps the interpreter's lock for the first few nonces only.
    number = int.from_bytes(job(native).share_hash(EXTRANONCE, 7, 100 + place, 9), "little")
    found = job(native).search(EXTRANONCE, 7, 9, 100, 5000, native.Target(number))
    assert found == job(reference).search(EXTRANONCE, 7, 9, 100, 5000, reference.Target(number))


@pytest.mark.parametrize("slice_begins", [0, 1], ids=["last-of-a-slice", "first-of-the-next"])
def test_search_leaves_no_gap_between_two_slices(native: ModuleType, slice_begins: int) -> None:
    # The compiled twin looks for signals every 2**20 nonces. This is the first of all below 2**233 in JOB.
    rare = 3_505_607
    assert reference.Target(1 << 233).met_by(job(reference).share_hash(EXTRANONCE, 7, rare, 9))
    first = rare - 2**20 + 1 - slice_begins
    assert job(native).search(EXTRANONCE, 7, 9, first, 2**20 + 10, native.Target(1 << 233)) == rare


def test_target_of_the_other_twin_is_refused(native: ModuleType) -> None:
    with pytest.raises(TypeError, match="target must be Target, not Target"):
        job(native).search(EXTRANONCE, 7, 9, 0, 1, reference.Target(1))


def test_other_threads_run_during_a_long_search(native: ModuleType) -> None:
    began, seen, met = threading.Event(), threading.Event(), threading.Event()

    def search() -> None:
        began.set()
        for _ in range(400):
            job(native).search(EXTRANONCE, 7, 9, 0, 1 << 14, native.Target(NOWHERE))
            if seen.is_set():
                met.set()
                return

    interval = sys.getswitchinterval()
    # From here on the lock changes hands only where somebody lets go of it.
    sys.setswitchinterval(1000)
    try:
        thread = threading.Thread(target=search)
        thread.start()
        began.wait()
        seen.set()
        thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert met.is_set()


UNENDING_SEARCH = """
import signal, sys
from proxy.hotpath import PreparedJob, Target

class Interrupted(BaseException): ...

def interrupt(signum, frame): raise Interrupted

signal.signal(signal.SIGVTALRM, interrupt)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)
try:
    PreparedJob(b"", b"", 0, [], 1, bytes(32), 1).search(b"", 0, 0, 0, 2**32, Target(0))
except Interrupted:
    print("interrupted")
"""


def test_signal_interrupts_a_long_search(compiled: ModuleType) -> None:
    # The whole search would take minutes; its own process, because a hang in C is deaf to pytest's timeout.
    done = subprocess.run(
        [sys.executable, "-c", UNENDING_SEARCH],
        env={**os.environ, "PYTHONPATH": str(Path(reference.__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout == "interrupted\n"
