"""Damage, failures and time: the index keeps what is proven, names the rest, and forgets what is old."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from proxy.adapters.stores.ledger import day_file, index, standing
from proxy.adapters.stores.ledger.catching_up import catch_up, rebuild
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.folding import DAY, EXPIRED_AT_ONCE, HOUR, MINUTES_KEPT, Folding
from proxy.errors import LedgerUnusable
from proxy.ledger.chain import GENESIS, Batch
from tests.ledger.writing import BEGINNING, MIDNIGHT, Chain, ended, settled, share

NOON = MIDNIGHT // 1000 + 12 * HOUR


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.make()
    return folder


@pytest.fixture(name="connection")
def _connection(folder: Folder) -> Iterator[sqlite3.Connection]:
    with closing(index.open_to_write(folder.index)) as connection:
        yield connection


def write(folder: Folder, name: str, batches: Sequence[Batch], previous: bytes = GENESIS) -> None:
    with closing(day_file.create(folder.day(name), b"1" * 16, previous)) as connection:
        for batch in batches:
            day_file.append(connection, batch, 1)


def ledger(batches: int = 6) -> Chain:
    """Return batches with one share each; the first tells what there is."""
    chain = Chain()
    chain.batch(BEGINNING, [share()])
    for _ in range(batches - 1):
        chain.batch([], [share()])
    return chain


def change(folder: Folder, name: str, statement: str) -> None:
    with closing(sqlite3.connect(folder.day(name))) as connection, connection:
        connection.execute(statement)


def credited(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT coalesce(sum(count), 0) FROM minute WHERE outcome = 0").fetchone()
    return int(count)


def damages(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    return connection.execute("SELECT day, first, last FROM damages ORDER BY id").fetchall()


def test_where_there_is_nothing_nothing_is_folded(folder: Folder, connection: sqlite3.Connection) -> None:
    assert catch_up(folder, connection).seq == 0
    write(folder, "2026-11-26", [])
    assert catch_up(folder, connection).seq == 0
    assert damages(connection) == []


def test_an_index_gets_its_name_once_it_is_whole(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as power:
        power.setattr(index, "MIGRATIONS", (*index.MIGRATIONS, "CREATE nothing"))
        with pytest.raises(sqlite3.OperationalError):
            index.open_to_write(folder.index)
    assert not folder.index.exists()
    with closing(index.open_to_write(folder.index)) as connection:
        assert standing.watermark(connection) == (0, GENESIS)
    assert [path.name for path in folder.root.iterdir() if path.is_file()] == ["index.db"]


def test_the_log_of_an_index_that_is_gone_is_not_taken_for_that_of_the_next(folder: Folder) -> None:
    log = folder.index.with_name("index.db-wal")
    with closing(index.open_to_write(folder.index)) as connection:
        standing.put(connection, "seq", 7)
        left = log.read_bytes()
        assert left
    folder.index.unlink()
    log.write_bytes(left)
    with closing(index.open_to_write(folder.index)) as connection:
        assert standing.watermark(connection) == (0, GENESIS)


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE batches SET at = at + 1 WHERE seq = 3", (3, 3)),
        ("UPDATE batches SET shares = x'dd00000000' WHERE seq = 3", (3, 3)),
        ("UPDATE batches SET hash = zeroblob(32) WHERE seq = 3", (3, 3)),
        # Behind a hole nothing proves the first batch.
        ("DELETE FROM batches WHERE seq IN (3, 4)", (3, 5)),
        ("UPDATE batches SET run = zeroblob(8) WHERE seq = 6", (6, 6)),
    ],
)
def test_a_bad_range_is_named_and_the_rest_is_folded(
    folder: Folder, connection: sqlite3.Connection, statement: str, bad: tuple[int, int]
) -> None:
    write(folder, "2026-11-26", ledger().batches)
    change(folder, "2026-11-26", statement)
    folding = catch_up(folder, connection)
    assert damages(connection) == [("2026-11-26", *bad)]
    assert credited(connection) == 6 - (1 + bad[1] - bad[0])
    assert folding.seq == 6
    catch_up(folder, connection)
    assert len(damages(connection)) == 1


def test_files_are_folded_in_the_order_of_seq_and_one_that_is_lost_is_named(
    folder: Folder, connection: sqlite3.Connection
) -> None:
    batches = ledger(9).batches
    write(folder, "2026-11-28", batches[:3])
    write(folder, "2026-11-26", batches[6:], batches[5].hash)
    catch_up(folder, connection)
    assert damages(connection) == [("2026-11-26", 4, 6)]
    assert credited(connection) == 6


def test_a_file_that_is_no_database_is_named_and_the_next_one_folded(
    folder: Folder, connection: sqlite3.Connection
) -> None:
    batches = ledger(9).batches
    write(folder, "2026-11-26", batches[:3])
    folder.day("2026-11-27").write_bytes(b"noise" * 1000)
    write(folder, "2026-11-28", batches[6:], batches[5].hash)
    catch_up(folder, connection)
    assert damages(connection) == [("2026-11-27", 4, 6)]
    assert credited(connection) == 6


def test_a_batch_that_was_written_again_in_the_next_file_counts_there(
    folder: Folder, connection: sqlite3.Connection
) -> None:
    chain = ledger(3)
    write(folder, "2026-11-26", chain.batches)
    again = Chain(at=chain.at)
    again.seq, again.hash = 2, chain.batches[1].hash
    again.batch(BEGINNING, [share(), share()])
    with closing(day_file.create(folder.day("2026-11-26.2"), b"1" * 16, chain.batches[1].hash)) as file:
        day_file.append(file, again.batches[0], 2)
    catch_up(folder, connection)
    assert (credited(connection), damages(connection)) == (4, [])


def test_days_that_were_pruned_before_the_index_was_lost_are_no_damage(folder: Folder) -> None:
    batches = ledger(6).batches
    write(folder, "2026-11-27", batches[3:], batches[2].hash)
    with closing(rebuild(folder, folder.index)) as connection:
        assert damages(connection) == []
        assert standing.watermark(connection) == (6, batches[-1].hash)
        assert standing.value(connection, "ledger") == b"1" * 16
        assert credited(connection) == 3


def test_a_live_batch_that_cannot_be_folded_is_named_and_holds_nobody_up(
    connection: sqlite3.Connection,
) -> None:
    chain = ledger(2)
    folding = Folding(connection)
    folding.take(chain.batches[0])
    folding.take(Batch(2, chain.run, chain.at, b"\xc1", b"", bytes(32)), "2026-11-26.2")
    chain.batch([], [share()])
    folding.take(chain.batches[2])
    folding.flush()
    assert damages(connection) == [("2026-11-26.2", 2, 2)]
    assert credited(connection) == 2


def test_live_batches_that_were_left_out_are_caught_up(
    folder: Folder, connection: sqlite3.Connection
) -> None:
    chain = ledger(6)
    write(folder, "2026-11-26", chain.batches)
    folding = Folding(connection)
    left_out = chain.batches[1]
    taken = [folding.take(batch) for batch in chain.batches if batch is not left_out]
    assert taken == [True, False, False, False, False]
    folding.flush()
    assert credited(connection) == 1
    catch_up(folder, connection)
    assert (credited(connection), damages(connection)) == (6, [])


def test_a_flush_that_fails_leaves_the_watermark_and_the_batches_are_folded_again(
    folder: Folder, connection: sqlite3.Connection
) -> None:
    chain = ledger(6)
    write(folder, "2026-11-26", chain.batches)
    folding = Folding(connection)
    for batch in chain.batches:
        folding.take(batch)
    connection.execute("CREATE TRIGGER full BEFORE INSERT ON meta BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        folding.flush()
    connection.execute("DROP TRIGGER full")
    actions: list[Callable[[], object]] = [folding.flush, lambda: folding.take(chain.batches[0])]
    for act in actions:
        with pytest.raises(LedgerUnusable, match="again"):
            act()
    assert credited(connection) == 0
    catch_up(folder, connection)
    assert credited(connection) == 6


def test_a_flush_is_due_after_a_second_or_later_where_there_are_many_rows(
    connection: sqlite3.Connection,
) -> None:
    chain = ledger(1)
    folding = Folding(connection)
    assert not folding.is_due(chain.at)
    folding.take(chain.batches[0])
    folding.flush()
    assert not folding.is_due(chain.at + 60_000)
    folding.take(chain.batch([], [share()]))
    assert not folding.is_due(chain.at + 900)
    assert folding.is_due(chain.at + 1000)
    assert folding.is_due(chain.at - 3_600_000)  # the clock was set back
    folding.take(chain.batch([], [share(worker=f"rig{number}") for number in range(2000)]))
    assert not folding.is_due(chain.at + 3900)
    assert folding.is_due(chain.at + 4100)


def test_minutes_and_hours_are_kept_as_long_as_they_are_promised(connection: sqlite3.Connection) -> None:
    chain = Chain()
    folding = Folding(connection)
    folding.take(chain.batch(BEGINNING, [share()]))
    folding.take(chain.batch([], [share()], later=MINUTES_KEPT * 1000))
    folding.flush()
    first = MIDNIGHT // 1000
    folding.roll(first + MINUTES_KEPT)
    assert len(connection.execute("SELECT * FROM minute").fetchall()) == 2
    folding.take(chain.batch([], [share()], later=60_000))
    folding.flush()
    folding.roll(first + MINUTES_KEPT + 60)
    assert [at for (at,) in connection.execute("SELECT at FROM minute")] == [
        first + MINUTES_KEPT + m for m in (0, 60)
    ]
    assert [at for (at,) in connection.execute("SELECT at FROM hour")] == [first]
    folding.take(chain.batch([], [], later=91 * DAY * 1000))
    folding.flush()
    folding.roll(first + 94 * DAY)
    folding.roll(first + 94 * DAY)
    assert connection.execute("SELECT count(*) FROM hour").fetchone() == (0,)
    assert connection.execute("SELECT at, count FROM day").fetchall() == [(first, 1), (first + 2 * DAY, 2)]


def test_a_clock_that_runs_ahead_deletes_nothing(connection: sqlite3.Connection) -> None:
    chain = ledger(1)
    folding = Folding(connection)
    folding.take(chain.batches[0])
    folding.flush()
    folding.roll(MIDNIGHT // 1000 + 1000 * DAY)
    for name in ("minute", "hour", "day"):
        assert connection.execute(f"SELECT count FROM {name}").fetchall() == [(1,)]


def test_old_minutes_are_deleted_a_few_at_a_time(connection: sqlite3.Connection) -> None:
    chain = Chain()
    folding = Folding(connection)
    folding.take(chain.batch(BEGINNING, [share()]))
    for _ in range(30):
        folding.take(chain.batch([], [share()], later=60_000))
    folding.take(chain.batch([], [], later=2 * MINUTES_KEPT * 1000))
    folding.flush()
    left = []
    for _ in range(4):
        folding.roll(chain.at // 1000)
        left.append(connection.execute("SELECT count(*) FROM minute").fetchone()[0])
    few = EXPIRED_AT_ONCE // 60
    assert left == [31 - few, 31 - 2 * few, 31 - 3 * few, 0]


def test_what_only_pruned_days_needed_is_forgotten(connection: sqlite3.Connection) -> None:
    chain = Chain()
    folding = Folding(connection)
    folding.take(chain.batch([*BEGINNING, ended(1)], [share(number=7)]))
    folding.take(chain.batch([*BEGINNING[2:4], settled(7)], later=DAY * 1000))
    folding.flush()
    day = "INSERT INTO days VALUES (?, ?, ?, ?, ?, 1, 1.0, 1, x'00', x'00', NULL, ?)"
    tables = ("works", "jobs", "sessions")
    connection.execute(day, ("2026-11-26", 1, 1, MIDNIGHT, MIDNIGHT + 1000, None))
    folding.roll(NOON)
    assert [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables] == [(1,)] * 3
    connection.execute("UPDATE days SET pruned_at = 1")
    folding.roll(NOON)
    # Work and job were told again.
    counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
    assert counts == [(1,), (1,), (0,)]
    assert connection.execute("SELECT count(*) FROM settlements").fetchone() == (1,)
