"""What a new block costs: a clean job to 10,000 miners, beside a loop that writes as many bytes to as many.

CPU time of the server from before the job until the last miner has it. Wall time from the moment that the
pool begins to write (or the loop does) until the last miner has read. Pumpjack reads, checks and prepares the
job within that time, the loop has it ready.
"""

from __future__ import annotations

from contextlib import ExitStack

from benchmarks.goals import Answer, Goal, Json, Line, Sense, ratios, rotated
from benchmarks.machine import most_connections
from benchmarks.programs import Broken
from benchmarks.report import Say
from benchmarks.servers import CServer, Miners, Pool, Profiled, Pumpjack, cpu_ns_of

CONNECTIONS = 10_000
PROFILED = 3_000
PROFILED_JOBS = 15
GOAL = 1.2
NAMES = ("pumpjack", "loop")


def measured(say: Say, *, quick: bool) -> Answer:
    """Return the cost of a broadcast."""
    connections = most_connections(CONNECTIONS)
    rounds = _rounds(connections, 5 if quick else 15, say)
    cpu, wall = (
        ratios(*([float(each[name][what]) for each in rounds] for name in NAMES))
        for what in ("cpu_ns", "wall_ns")
    )
    answer = Answer(details={f"{connections:,} connections": rounds})
    to = f"job to {connections:,} miners, Pumpjack / bare write loop"
    answer.goals.append(Goal(f"fanout: CPU of a {to}", Sense.AT_MOST, GOAL, cpu))
    answer.goals.append(Goal(f"fanout: time until the last has it, {to}", Sense.AT_MOST, GOAL, wall))
    last = tuple(each["pumpjack"]["wall_ns"] / 1e6 for each in rounds)
    answer.context.append(Line("fanout: time until the last has it (this machine, now)", last, "ms"))
    missed = [goal for goal in answer.goals if not goal.met]
    if missed:
        say(f"{missed[0].name}: missed, profiling")
        profile = _profile(min(connections, PROFILED))
        answer.profiles |= {goal.name: profile for goal in missed}
    return answer


def _rounds(connections: int, count: int, say: Say) -> list[dict[str, Json]]:
    with ExitStack() as stack:
        say(f"fanout: {connections:,} miners log in")
        pool = Pool(stack)
        pumpjack = Pumpjack(stack, pool)
        served = Miners(stack, pumpjack.port, connections)
        loop = CServer(stack, "fanout", served.offer)
        written = Miners(stack, loop.port, connections)
        rounds = []
        for number in range(count + 1):
            say(f"fanout: round {number} of {count}")
            one: dict[str, Json] = {}
            for name in rotated(NAMES, number):
                if name == "pumpjack":
                    one[name] = _by_pumpjack(pumpjack, pool, served)
                else:
                    one[name] = _by_loop(loop, written)
            _demand_same(one, connections)
            rounds.append(one)
        pumpjack.stop()
    return rounds[1:]  # the first was for the caches


def _by_pumpjack(pumpjack: Pumpjack, pool: Pool, miners: Miners) -> Json:
    miners.watch()
    before = cpu_ns_of(pumpjack)
    began = pool.block()
    heard = miners.watched()
    return _told(heard, began, cpu_ns_of(pumpjack) - before)


def _by_loop(loop: CServer, miners: Miners) -> Json:
    miners.watch()
    before = loop.child.cpu_ns()
    loop.child.tell("go")
    began = loop.child.heard()["began_ns"]
    heard = miners.watched()
    return _told(heard, began, loop.child.cpu_ns() - before)


def _told(heard: Json, began: int, cpu: int) -> Json:
    return {
        "cpu_ns": cpu,
        "wall_ns": heard["last_ns"] - began,
        "first_ns": heard["first_ns"] - began,
        **{name: heard[name] for name in ("heard", "bytes")},
    }


def _demand_same(one: dict[str, Json], connections: int) -> None:
    """See that everyone heard, and that the loop wrote as much as Pumpjack, give or take a keep-alive."""
    for name, told in one.items():
        if told["heard"] != connections:
            raise Broken(f"{name}: {told['heard']} of {connections} miners heard of the job")
    ratio = one["pumpjack"]["bytes"] / one["loop"]["bytes"]
    if not 0.98 <= ratio <= 1.02:
        raise Broken(f"Pumpjack wrote {ratio:.3f} times the bytes of the loop")


def _profile(connections: int) -> Json:
    with ExitStack() as stack:
        pool = Pool(stack)
        pumpjack = Profiled(stack, pool, "cpu")
        miners = Miners(stack, pumpjack.port, connections)

        def blocks() -> None:
            for _ in range(PROFILED_JOBS):
                _by_pumpjack(pumpjack, pool, miners)

        return pumpjack.during(blocks)
