"""What a session holds: growth of Pumpjack's memory over 10,000 authorised miners, quiet and at work.

Resident memory of the process, less what it had before anybody connected. Each round is a new process.
Kernel socket buffers are not in it. *Busy* has every miner send 50 shares for one job, so it includes what is
kept to tell duplicates.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from benchmarks.goals import Answer, Goal, Json, Sense
from benchmarks.machine import most_connections, resident_bytes
from benchmarks.programs import PATIENCE, Broken
from benchmarks.report import Say
from benchmarks.servers import Miners, Pool, Profiled, Pumpjack

CONNECTIONS = 10_000
QUICK_CONNECTIONS = 3_000
PROFILED = 500
"""Connections of the profile: tracing makes every allocation several times as slow."""
SHARES_EACH = 50
GOAL = 3.0
LONGEST_RUN = 120.0


def measured(say: Say, *, quick: bool) -> Answer:
    """Return the memory of a session."""
    connections = most_connections(QUICK_CONNECTIONS if quick else CONNECTIONS)
    answer = Answer()
    rounds = []
    for number in range(count := 1 if quick else 3):
        say(f"memory: {connections:,} miners, round {number + 1} of {count}")
        rounds.append(_round(connections))
    for state in ("idle", "busy"):
        sizes = tuple(each[f"{state}_bytes"] / connections / 1024 for each in rounds)
        name = f"memory: each of {connections:,} {state} sessions"
        answer.goals.append(Goal(name, Sense.AT_MOST, GOAL, sizes, "KiB"))
    answer.details[f"{connections:,} connections"] = rounds
    missed = [goal for goal in answer.goals if not goal.met]
    if missed:
        say(f"{missed[0].name}: missed, profiling")
        profile = _profile(min(connections, PROFILED))
        answer.profiles |= {goal.name: profile for goal in missed}
    return answer


def _round(connections: int) -> Json:
    with ExitStack() as stack:
        pumpjack = Pumpjack(stack, Pool(stack))
        base = _settled(pumpjack)
        miners = Miners(stack, pumpjack.port, connections)
        _demand_working(pumpjack, connections)
        idle = _settled(pumpjack)
        counts = _work(miners, connections)
        busy = _settled(pumpjack)
        pumpjack.demand_accepted(miners.accepted)
        pumpjack.stop()
    return {
        "base_bytes": base,
        "idle_bytes": idle - base,
        "busy_bytes": busy - base,
        "shares": counts["sent"],
    }


def _demand_working(pumpjack: Pumpjack, connections: int) -> None:
    state = pumpjack.status()
    if (state["sessions"], state["working"]) != (connections, connections):
        raise Broken(f"{state['working']} of {connections} sessions have work")


def _work(miners: Miners, connections: int) -> Json:
    counts = miners.run(LONGEST_RUN, each=SHARES_EACH, lines=1, window=2)
    if counts["sent"] != SHARES_EACH * connections:
        raise Broken(f"only {counts['sent']} shares within {LONGEST_RUN:.0f} s")
    return counts


def _settled(pumpjack: Pumpjack) -> int:
    """Return the resident bytes once they have stayed the same for half a second."""
    deadline = time.monotonic() + PATIENCE
    before = -1
    while (now := resident_bytes(pumpjack.pid)) != before and time.monotonic() < deadline:
        before = now
        time.sleep(0.5)
    return now


def _profile(connections: int) -> Json:
    """Return which lines asked for the memory of a busy session, and what none of them asked for."""
    with ExitStack() as stack:
        pumpjack = Profiled(stack, Pool(stack), "memory")
        found = pumpjack.during(lambda: _work(Miners(stack, pumpjack.port, connections), connections))[
            "python"
        ]
    rows = [
        {"bytes_per_session": round(row["bytes"] / connections, 1), "what": row["what"]}
        for row in found["rows"]
    ]
    # Asked for through Python's allocators; the rest of a session is libuv's and the heap's own.
    return {"python": {"traced_bytes_per_session": round(found["traced"] / connections, 1), "rows": rows}}
