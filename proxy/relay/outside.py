"""What every part of the relay was given: settings, ports, and the one book of job ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from proxy.hotpath import deal
from proxy.ports import Dialler, EventSink, Randomness, ShareJournal
from proxy.relay.admission import Admission
from proxy.relay.chronicle import Chronicle
from proxy.relay.cost import Ration
from proxy.relay.settings import Limits, RelaySettings, Timers
from proxy.relay.work import JobBook
from proxy.relay.work_gate import WorkGate
from proxy.units import Seconds

if TYPE_CHECKING:
    from proxy.relay.session import Session
    from proxy.relay.upstream import Forward
    from proxy.relay.work import Issue


@dataclass(slots=True)
class Outside:
    """Shared by reference, so that reloaded settings hold everywhere at once."""

    settings: RelaySettings
    dialler: Dialler
    journal: ShareJournal
    randomness: Randomness
    emit: EventSink
    jobs: JobBook
    chronicle: Chronicle
    """What the ledger is told beside shares."""
    admission: Admission
    """Who is let in: logins awaited, addresses, names refused for their conduct."""
    gate: WorkGate
    """Who gets no work for want of power."""
    forwards: list[Forward] = field(default_factory=list)
    """Shares that the read at hand has found for upstream."""
    last_key: int = 0
    last_work: int = 0
    ration: Ration = field(default_factory=Ration)
    """What those who cost too much may spend together."""
    deal: Callable[[Iterable[Session], Issue, bytes, Seconds], None] = deal
    """Gives a new job to sessions; may be replaced by its reference, for comparison."""

    @property
    def timers(self) -> Timers:
        """The durations now in force."""
        return self.settings.timers

    @property
    def limits(self) -> Limits:
        """The bounds now in force."""
        return self.settings.limits

    def new_key(self) -> int:
        """Return a number for a session, connection or share; never given twice."""
        self.last_key += 1
        return self.last_key

    def new_work(self) -> int:
        """Return a number for a work; never given twice."""
        self.last_work += 1
        return self.last_work
