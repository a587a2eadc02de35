"""The journal in memory: a window at a time, in order, none empty."""

import asyncio

from proxy.adapters.stores.memory import MemoryJournal
from proxy.ports import Drawn


class Windows:
    """Stands for the relay: fills windows, and keeps which were reported."""

    def __init__(self, delay: float) -> None:
        self.number = 1
        self.records = bytearray()
        self.reported: list[int] = []
        self.done = asyncio.Event()
        self.journal = MemoryJournal(delay)
        self.journal.serve(self.draw, self.report)

    def append(self, records: bytes) -> None:
        if not self.records:
            self.journal.expect()
        self.records += records

    def draw(self) -> Drawn:
        drawn = Drawn(self.number, 0, b"", 1, bytes(self.records))
        self.number += 1
        self.records.clear()
        return drawn

    def report(self, window: int) -> None:
        self.reported.append(window)
        self.done.set()


async def test_records_share_a_window_until_it_is_committed() -> None:
    windows = Windows(60)
    windows.append(b"a")
    windows.append(b"bc")
    assert windows.reported == []
    windows.journal.commit()
    assert (windows.reported, windows.journal.committed_bytes) == ([1], 3)
    windows.append(b"d")
    windows.journal.commit()
    assert (windows.reported, windows.journal.committed_bytes) == ([1, 2], 4)


async def test_an_empty_window_is_not_committed() -> None:
    windows = Windows(60)
    windows.journal.commit()
    windows.append(b"a")
    windows.journal.commit()
    windows.journal.commit()
    assert windows.reported == [1]


async def test_a_window_is_committed_by_itself_after_the_delay() -> None:
    windows = Windows(0.01)
    windows.append(b"a")
    async with asyncio.timeout(10):
        await windows.done.wait()
    assert windows.reported == [1]


async def test_what_is_appended_while_a_window_is_reported_waits_for_the_next() -> None:
    windows = Windows(60)
    report = windows.report

    def appending(window: int) -> None:
        report(window)
        if window == 1:
            windows.append(b"late")

    windows.journal.serve(windows.draw, appending)
    windows.append(b"a")
    windows.journal.commit()
    assert windows.reported == [1]
    windows.journal.commit()
    assert windows.reported == [1, 2]
