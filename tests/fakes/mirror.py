"""Two relays that are told the same, one with lanes and one without, and held to the same answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from proxy.events import Event
from proxy.hotpath import reference
from proxy.ports import Drawn
from proxy.relay.engine import Relay
from proxy.relay.snapshot import snapshot
from proxy.units import Seconds
from tests.fakes.ports import Dial, FakeDialler, FakeJournal, FakeRandomness, FakeWire
from tests.fakes.site import Site

VERBS = frozenset(
    [
        "opened",
        "feed",
        "closed",
        "dialled",
        "upstream_received",
        "upstream_closed",
        "tick",
        "committed",
        "draw",
        "stop",
    ]
)
"""What the outside calls."""


@dataclass(eq=False)
class Mirror:
    """Stands in a site's place of the relay: every verb goes to its relay and to one that takes no lanes."""

    live: Relay
    shadow: Relay
    site: Site
    dials: list[Dial]
    events: list[Event]
    wires: list[tuple[FakeWire, FakeWire]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        if name not in VERBS:
            return getattr(self.live, name)
        return lambda *arguments: self._both(name, *arguments)

    def _both(self, name: str, *arguments: Any) -> Any:
        other = [self._shadow_wire(each) if isinstance(each, FakeWire) else each for each in arguments]
        result = getattr(self.live, name)(*arguments)
        assert getattr(self.shadow, name)(*other) == result, name
        self.compare()
        return result

    def _shadow_wire(self, wire: FakeWire) -> FakeWire:
        # What the peer hung up on swallows writes on both sides.
        shadow = FakeWire(wire.peer, closed=wire.closed)
        self.wires.append((wire, shadow))
        return shadow

    def compare(self) -> None:
        """Hold what went out since the last time to be the same, write by write."""
        for live, shadow in self.wires:
            assert live.closed == shadow.closed
            assert live.writes == shadow.writes
        self.wires = [(live, shadow) for live, shadow in self.wires if not live.closed]
        for _, shadow in self.wires:
            shadow.writes.clear()
        for live, _ in self.wires:
            live.writes.clear()
        assert self.site.dialler.dials[len(self.site.dialler.dials) - len(self.dials) :] == self.dials
        assert self.site.events[len(self.site.events) - len(self.events) :] == self.events
        self.dials.clear()
        self.events.clear()

    def compare_all(self, now: Seconds) -> None:
        """Hold everything that can be asked of both to be the same."""
        assert snapshot(self.live, now, sessions=True) == snapshot(self.shadow, now, sessions=True)
        assert self.live.unanswered == self.shadow.unanswered


def mirrored(site: Site) -> Mirror:
    """Put a mirror in the place of a new site's relay."""
    dials: list[Dial] = []
    events: list[Event] = []

    def heard(event: Event) -> None:
        events.append(event)

    shadow = Relay(
        site.settings,
        FakeDialler(dials.append, lambda: site.now),
        FakeJournal(),
        FakeRandomness((0.5,)),
        heard,
        site.now,
    )
    assert isinstance(shadow.outside.journal, FakeJournal)
    shadow.uses_lanes, shadow.outside.deal = False, reference.deal
    mirror = Mirror(site.relay, shadow, site, dials, events)
    site.relay = mirror  # type: ignore[assignment]  # has all that a relay has
    draw: Callable[[], Drawn] = mirror.draw
    site.journal.draw = draw
    journal = shadow.outside.journal
    # The shadow's journal is drawn by the mirror; it only notes that a window is due.
    journal.expect = lambda: None  # type: ignore[method-assign]
    return mirror
