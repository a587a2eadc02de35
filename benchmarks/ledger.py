"""What the ledger costs: a share that is made durable beside one that is not, and beside a C server's submit.

Pumpjack runs twice, with its ledger on disk and in memory; each round loads both, and the C server of the
same work, in rotated order. The cost counts all threads and the index's process, and a round ends when the
index has been written.
"""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.goals import Answer, Goal, Json, Line, Sense, ratios, rotated
from benchmarks.machine import most_connections
from benchmarks.month import month
from benchmarks.report import Say
from benchmarks.servers import CServer, Miners, Pool, Profiled, Pumpjack, cpu_ns_of
from proxy.adapters.stores.ledger import day_file
from proxy.ledger.chain import GENESIS, Batch, chained
from proxy.ledger.records import Share, message

CONNECTIONS = 1_000
COST = 0.15
"""Of what the C server spends on a submit."""
RATE = 2_000.0
"""Shares a second for the time until an answer: a large site's."""
SETTLE = 12.0
"""Seconds until the index is written, at most: see ``Folding.is_due``."""
NAMES = ("disk", "memory", "full")
BATCHES = (40, 700)
"""Shares of a batch: a large site's in 20 ms, and a flood's."""
COMMITS = 200
PROFILED = 5.0
"""Seconds of load, at ``RATE``, of the profile of a missed goal."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU nanoseconds a submit."""

    loop: float
    threads: float


def measured(say: Say, *, quick: bool) -> Answer:
    """Return the cost of the ledger, how long an answer waits for it, and what SQLite has to do with that."""
    answer = Answer()
    rounds, seconds = (3, 1.0) if quick else (11, 3.0)
    with ExitStack() as stack:
        pool = Pool(stack)
        connections = most_connections(CONNECTIONS)
        say(f"ledger: {connections:,} miners log in, three times")
        kept = {name: Pumpjack(stack, pool, storage=name) for name in NAMES[:2]}
        miners = {name: Miners(stack, server.port, connections) for name, server in kept.items()}
        full = CServer(stack, "full", miners["disk"].offer)
        miners["full"] = Miners(stack, full.port, connections)
        servers: dict[str, CServer | Pumpjack] = {**kept, "full": full}
        for name in NAMES:  # once for the caches, uncounted
            miners[name].run(seconds / 4)
        found: list[dict[str, Cost]] = []
        for number in range(rounds):
            say(f"ledger: round {number + 1} of {rounds}")
            order = rotated(NAMES, number)
            found.append({name: _cost(servers[name], miners[name], seconds) for name in order})
        _judge(found, answer)
        say("ledger: how long answers wait")
        _wait(kept["disk"], miners["disk"], rounds, seconds, answer)
        for server in kept.values():
            server.stop()
    if missed := [goal.name for goal in answer.goals if not goal.met]:
        say("ledger: a goal is missed, profiling")
        profile = _profile(connections)
        answer.profiles |= dict.fromkeys(missed, profile)
    say("ledger: SQLite beside a bare file")
    _commits(answer)
    say("ledger: the account of a month")
    month(answer, rounds=3)
    return answer


def _cost(server: CServer | Pumpjack, miners: Miners, seconds: float) -> Cost:
    """CPU nanoseconds a submit: of the loop while loaded, of other threads until the index is written."""
    if isinstance(server, CServer):
        before = cpu_ns_of(server)
        counts = miners.run(seconds)
        return Cost((cpu_ns_of(server) - before) / counts["sent"], 0.0)
    before, others = _threads(server.pid)
    counts = miners.run(seconds)
    loop = _threads(server.pid)[0] - before
    time.sleep(SETTLE if server.storage == "disk" else 0.0)
    return Cost(loop / counts["sent"], (_threads(server.pid)[1] - others) / counts["sent"])


def _threads(pid: int) -> tuple[int, int]:
    """CPU nanoseconds of a process's first thread, and of all others that live, its children's among them."""
    spent, others = _spent(pid), 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            others += sum(_spent(int(child)).values())
    return spent[pid], sum(spent.values()) - spent[pid] + others


def _spent(pid: int) -> dict[int, int]:
    return {
        int(task.name): int((task / "schedstat").read_text().split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def _judge(found: list[dict[str, Cost]], answer: Answer) -> None:
    full = [each["full"].loop for each in found]
    on_loop = [each["disk"].loop - each["memory"].loop for each in found]
    beside = [each["disk"].threads for each in found]
    # A round's difference of two loops is mostly noise: the median of all rounds is what is judged.
    loop = median(on_loop)
    name = "ledger: its CPU per share, loop and threads / C server's whole submit"
    answer.goals.append(Goal(name, Sense.AT_MOST, COST, ratios([loop + each for each in beside], full)))
    for what, spent in (("on the loop", on_loop), ("in its threads", beside)):
        answer.context.append(Line(f"ledger: the part {what}", ratios(spent, full)))
    answer.details["cpu_ns_per_submit"] = [
        {name: asdict(cost) for name, cost in each.items()} for each in found
    ]


def _wait(server: Pumpjack, miners: Miners, rounds: int, seconds: float, answer: Answer) -> None:
    half: list[float] = []
    most: list[float] = []
    details: list[Json] = []
    for _ in range(rounds):
        latency = miners.run(seconds, window=8, rate=RATE)["latency_us"]
        ledger = server.status()["ledger"]
        window, p50, p99 = (ledger[name] for name in ("window_ms", "flush_p50_ms", "flush_p99_ms"))
        half.append(latency["p50"] / 1000 / (window / 2 + 2 * p50))
        most.append(latency["p99"] / 1000 / (2 * window + p99))
        details.append({"latency_us": latency, "ledger": ledger})
    bounds = "half the window and two flushes", "twice the window and a slow flush"
    for name, bound, found in (("median", bounds[0], half), ("99th percentile", bounds[1], most)):
        answer.goals.append(Goal(f"ledger: an answer's {name} / {bound}", Sense.AT_MOST, 1.0, tuple(found)))
    answer.details["answers"] = details


def _profile(connections: int) -> Json:
    """Return where the loop's time goes with the ledger on disk, and that of its threads, if perf tells."""
    with ExitStack() as stack:
        pumpjack = Profiled(stack, Pool(stack), "cpu", storage="disk")
        miners = Miners(stack, pumpjack.port, connections)
        return pumpjack.during(lambda: miners.run(PROFILED, window=8, rate=RATE))


def _commits(answer: Answer) -> None:
    with tempfile.TemporaryDirectory(prefix="pumpjack-bench-") as folder:
        for count in BATCHES:
            share = Share(0, 1, "rig-0001", "8d3f01a", bytes(8), 1_700_000_000, 7, 1 << 29, 1024.0, 4096.0, 0)
            shares = message([share] * count)
            sqlite = _sqlite(Path(folder) / f"{count}.db", shares, count)
            bare = _bare(Path(folder) / f"{count}.log", shares)
            for what, place in (("CPU", 0), ("time", 1)):
                name = f"ledger: {what} of a commit of {count} shares, SQLite / append and fdatasync"
                answer.context.append(Line(name, (sqlite[place] / bare[place],)))


def _sqlite(path: Path, shares: bytes, count: int) -> tuple[float, float]:
    notes, previous = message([]), GENESIS
    with closing(day_file.create(path, bytes(16), GENESIS)) as connection:
        cpu, wall = time.thread_time(), time.perf_counter()
        for seq in range(1, COMMITS + 1):
            digest = chained(previous, seq, bytes(8), 0, notes, shares)
            day_file.append(connection, Batch(seq, bytes(8), 0, notes, shares, digest), count)
            previous = digest
        return time.thread_time() - cpu, time.perf_counter() - wall


def _bare(path: Path, shares: bytes) -> tuple[float, float]:
    """Do as little as a log can: a preallocated file, a chained batch, a flush."""
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, COMMITS * (len(shares) + 64))
        os.fsync(descriptor)
        cpu, wall, previous = time.thread_time(), time.perf_counter(), GENESIS
        for seq in range(1, COMMITS + 1):
            previous = chained(previous, seq, bytes(8), 0, b"", shares)
            os.write(descriptor, previous + shares)
            os.fdatasync(descriptor)
        return time.thread_time() - cpu, time.perf_counter() - wall
    finally:
        os.close(descriptor)
