"""Two worlds to which the same is done, and the comparison of all that they did and hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from proxy.hotpath import Reason
from proxy.relay.admission import Address, Admission
from proxy.relay.conduct import Conduct
from proxy.relay.cost import Cost
from proxy.relay.session import Session
from tests.fuzz.faults import Fault
from tests.fuzz.world import World


@dataclass(slots=True)
class Miner:
    """What the driver knows of a miner."""

    key: int
    pending: bytes = b""
    """Written and not yet arrived."""
    last: bytes = b""
    """Its last submit."""


@dataclass(slots=True)
class Pair:
    """Two worlds, and what was done to both."""

    fast: World
    slow: World
    miners: list[Miner] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def both(self, what: str, deed: Callable[[World], object]) -> None:
        """Do something to both and compare."""
        self.done.append(what)
        for world in (self.fast, self.slow):
            deed(world)
        if self.fast.log != self.slow.log:
            raise Fault(self._report("what they did", self.fast.log, self.slow.log))
        self.fast.log.clear()
        self.slow.log.clear()
        fast, slow = _state(self.fast), _state(self.slow)
        if fast != slow:
            raise Fault(self._report("what they hold", fast, slow))

    def compare_everything(self) -> None:
        """Compare all that can be told about the relays, and what no snapshot tells."""
        fast, slow = (world.snapshot() for world in (self.fast, self.slow))
        if fast != slow:
            raise Fault(self._report("snapshots", fast, slow))
        fast_inside, slow_inside = (
            [_admission(world.relay.outside.admission)]
            + [_session(each) for each in world.relay.sessions.values()]
            for world in (self.fast, self.slow)
        )
        if fast_inside != slow_inside:
            raise Fault(self._report("insides", fast_inside, slow_inside))

    def _report(self, where: str, fast: object, slow: object) -> str:
        steps = "\n".join(f"  {number:3} {step}" for number, step in enumerate(self.done))
        return f"{where} differ.\nsteps:\n{steps}\nwith lanes:    {fast}\nwithout lanes: {slow}"


def _state(world: World) -> list[object]:
    """Return what a later step could show: cheap, since it is looked at after each."""
    relay, outside = world.relay, world.relay.outside
    seen: list[object] = [relay.unanswered, outside.last_key, len(outside.forwards), outside.ration._free_at]
    seen += [
        (
            each.holds,
            each.due,
            each.owes,
            b"" if each.partial is None else bytes(each.partial.partial or b""),
            each.tally.accepted,
            each.tally.refused,
            each.last_write_at,
            each.heard_at,
            each.closing,
            each.closing_cause,
            _fields(each.conduct.cost),
            each.conduct.unseen,
            each.wire.prompt,
        )
        for each in relay.sessions.values()
    ]
    return seen


def _fields(thing: Address | Conduct | Cost) -> list[object]:
    """Return all that a thing of plain values holds."""
    return [getattr(thing, name) for name in thing.__slots__ if name != "cost"]


def _named(rejected: Mapping[Reason, int]) -> list[tuple[str, int]]:
    return [(reason.name, count) for reason, count in rejected.items()]


def _admission(admission: Admission) -> list[object]:
    """Return what the door remembers."""
    addresses = [(key, _fields(each)) for key, each in admission._addresses.items()]
    queues = [list(each) for each in (admission._fresh, admission._to_subscribe, admission._to_authorize)]
    return [addresses, queues, admission._bans]


def _session(session: Session) -> list[object]:
    """Return by what the session's later shares will be judged and counted, and what its conduct was."""
    tallies = [session.tally, session.route_tally] if session.route_tally is not None else [session.tally]
    seen: list[object] = [
        (
            each.accepted_difficulty,
            each.accepted_square,
            each.rejected_difficulty,
            each.blocks,
            _named(each.rejected),
        )
        for each in tallies
    ]
    seen += [
        (
            each.job_id,
            each.credit,
            each.mask,
            each.job.credited_shares,
            each.job.is_forgotten,
            each.job.stale_at,
        )
        for each in session.assignments
    ]
    seen += [session.mask, session.first_mask, session.masks_ever, session.extranonce1, session.malformed]
    seen += [session.extranonce2_size, session.workers, session.issued_ntime, session.told, session.has_work]
    seen += [session.line_limit, session.difficulty, session.hinted, _fields(session.conduct)]
    vardiff = session.vardiff
    if vardiff is not None:
        seen += [vardiff.upper, vardiff.lower, vardiff.seen, vardiff.work, vardiff.intervals, vardiff.wanted]
        seen += [vardiff.credit, vardiff.credit_square, vardiff.converged, vardiff.paused]
        seen += [vardiff.quiet_steps, vardiff.last_credited]
    return seen
