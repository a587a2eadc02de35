"""One heap of due times for any number of simulated miners, and a bound on what they take of the loop."""

import asyncio
import heapq
import time
from typing import Protocol

from proxy.adapters.simulated.miner.job import Found, Search
from proxy.units import Seconds

_SLICE = Seconds(0.002)
"""Longest time for which hashing holds up the event loop."""
_PART = 0.5
"""Greatest part of the loop's time that hashing takes; the rest is for the proxy beside it."""
_LEAST_CHUNK = 64
_MOST_CHUNK = 1 << 20


class Pace:
    """Knows how many hashes fit into a slice of the loop's time; what is found does not depend on it."""

    def __init__(self) -> None:
        self.chunk = _LEAST_CHUNK
        """Nonces to try at once."""

    def step(self, search: Search, most: int = _MOST_CHUNK) -> tuple[Found | None, int]:
        """Try nonces for about a slice, at most ``most``; return a share, if any, and how many were tried."""
        started = time.perf_counter()
        found, tried = search.step(min(self.chunk, most))
        elapsed = time.perf_counter() - started
        if elapsed > _SLICE:
            self.chunk = max(_LEAST_CHUNK, self.chunk // 2)
        elif found is None and tried >= self.chunk and elapsed < _SLICE / 3:
            self.chunk = min(_MOST_CHUNK, self.chunk * 2)
        return found, tried


class Working(Protocol):
    """Whatever has something to do at a due time."""

    def work(self, now: Seconds, pace: Pace) -> Seconds | None:
        """Do a little; return when to go on, None for not until scheduled again."""


class Schedule:
    """Calls each of many workers at its due time, by one timer and without a task."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.latest = Seconds(0.0)
        """Longest delay of a call behind its due time so far: grows when there is too much to hash."""
        self._heap: list[tuple[Seconds, int, Working]] = []
        self._tokens: dict[Working, int] = {}
        self._token = 0
        self._timer: asyncio.TimerHandle | None = None
        self._halted = False

    def __len__(self) -> int:
        return len(self._tokens)

    def now(self) -> Seconds:
        """Return the time by which due times are given: that of the running event loop."""
        return Seconds(asyncio.get_running_loop().time())

    def put(self, worker: Working, due: Seconds) -> None:
        """Call ``worker`` at ``due``, and no more at the time set before."""
        if self._halted:
            return
        self._token += 1
        self._tokens[worker] = self._token
        heapq.heappush(self._heap, (due, self._token, worker))
        if len(self._heap) > 2 * len(self._tokens) + 64:
            self._heap = [entry for entry in self._heap if self._tokens.get(entry[2]) == entry[1]]
            heapq.heapify(self._heap)
        if self._heap[0][1] == self._token:
            self._arm(due)

    def drop(self, worker: Working) -> None:
        """Call ``worker`` no more."""
        self._tokens.pop(worker, None)
        if not self._tokens:
            self._heap.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def halt(self) -> None:
        """Call nobody any more, whoever is put from now on."""
        self._halted = True
        for worker in list(self._tokens):
            self.drop(worker)

    def __contains__(self, worker: Working) -> bool:
        return worker in self._tokens

    def _arm(self, due: Seconds) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        started = time.perf_counter()
        spent = 0.0
        now = self.now()
        while self._heap and self._heap[0][0] <= now and spent < _SLICE:
            due, token, worker = heapq.heappop(self._heap)
            if self._tokens.get(worker) != token:
                continue
            self.latest = max(self.latest, Seconds(now - due))
            following = worker.work(now, self.pace)
            # The worker may have been dropped, or put anew, by what it did.
            if self._tokens.get(worker) == token:
                if following is None:
                    del self._tokens[worker]
                else:
                    self._token += 1
                    self._tokens[worker] = self._token
                    heapq.heappush(self._heap, (following, self._token, worker))
            spent = time.perf_counter() - started
        if self._heap:
            rest = Seconds(self.now() + spent * (1 / _PART - 1))
            self._arm(max(self._heap[0][0], rest))
