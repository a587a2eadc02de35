"""What happens to the simulated site of ``demo``: a table of scenarios, all times in seconds of the story."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType

from proxy.adapters.simulated.pool import Submits
from proxy.units import Seconds

STORY = Seconds(30.0)
"""Length of every story at speed 1. While the demo goes on, it is told again."""


class Act(Enum):
    """What is done to a simulated pool."""

    CUT = auto()
    """Its connections break, new ones are refused."""
    RETURN = auto()
    HANG = auto()
    """It neither reads nor writes, and keeps the sockets."""
    GO_ON = auto()
    LIE = auto()
    """It comes back from a restart and refuses every share, good or not."""
    REPAIR = auto()
    """It comes back from a restart and judges honestly."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens to one pool."""

    at: Seconds
    """Since the beginning of the story."""
    tenant: str
    pool: str
    act: Act
    text: str
    """What the screen says about it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row: what the pools are like, and what happens to them."""

    name: str
    help: str
    steps: tuple[Step, ...] = ()
    least: Seconds = Seconds(0.0)
    """Real time that the story takes at least: some of the proxy's rules have fixed times."""
    block_interval: Seconds = Seconds(20.0)
    """Mean time between blocks that others find; each pool has a chain of its own."""
    notify_interval: Seconds = Seconds(8.0)
    extranonce1_size: int = 4
    extranonce2_size: int = 8
    """Of the primary pools, in bytes, as the size before."""
    submits: Submits = Submits.JUDGE
    late: Seconds = Seconds(0.0)
    """Delay of each pool's answers under ``Submits.LATE``; not scaled by speed."""
    uplink_shares_per_second: float = 500.0
    """What the proxy is told that its uplink carries; it paces the miners' first work by it."""

    @property
    def breaks_pools(self) -> bool:
        """Whether connections to pools are lost, so that the fate of a share can be unknown."""
        return bool(self.steps)


_ROWS = (
    Scenario(name="steady", help="Nothing out of the ordinary: work, shares, a block now and then."),
    Scenario(
        name="pool-outage",
        help="acme's primary pool is cut at 5 s and returns at 12 s: to the backup and home again.",
        steps=(
            Step(Seconds(5.0), "acme", "primary", Act.CUT, "acme's primary pool is cut"),
            Step(Seconds(12.0), "acme", "primary", Act.RETURN, "acme's primary pool returns"),
        ),
        least=Seconds(8.0),
    ),
    Scenario(
        name="pool-hang",
        help="acme's primary pool freezes at 5 s, sockets open, and thaws at 15 s.",
        steps=(
            Step(Seconds(5.0), "acme", "primary", Act.HANG, "acme's primary pool freezes"),
            Step(Seconds(15.0), "acme", "primary", Act.GO_ON, "acme's primary pool thaws"),
        ),
        least=Seconds(10.0),
    ),
    Scenario(
        name="lying-pool",
        help="acme's primary pool restarts at 2 s and refuses every share until it is repaired at 18 s. "
        "The proxy leaves it after 10 s of nothing but refusals.",
        steps=(
            Step(Seconds(2.0), "acme", "primary", Act.LIE, "acme's primary pool restarts and refuses all"),
            Step(Seconds(18.0), "acme", "primary", Act.REPAIR, "acme's primary pool is repaired"),
        ),
        least=STORY,
    ),
    Scenario(
        name="new-blocks",
        help="A new block every 2 s or so, at each pool: shares come too late now and then.",
        block_interval=Seconds(2.0),
        notify_interval=Seconds(1.0),
    ),
    Scenario(
        name="narrow",
        help="The primary pools leave an extranonce2 of 3 bytes, so 256 miners share a connection.",
        extranonce1_size=5,
        extranonce2_size=3,
    ),
    Scenario(
        name="uplink",
        help="A thin, slow uplink: pools answer after 0.7 s, and miners get their first work by and by.",
        submits=Submits.LATE,
        late=Seconds(0.7),
        uplink_shares_per_second=1.0,
    ),
)

SCENARIOS: Mapping[str, Scenario] = MappingProxyType({row.name: row for row in _ROWS})
"""Every scenario by its name."""


@dataclass(frozen=True, slots=True)
class Timetable:
    """When the steps of a scenario are due in a run."""

    scenario: Scenario
    stretch: float
    """Real seconds for each second of the story."""
    duration: Seconds | None

    @classmethod
    def of(cls, scenario: Scenario, speed: float, duration: Seconds | None) -> "Timetable":
        """Return the timetable at ``speed``, squeezed where the story would not fit into the duration.

        Raises:
            ValueError: The duration is too short even so; the message says what is needed.

        """
        if not scenario.steps:
            return cls(scenario, 1 / speed, duration)
        if duration is not None and duration < scenario.least:
            raise ValueError(f"scenario {scenario.name} needs at least {scenario.least:g} s")
        stretch = 1 / speed if duration is None else min(1 / speed, duration / STORY)
        return cls(scenario, max(stretch, scenario.least / STORY), duration)

    def following(self, elapsed: Seconds) -> tuple[Seconds, Step] | None:
        """Return the first step after ``elapsed`` with its time, or None if there is no other.

        A story is begun again only if the duration leaves room for the whole of it.
        """
        length = STORY * self.stretch
        told = int(elapsed // length)
        for story in (told, told + 1):
            if self.duration is not None and (story + 1) * length > self.duration + 1e-6:
                return None
            for step in self.scenario.steps:
                due = Seconds(story * length + step.at * self.stretch)
                if due > elapsed:
                    return due, step
        return None
