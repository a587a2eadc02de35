"""Where the index stands: its watermark, and what the fold has to know to go on from there."""

from __future__ import annotations

import sqlite3

from proxy.ledger.chain import GENESIS
from proxy.ledger.fold import JOB_KEPT, SESSION_KEPT, Job, Known, Open, Session, Work
from proxy.ledger.network import network_difficulty
from proxy.ledger.records import WorkReceived, notes_of


def value(connection: sqlite3.Connection, key: str) -> bytes:
    """Return what ``meta`` holds under a key, or nothing."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return b"" if found is None else found[0]


def number(connection: sqlite3.Connection, key: str) -> int:
    """Return a number of ``meta``, or 0."""
    return int.from_bytes(value(connection, key), "big")


def put(connection: sqlite3.Connection, key: str, held: bytes | int) -> None:
    """Write bytes, or a number of at most 64 bits, into ``meta``."""
    data = held.to_bytes(8, "big") if isinstance(held, int) else held
    connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, data))


def watermark(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Return seq and hash of the last batch that is folded; 0 and ``GENESIS`` before the first."""
    return number(connection, "seq"), value(connection, "hash") or GENESIS


def known(connection: sqlite3.Connection) -> Known:
    """Return what the fold knew at the watermark."""
    run, at = value(connection, "run"), number(connection, "at")
    found = Known(run, at)
    for work, told, note in connection.execute(
        "SELECT work, at, note FROM works WHERE run = ? AND at >= ?", (run, at - JOB_KEPT)
    ):
        (received,) = notes_of(b"\x91" + note)
        assert isinstance(received, WorkReceived)  # nothing else is written there
        network = network_difficulty(received.nbits)
        found.works[work] = Work(received.upstream, received.tenant, received.difficulty, network, told)
    for job_id, work, told in connection.execute(
        "SELECT id, work, at FROM jobs WHERE run = ? AND at >= ?", (run, at - JOB_KEPT)
    ):
        found.jobs[job_id] = Job(work, told)
    for session, tenant, ended in connection.execute(
        "SELECT session, tenant, ended FROM sessions WHERE run = ? AND (ended IS NULL OR ended >= ?)",
        (run, at - SESSION_KEPT),
    ):
        found.sessions[session] = Session(tenant, ended)
    for row in connection.execute("SELECT number, seq, place, session, worker, job FROM unsettled"):
        found.open[row[0]] = Open(*row)
    return found
