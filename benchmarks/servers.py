"""What is measured: Pumpjack as its operator runs it, the C servers beside it, and miners for all of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.goals import Json
from benchmarks.machine import cores, on_core, process_cpu_ns
from benchmarks.profiles import symbols
from benchmarks.programs import PATIENCE, ROOT, Broken, Child, compiled
from proxy import hotpath
from proxy.adapters.control.asking import ask

LEAST_DIFFICULTY = 2.0**-32
"""Of 65,536 hashes 65,535 meet it, so that every submit is a share without anybody mining."""
PER_ADDRESS = 50
"""Connections from one source address: a site's miners have their own, or are few behind one."""
CODES_OF_CHANCE = {"23"}
"""What an honest server answers to the one hash in 65,536."""

_SITE = """
schema = 1
[site]
data_dir = "{data}"
[stratum]
listen = ["127.0.0.1:0"]
start_difficulty = {difficulty!r}
min_difficulty = {difficulty!r}
max_difficulty = {difficulty!r}
[stratum.limits]
open_files_share = 0.9
[stratum.timers]
drain = 0
[upstream]
uplink_shares_per_second = 100000
pace_hold = 0
[ledger]
storage = "{storage}"
[[tenant]]
id = "bench"
[[tenant.upstream]]
name = "pool"
url = "stratum+tcp://127.0.0.1:{pool}"
user = "bench.site"
"""
"""Everything else as it is shipped: statistics, variable difficulty, duplicates, commit windows. The
difficulty cannot move and the pool's is out of reach; ten thousand miners are let in with 20,000 open files.
The ledger is in memory but where it is what is asked about: no C server here has one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server gives its miners to work on."""

    notify: bytes
    """The line of the job, with its newline."""
    extranonce1_size: int
    extranonce2_size: int
    difficulty: float
    compressions: int
    """What one share of it costs."""


class Miners:
    """The load generator, logged in."""

    def __init__(
        self, stack: ExitStack, port: int, connections: int, *, verify: int = 0, window: int = 16
    ) -> None:
        words = [str(compiled("load")), "--port", port, "--connections", connections]
        words += ["--per-address", PER_ADDRESS, "--window", window, "--verify", verify]
        words += ["--patience", PATIENCE - 10]  # it gives a lost answer up before we give it up
        self._load = stack.enter_context(Child([str(word) for word in words], cores().others))
        hello = self._load.heard(PATIENCE + connections / 100)
        self.offer = Offer(
            bytes.fromhex(hello["notify"]) + b"\n",
            hello["extranonce1_size"],
            hello["extranonce2_size"],
            hello["difficulty"],
            hello["compressions"],
        )
        self.accepted = 0
        """Shares of all runs for which a server said true."""

    def run(self, seconds: float, *, each: int = 0, lines: int = 1, window: int = 0, rate: float = 0) -> Json:
        """Submit for so long, or so many from each connection; return the counts.

        Raises:
            Broken: an answer was wrong, missing, doubled, or anything but yes.

        """
        self._load.tell(f"run {seconds} {each} {lines} {window or lines} {rate}")
        counts = self._load.heard(PATIENCE + seconds)
        demand_honest(counts)
        self.accepted += counts["accepted"]
        return counts

    def watch(self) -> None:
        """Have every further job noticed; `watched` says when all of them came."""
        self._load.tell(f"watch {PATIENCE}")
        self._load.heard()

    def watched(self) -> Json:
        """Return when the first and the last connection heard of a job, and how many bytes came."""
        return self._load.heard(2 * PATIENCE)


def demand_honest(counts: Json) -> None:
    """Look at what the load generator counted.

    Raises:
        Broken: not every submit was answered once, in order, and rightly with yes.

    """
    flaws = ("lost", "wrong", "out_of_order", "unasked", "garbage", "disconnected")
    found = {name: counts[name] for name in flaws if counts[name]}
    found |= {
        f"code {code}": number for code, number in counts["refused"].items() if code not in CODES_OF_CHANCE
    }
    if counts["accepted"] + counts["low_right"] != counts["sent"]:
        found["neither accepted nor rightly refused"] = (
            counts["sent"] - counts["accepted"] - counts["low_right"]
        )
    if found:
        raise Broken(f"the server did not do its work: {found} of {counts['sent']} submits")


class CServer:
    """One of floor, full and fanout."""

    def __init__(self, stack: ExitStack, name: str, offer: Offer) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pumpjack-bench-")))
        (folder / "notify").write_bytes(offer.notify)
        sizes = (offer.extranonce1_size, offer.extranonce2_size, repr(offer.difficulty))
        words = [str(compiled(name)), str(folder / "notify"), *map(str, sizes)]
        self.child = stack.enter_context(Child(words, cores().server))
        self.port: int = self.child.heard()["port"]
        self.pid = self.child.pid


class Pool:
    """The simulated pool."""

    def __init__(self, stack: ExitStack) -> None:
        words = [sys.executable, "-m", "benchmarks.pool"]
        self._child = stack.enter_context(Child(words, cores().others, environment=plain_environment()))
        self.port: int = self._child.heard()["port"]

    def block(self) -> int:
        """Have it send a new, clean job; return when it began, in nanoseconds of the monotonic clock."""
        self._child.tell("block")
        began: int = self._child.heard()["began_ns"]
        return began


def plain_environment() -> dict[str, str]:
    """Return our environment without settings of a pumpjack, but for the choice of its core."""
    kept = {"PUMPJACK_PURE", "PUMPJACK_SHA"}
    return {
        name: value for name, value in os.environ.items() if name in kept or not name.startswith("PUMPJACK_")
    }


class Pumpjack:
    """``pumpjack run`` behind a pool."""

    def __init__(
        self,
        stack: ExitStack,
        pool: Pool,
        *,
        through: tuple[str, ...] = ("proxy",),
        storage: str = "memory",
    ) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pumpjack-bench-")))
        self.storage = storage
        self._data = folder / "data"
        self._log = folder / "log"
        site = folder / "site.toml"
        site.write_text(
            _SITE.format(data=self._data, difficulty=LEAST_DIFFICULTY, pool=pool.port, storage=storage)
        )
        words = [sys.executable, "-m", *through, "run", "-c", str(site)]
        words += [] if hotpath.COMPILED else ["--allow-pure-python"]
        with self._log.open("wb") as log, on_core(cores().server):
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=plain_environment(), stdin=subprocess.DEVNULL, stderr=log
            )
        self.pid = self._process.pid
        stack.callback(self._kill)
        listeners = self._when(lambda state: state["listeners"] and _is_live(state))["listeners"]
        self.port: int = listeners[0]["port"]

    def status(self) -> Json:
        """Return what it says that it is doing, as ``pumpjack status --json`` does."""
        return ask(self._data)

    def _when(self, condition: object) -> Json:
        assert callable(condition)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                state = self.status()
            except (OSError, ValueError):
                state = None
            if state is not None and condition(state):
                return state
            time.sleep(0.02)
        raise Broken(f"pumpjack does not get ready:\n{self._log.read_text()[-2000:]}")

    def demand_accepted(self, count: int) -> None:
        """See that its books have exactly the shares that its miners had accepted.

        Raises:
            Broken: they have not.

        """
        shares = self.status()["shares"]
        if shares["accepted"] != count or shares["forwarded"]:
            raise Broken(f"pumpjack counts {shares}, its miners {count} accepted and none forwarded")

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(PATIENCE)
        if code != 0:
            raise Broken(f"pumpjack ended badly ({code}):\n{self._log.read_text()[-2000:]}")

    def _kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def _is_live(state: Json) -> bool:
    return any(upstream["state"] == "live" for tenant in state["tenants"] for upstream in tenant["upstreams"])


def cpu_ns_of(server: CServer | Pumpjack) -> int:
    """Return the CPU time of a server so far."""
    return process_cpu_ns(server.pid)


class Profiled(Pumpjack):
    """A Pumpjack that runs through ``sampled``; only what happens in `during` is looked at."""

    def __init__(
        self, stack: ExitStack, pool: Pool, what: Literal["cpu", "memory"], *, storage: str = "memory"
    ) -> None:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pumpjack-bench-"))
        self._samples = Path(folder, "samples")
        self._what = what
        through = ("benchmarks.sampled", str(self._samples), what)
        super().__init__(stack, pool, through=through, storage=storage)

    def during(self, work: Callable[[], object]) -> Json:
        """Return where its time went during ``work``, in C and in Python; or its memory, in Python."""
        self._signal(self._samples.with_suffix(".begun"))
        if self._what == "cpu":
            found = {"symbols": symbols(self.pid, work)}
        else:
            found = {}
            work()
        self._signal(self._samples)
        return found | {"python": json.loads(self._samples.read_text())}

    def _signal(self, awaited: Path) -> None:
        os.kill(self.pid, signal.SIGUSR2)
        deadline = time.monotonic() + PATIENCE
        while not awaited.exists():
            if time.monotonic() > deadline:
                raise Broken("the profiled process does not answer a signal")
            time.sleep(0.02)
