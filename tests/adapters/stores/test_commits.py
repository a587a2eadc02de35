"""The compiled commits beside Python's own module: the same rows, the same errors, from another thread."""

import select
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy import hotpath
from proxy.adapters.stores.ledger import day_file
from proxy.adapters.stores.ledger.commits import Commits, error_of, follow, open_commits
from proxy.ledger.chain import GENESIS

PATIENCE = 10.0
pytestmark = pytest.mark.skipif(not hotpath.COMPILED, reason="there is no compiled core here")

blobs = st.binary(max_size=40) | st.integers(0, 300_000).map(bytes)
rows = st.tuples(
    st.binary(min_size=8, max_size=8), st.integers(0, 2**62), st.integers(0, 2**31), blobs, blobs, blobs
)


def commits() -> Commits:
    """Return those of this Python; one that hides its SQLite inside itself would have none."""
    found = open_commits()
    assert found is not None
    return found


@contextmanager
def serving(found: Commits, path: Path) -> Iterator[list[tuple[int, str] | None]]:
    """Open and serve in a thread until the block is over; yields where the end's result will stand."""
    result: list[tuple[int, str] | None] = []
    ready = threading.Event()

    def run() -> None:
        follow(found, path)
        ready.set()
        result.append(found.serve(PATIENCE))
        found.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(PATIENCE)
        yield result
    finally:
        found.call()
        thread.join(PATIENCE)
    assert not thread.is_alive()


def confirmed(found: Commits) -> float:
    assert select.select([found.told], [], [], PATIENCE)[0]
    took = found.confirmed()
    assert took is not None
    return took


@given(given=st.lists(rows, min_size=1, max_size=5))
def test_rows_stand_in_the_file_as_they_were_put(
    tmp_path_factory: pytest.TempPathFactory, given: list[tuple[bytes, int, int, bytes, bytes, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("commits") / "day.db"
    expected: list[day_file.Row] = [(seq, *row) for seq, row in enumerate(given, 1)]
    with closing(day_file.create(path, bytes(16), GENESIS)) as connection:
        found = commits()
        with serving(found, path):
            for row in expected:
                assert found.confirmed() is None
                found.put(row)
                assert 0 < confirmed(found) < PATIENCE
                # Another connection sees it as soon as the loop is told.
                assert connection.execute("SELECT max(seq) FROM batches").fetchone() == (row[0],)
        assert connection.execute("SELECT * FROM batches").fetchall() == expected


def test_a_row_that_is_refused_ends_the_service_with_the_error_that_python_would_raise(
    tmp_path: Path,
) -> None:
    row: day_file.Row = (1, bytes(8), 2, 3, b"notes", b"shares", bytes(32))
    with closing(day_file.create(tmp_path / "day.db", bytes(16), GENESIS)) as connection:
        connection.execute(day_file.INSERT, row)
        with pytest.raises(sqlite3.IntegrityError) as refused:
            connection.execute(day_file.INSERT, row)
        found = commits()
        with serving(found, tmp_path / "day.db") as result:
            found.put(row)
        assert found.confirmed() is None, "what was not written is not confirmed"
        assert result == [(refused.value.sqlite_errorcode, str(refused.value))]
        assert result[0] is not None
        assert error_of(result[0]).sqlite_errorcode == refused.value.sqlite_errorcode
        assert not found.is_open


def test_a_file_that_is_not_there_is_an_error_and_not_made(tmp_path: Path) -> None:
    found = commits()
    with pytest.raises(sqlite3.OperationalError, match="unable to open database file") as refused:
        follow(found, tmp_path / "none.db")
    assert refused.value.sqlite_errorcode & 0xFF == sqlite3.SQLITE_CANTOPEN
    assert list(tmp_path.iterdir()) == []
    assert not found.is_open


def test_a_call_and_the_end_of_patience_return_without_an_error(tmp_path: Path) -> None:
    day_file.create(tmp_path / "day.db", bytes(16), GENESIS).close()
    found = commits()
    follow(found, tmp_path / "day.db")
    assert found.serve(0.001) is None
    found.call()
    assert found.serve(PATIENCE) is None
    found.close()


def test_only_bytes_are_taken(tmp_path: Path) -> None:
    found = commits()
    with pytest.raises(TypeError, match="blobs are bytes, not bytearray"):
        found.put((1, bytes(8), 2, 3, bytearray(b"notes"), b"", b""))  # type: ignore[arg-type]
