"""The journal in memory: a window at a time, in order, none empty."""

import asyncio

from proxy.adapters.stores.memory import MemoryJournal


def journal(delay: float) -> tuple[MemoryJournal, list[int]]:
    reported: list[int] = []
    made = MemoryJournal(delay)
    made.serve(reported.append)
    return made, reported


async def test_records_share_a_window_until_it_is_committed() -> None:
    store, reported = journal(60)
    assert [store.append(b"a"), store.append(b"bc")] == [1, 1]
    assert reported == []
    store.commit()
    assert (reported, store.committed_bytes) == ([1], 3)
    assert store.append(b"d") == 2
    store.commit()
    assert (reported, store.committed_bytes) == ([1, 2], 4)


async def test_an_empty_window_is_not_committed() -> None:
    store, reported = journal(60)
    store.commit()
    store.append(b"a")
    store.commit()
    store.commit()
    assert reported == [1]


async def test_a_window_is_committed_by_itself_after_the_delay() -> None:
    done = asyncio.Event()
    store = MemoryJournal(0.01)
    reported: list[int] = []

    def report(window: int) -> None:
        reported.append(window)
        done.set()

    store.serve(report)
    store.append(b"a")
    async with asyncio.timeout(10):
        await done.wait()
    assert reported == [1]


async def test_what_is_appended_while_a_window_is_reported_waits_for_the_next() -> None:
    store = MemoryJournal(60)
    windows: list[int] = []

    def report(window: int) -> None:
        windows.append(window)
        if window == 1:
            assert store.append(b"late") == 2

    store.serve(report)
    store.append(b"a")
    store.commit()
    assert windows == [1]
    store.commit()
    assert windows == [1, 2]
