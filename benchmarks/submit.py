"""What a submit costs: Pumpjack beside a C server that does the same work, and beside one that does none.

All three are logged in and idle while one of them is loaded; each round loads each of them once, in rotated
order, for as long. Cost is CPU time of the whole server process per submit, so a server that waits (Pumpjack
answers when its commit window closes) is not charged for waiting, only for waking.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from benchmarks.goals import Answer, Goal, Json, Line, Sense, ratios, rotated
from benchmarks.machine import most_connections
from benchmarks.programs import Broken
from benchmarks.report import Say
from benchmarks.servers import CServer, Miners, Pool, Profiled, Pumpjack, cpu_ns_of

CONNECTIONS = (50, 1_000, 10_000)
LINES = (1, 10)
JUDGED = (1_000, 1)
"""A site of ordinary size whose miners send one share at a time. Fewer connections wake the server for less
work each time, more lines a read hide what a read costs: both are told, neither is what a site pays."""
GOAL = 0.70
VERIFY = 100
"""Of the accepted shares one in so many is hashed by the load generator."""
PROFILED_EACH = 100
LONGEST_PROFILE = 30.0
NAMES = ("pumpjack", "full", "floor")


@dataclass(slots=True)
class Case:
    """One number of connections and lines, and what each round gave."""

    connections: int
    lines: int
    rounds: list[dict[str, Json]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """In words."""
        lines = "one line" if self.lines == 1 else f"{self.lines} lines"
        return f"{self.connections:,} connections, {lines} a read"

    def cost(self, server: str) -> list[float]:
        """CPU nanoseconds per submit of each round."""
        return [float(each[server]["cpu_ns_per_submit"]) for each in self.rounds]

    def ratio(self, server: str) -> tuple[float, ...]:
        """What another server costs, divided by what Pumpjack costs: 1 is as cheap."""
        return ratios(self.cost(server), self.cost("pumpjack"))


def measured(say: Say, *, quick: bool) -> Answer:
    """Return the cost of a submit in every case."""
    answer = Answer()
    rounds, seconds = (3, 0.3) if quick else (9, 1.0)
    for wanted in CONNECTIONS:
        connections = most_connections(wanted)
        # 100,000 lines in flight outlast any short round.
        cases = [Case(connections, lines) for lines in LINES if not quick or wanted * lines <= 10_000]
        _measure(cases, rounds, seconds, say)
        for case in cases:
            _judge(case, is_goal=(wanted, case.lines) == JUDGED, answer=answer)
    for goal in answer.goals:
        if not goal.met:
            say(f"{goal.name}: missed, profiling")
            answer.profiles[goal.name] = _profile(*JUDGED)
    return answer


def _judge(case: Case, *, is_goal: bool, answer: Answer) -> None:
    name = f"submit: C server of the same work / Pumpjack, {case.name}"
    if is_goal:
        answer.goals.append(Goal(name, Sense.AT_LEAST, GOAL, case.ratio("full")))
    else:
        answer.context.append(Line(name, case.ratio("full")))
    answer.context.append(Line(f"submit: C floor / Pumpjack, {case.name}", case.ratio("floor")))
    answer.details[case.name] = case.rounds


def _measure(cases: list[Case], rounds: int, seconds: float, say: Say) -> None:
    connections = cases[0].connections
    with ExitStack() as stack:
        say(f"submit: {connections:,} miners log in")
        pumpjack = Pumpjack(stack, Pool(stack))
        miners = {"pumpjack": Miners(stack, pumpjack.port, connections, verify=VERIFY)}
        servers: dict[str, CServer | Pumpjack] = {"pumpjack": pumpjack}
        for name in NAMES[1:]:
            server = servers[name] = CServer(stack, name, miners["pumpjack"].offer)
            # The floor says yes to everything, so there is nothing to verify.
            verify = VERIFY if name == "full" else 0
            miners[name] = Miners(stack, server.port, connections, verify=verify)
            _demand_alike(miners["pumpjack"], miners[name])
        for case in cases:
            for name in NAMES:  # once for the caches, uncounted
                miners[name].run(seconds / 4, lines=case.lines)
            for number in range(rounds):
                say(f"submit: {case.name}, round {number + 1} of {rounds}")
                order = rotated(NAMES, number)
                case.rounds.append(
                    {name: _round(servers[name], miners[name], case, seconds) for name in order}
                )
        pumpjack.demand_accepted(miners["pumpjack"].accepted)
        full = servers["full"]
        assert isinstance(full, CServer)
        if full.child.end()["accepted"] != miners["full"].accepted:
            raise Broken("the full-work server and its miners count differently")
        pumpjack.stop()


def _demand_alike(one: Miners, other: Miners) -> None:
    if one.offer != other.offer:
        raise Broken("the servers do not give the same work")


def _round(server: CServer | Pumpjack, miners: Miners, case: Case, seconds: float) -> Json:
    before = cpu_ns_of(server)
    counts = miners.run(seconds, lines=case.lines)
    cpu = cpu_ns_of(server) - before
    return {
        "cpu_ns_per_submit": cpu / counts["sent"],
        "load_cpu_ns_per_submit": counts["load_cpu_ns"] / counts["sent"],
        "cpu_busy": cpu / 1e9 / counts["seconds"],
        **{name: counts[name] for name in ("sent", "accepted", "low_right", "seconds", "latency_us")},
    }


def _profile(connections: int, lines: int) -> Json:
    """Run one case again, for as many submits on any machine; return where Pumpjack's time goes."""
    with ExitStack() as stack:
        pumpjack = Profiled(stack, Pool(stack), "cpu")
        miners = Miners(stack, pumpjack.port, connections)
        return pumpjack.during(lambda: miners.run(LONGEST_PROFILE, each=PROFILED_EACH, lines=lines))
