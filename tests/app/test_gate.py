"""Who is let in at the door, and when again once it was shut."""

import pytest

from proxy.app.gate import Gate
from proxy.app.memory import Marks, MemoryWatch
from proxy.events import ConnectionsRefused, Event
from proxy.relay.settings import Limits
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


@pytest.mark.parametrize(("readmit", "leaving"), [(1.0, 1), (0.95, 1), (0.8, 4), (0.05, 19)])
def test_a_full_site_lets_miners_in_again_when_enough_have_left(readmit: float, leaving: int) -> None:
    site = Site(FakePool("one"), limits=Limits(readmit=readmit)).start()
    heard: list[Event] = []
    memory = MemoryWatch(1 << 40, Marks(), lambda: 0)
    gate = Gate(site.relay, memory, lambda: 0, heard.append, lambda: site.now)
    gate.most_sessions = 20
    fleet = site.fleet(19)
    assert gate.admits("10.0.0.1")
    fleet += site.fleet(1)
    assert not gate.admits("10.0.0.1")
    for miner in fleet[:leaving]:
        assert not gate.admits("10.0.0.1"), "too few have left"
        miner.leave()
    assert gate.admits("10.0.0.1")
    gate.tell()
    assert heard == [ConnectionsRefused("10.0.0.1", leaving + 1, "every place is taken")]
