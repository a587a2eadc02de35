"""What hashing a share costs: through Pumpjack's hot path, in C, by OpenSSL, by hashlib, and by physics.

A share of 45 compressions: a coinbase of five blocks, twelve merkle branches, the header, all hashed twice.
Pumpjack remembers what lies before the extranonce and needs one less; the limit counts only those it needs.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from statistics import median

from benchmarks.goals import Answer, Goal, Json, Line, Sense, ratios, rotated
from benchmarks.machine import cores, on_core
from benchmarks.profiles import symbols
from benchmarks.programs import Broken, compiled
from benchmarks.report import Say
from proxy import hotpath
from proxy.hotpath import reference

LIMIT_GOAL, HASHLIB_GOAL, BULK_GOAL = 0.90, 6.0, 2.5
BESIDE = 10
"""Windows of 32 us, before and after each of a contender's, from which the clock of the core is taken."""
CYCLES_OF_A_ROUND = 4
"""Latency of sha256rnds2 on Goldmont, Zen, Ice Lake and what came after; measured each time beside it."""
ROUNDS_OF_A_COMPRESSION = 32
WINDOWS = 9
"""Of each contender in each round; their median counts."""
LIBRARIES = ("libcrypto.so.3", "libcrypto.so")


@dataclass(frozen=True)
class Share:
    """The job and the extranonce that all contenders hash; only the nonce changes."""

    coinb1: bytes
    coinb2: bytes
    branches: tuple[bytes, ...]
    prevhash: bytes
    extranonce: bytes
    version: int = 0x20000000
    ntime: int = 0x6734AB12
    nbits: int = 0x17034219

    @cached_property
    def job(self) -> hotpath.PreparedJob:
        """The job as Pumpjack prepares it."""
        size = len(self.extranonce)
        return hotpath.PreparedJob(
            self.coinb1, self.coinb2, size, self.branches, self.version, self.prevhash, self.nbits
        )

    @property
    def compressions(self) -> int:
        """What must be computed anew for each share."""
        size = len(self.coinb1) + len(self.extranonce) + len(self.coinb2)
        blocks = (size + 9 + 63) // 64 - len(self.coinb1) // 64
        return blocks + 1 + 3 * len(self.branches) + 3

    def expected(self, nonce: int) -> bytes:
        """What the reference says."""
        size = len(self.extranonce)
        job = reference.PreparedJob(
            self.coinb1, self.coinb2, size, self.branches, self.version, self.prevhash, self.nbits
        )
        return job.share_hash(self.extranonce, self.ntime, nonce, self.version)


def share() -> Share:
    """Return the share of the benchmarks: 110 + 12 + 180 bytes of coinbase, 12 branches."""
    random = Random(1)
    branches = tuple(random.randbytes(32) for _ in range(12))
    return Share(
        random.randbytes(110), random.randbytes(180), branches, random.randbytes(32), random.randbytes(12)
    )


# --- the contenders ---------------------------------------------------------------------------------------

Timed = tuple[float, bytes]
"""Each hashes nonces 0 .. count - 1: the nanoseconds of one, and the last digest."""


def by_hot_path(share: Share, count: int) -> Timed:
    """One share at a time, called from Python."""
    share_hash, extranonce, ntime, version = (
        share.job.share_hash,
        share.extranonce,
        share.ntime,
        share.version,
    )
    digest = b""
    began = time.thread_time_ns()
    for nonce in range(count):
        digest = share_hash(extranonce, ntime, nonce, version)
    return (time.thread_time_ns() - began) / count, digest


def by_bulk(share: Share, count: int) -> Timed:
    """All at once, as an audit of recorded shares does."""
    shares = [(share.job, share.extranonce, share.ntime, nonce, share.version) for nonce in range(count)]
    began = time.thread_time_ns()
    digests = hotpath.share_hashes(shares)
    took = time.thread_time_ns() - began
    return took / count, bytes(digests[-32:])


def by_hashlib(share: Share, count: int) -> Timed:
    """As a careful Python programmer writes it: whatever can be done before the loop is."""
    sha256, coinb1, coinb2, branches = hashlib.sha256, share.coinb1, share.coinb2, share.branches
    extranonce, head = share.extranonce, share.version.to_bytes(4, "little") + share.prevhash
    tail = share.ntime.to_bytes(4, "little") + share.nbits.to_bytes(4, "little")
    digest = b""
    began = time.thread_time_ns()
    for nonce in range(count):
        root = sha256(sha256(coinb1 + extranonce + coinb2).digest()).digest()
        for branch in branches:
            root = sha256(sha256(root + branch).digest()).digest()
        digest = sha256(sha256(head + root + tail + nonce.to_bytes(4, "little")).digest()).digest()
    return (time.thread_time_ns() - began) / count, digest


# --- C ------------------------------------------------------------------------------------------------------


class _Parts(ctypes.Structure):
    """``parts`` of limit.c."""

    _fields_ = (
        ("coinb1", ctypes.c_char_p),
        ("coinb2", ctypes.c_char_p),
        ("branches", ctypes.c_char_p),
        ("prevhash", ctypes.c_char_p),
        ("coinb1_size", ctypes.c_size_t),
        ("coinb2_size", ctypes.c_size_t),
        ("branch_count", ctypes.c_size_t),
        ("extranonce_size", ctypes.c_size_t),
        ("version", ctypes.c_uint32),
        ("ntime", ctypes.c_uint32),
        ("nbits", ctypes.c_uint32),
    )


class Limit:
    """limit.c: the core's own clock, and the same share in C."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(str(compiled("limit.so")))
        for name in ("cycle_ns", "round_ns", "own_share_ns", "openssl_share_ns"):
            getattr(self._library, name).restype = ctypes.c_double
        self.has_sha = bool(self._library.has_sha())
        self.has_openssl = any(self._library.openssl_open(name.encode()) == 0 for name in LIBRARIES)

    def cycle_ns(self, windows: int = 200) -> float:
        """Return the time of one cycle; zero where it cannot be told."""
        return float(self._library.cycle_ns(windows))

    def round_ns(self) -> float:
        """Return the time of one round instruction that waits for the one before."""
        return float(self._library.round_ns(200))

    def share_ns(self, function: str, share: Share, count: int) -> Timed:
        """Run one of the two loops over shares."""
        parts = _Parts(
            share.coinb1,
            share.coinb2,
            b"".join(share.branches),
            share.prevhash,
            len(share.coinb1),
            len(share.coinb2),
            len(share.branches),
            len(share.extranonce),
            share.version,
            share.ntime,
            share.nbits,
        )
        digest = ctypes.create_string_buffer(32)
        took = getattr(self._library, function)(ctypes.byref(parts), share.extranonce, count, digest)
        return float(took), digest.raw


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who hashes shares."""

    name: str
    count: int
    """Shares of a window: some milliseconds."""
    run: Callable[[Share, int], Timed]


def contenders(limit: Limit) -> list[Contender]:
    """Return all that this machine has."""
    found = [
        Contender("single", 2_000, by_hot_path),
        Contender("bulk", 4_096, by_bulk),
        Contender("hashlib", 300, by_hashlib),
        Contender("c", 2_000, lambda share, count: limit.share_ns("own_share_ns", share, count)),
    ]
    if limit.has_openssl:
        found.append(
            Contender("openssl", 1_000, lambda share, count: limit.share_ns("openssl_share_ns", share, count))
        )
    return found


def _demand_right(share: Share, all_of_them: Sequence[Contender]) -> None:
    for each in all_of_them:
        for count in (1, 2, 65):
            _, digest = each.run(share, count)
            if digest != share.expected(count - 1):
                raise Broken(f"{each.name} computes another hash than the reference")


def _cycles(limit: Limit, each: Contender, the_share: Share) -> float:
    """Return the cycles of a share in one window; its nanoseconds where the core's clock cannot be told.

    The core's clock goes up and down within a round, so it is taken right before and right after.
    """
    before = limit.cycle_ns(BESIDE)
    took, _ = each.run(the_share, each.count)
    after = limit.cycle_ns(BESIDE)
    return 2 * took / (before + after) if limit.has_sha else took


def measured(say: Say, *, quick: bool) -> Answer:
    """Return what a share costs."""
    rounds: list[dict[str, float]] = []
    the_share, limit = share(), Limit()
    field = contenders(limit)
    _demand_right(the_share, field)
    with on_core(cores().server):
        for number in range(count := 7 if quick else 25):
            say(f"validation: round {number + 1} of {count}")
            one: dict[str, float] = {}
            if limit.has_sha:
                one["round"] = limit.round_ns() / limit.cycle_ns()
            for each in rotated(field, number):
                one[each.name] = median(_cycles(limit, each, the_share) for _ in range(WINDOWS))
            rounds.append(one)
    answer = _judged(rounds, the_share, limit)
    for goal in answer.goals:
        if goal.met is False:
            say(f"{goal.name}: missed, profiling")
            answer.profiles[goal.name] = _profile(by_bulk if "bulk" in goal.name else by_hot_path, the_share)
    return answer


def _profile(run: Callable[[Share, int], Timed], the_share: Share) -> Json:
    """Return where this process is while it hashes a few hundred thousand shares."""

    def work() -> None:
        for _ in range(100):
            run(the_share, 4_096)

    return {"symbols": symbols(os.getpid(), work)}


def _judged(rounds: list[dict[str, float]], the_share: Share, limit: Limit) -> Answer:
    def column(name: str) -> list[float]:
        return [each[name] for each in rounds]

    unit = "cycles" if limit.has_sha else "nanoseconds"
    answer = Answer(details={unit: rounds, "compressions": the_share.compressions})
    single = column("single")
    physics = [float(CYCLES_OF_A_ROUND * ROUNDS_OF_A_COMPRESSION * the_share.compressions)] * len(rounds)
    of_limit, why, why_bulk = ratios(physics, single), "", ""
    if not limit.has_sha:
        of_limit, why = (), "this processor has no SHA instructions of x86, so there is no such limit"
    elif hotpath.bulk_implementation().startswith("sha-ni"):
        why_bulk = "this processor has no AVX-512"
    answer.goals += [
        Goal(
            "validation: one share, single-stream limit / Pumpjack",
            Sense.AT_LEAST,
            LIMIT_GOAL,
            of_limit,
            note=why,
        ),
        Goal(
            "validation: one share, hashlib / Pumpjack",
            Sense.AT_LEAST,
            HASHLIB_GOAL,
            ratios(column("hashlib"), single),
        ),
        Goal(
            "validation: bulk, one share at a time / bulk",
            Sense.AT_LEAST,
            BULK_GOAL,
            ratios(single, column("bulk")),
            note=why_bulk,
        ),
    ]
    if limit.has_sha:
        all_of_them = the_share.compressions + len(the_share.coinb1) // 64
        whole = ratios([each * all_of_them / the_share.compressions for each in physics], single)
        in_c = ratios(physics, column("c"))
        answer.context += [
            Line(f"validation: one share, limit if all {all_of_them} were hashed / Pumpjack", whole),
            Line("validation: one share, single-stream limit / its C alone", in_c),
            Line("validation: latency of sha256rnds2", tuple(column("round")), "cycles"),
        ]
    if limit.has_openssl:
        answer.context.append(
            Line("validation: one share, OpenSSL in C / Pumpjack", ratios(column("openssl"), single))
        )
    return answer
