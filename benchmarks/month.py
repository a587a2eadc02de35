"""What a month's account costs: the command beside the bare questions to SQLite that it cannot do without."""

from __future__ import annotations

import pstats
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path

from benchmarks.goals import Answer, Goal, Json, Line, Sense, ratios
from benchmarks.programs import Broken
from benchmarks.sampled import MOST_ROWS, place
from proxy.adapters.stores.ledger import database, index, standing
from proxy.adapters.stores.ledger.folder import Folder
from proxy.ledger.outcomes import Outcome
from proxy.ledger.ranges import DAY, HOUR, MINUTE

WORKERS = 5_000
COST = 2.5
"""Times the bare questions: imports, names, apportionment and JSON may cost as much and a half."""
SINCE = 1_764_547_200
"""2025-12-01, seconds since 1970."""
NOW = SINCE + 29 * DAY + 10 * HOUR + 30 * MINUTE
PARTS = (
    ("day", SINCE, DAY, 29),
    ("hour", SINCE + 29 * DAY, HOUR, 10),
    ("minute", NOW - 30 * MINUTE, MINUTE, 30),
)
ENDS = ((Outcome.ACCEPTED, 1.0), (Outcome.POOL_ACCEPTED, 1 / 60), (Outcome.STALE, 1 / 300))
"""And how many of each there are for one accepted share."""
BARE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
for name in ("day", "hour", "minute"):
    connection.execute(
        "SELECT worker, upstream, outcome, sum(count), sum(difficulty), sum(square), max(best), max(last), "
        f"sum(expected), sum(blocks) FROM {name} WHERE at >= ? GROUP BY worker, upstream, outcome",
        (int(sys.argv[2]),),
    ).fetchall()
"""


def month(answer: Answer, *, rounds: int, workers: int = WORKERS) -> None:
    """Ask for a month of many workers, some rounds, in turn with the bare questions."""
    with tempfile.TemporaryDirectory(prefix="pumpjack-bench-") as name:
        folder = Folder.of(Path(name))
        folder.make()
        _fill(folder, workers)
        words = ["-m", "proxy", "tenants", "report", "--month", "2025-12", "--json", "--data", name]
        asked, bare = [], []
        for _ in range(rounds):
            asked.append(_cpu_s([sys.executable, *words]))
            bare.append(_cpu_s([sys.executable, "-c", BARE, str(folder.index), str(SINCE)]))
        what = f"ledger: CPU of the account of a month of {workers:,} workers / bare questions to SQLite"
        goal = Goal(what, Sense.AT_MOST, COST, ratios(asked, bare))
        if not goal.met:
            answer.profiles[goal.name] = _profile(words, Path(name, "profile"))
    answer.goals.append(goal)
    answer.context.append(Line("ledger: CPU of that account", tuple(asked), "s"))


def _profile(words: Sequence[str], file: Path) -> Json:
    """Return the functions in which the command spends most of its time, without what they call."""
    _cpu_s([sys.executable, "-m", "cProfile", "-o", str(file), *words])
    stats = pstats.Stats(str(file)).get_stats_profile()
    rows = [
        {"share": round(function.tottime / stats.total_tt, 4), "what": place(function.file_name, name)}
        for name, function in stats.func_profiles.items()
    ]
    return {"python": {"rows": sorted(rows, key=itemgetter("share"), reverse=True)[:MOST_ROWS]}}


def _cpu_s(words: Sequence[str]) -> float:
    """CPU seconds of a process from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise Broken(f"{' '.join(words[:5])} ended with {done.returncode}: {done.stderr[-500:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _fill(folder: Folder, workers: int) -> None:
    """Make an index as it is on the 30th of a month: days, this day's hours, this hour's minutes."""
    with closing(index.open_to_write(folder.index)) as connection, database.transaction(connection):
        for key, held in (("hours", NOW // HOUR * HOUR), ("days", NOW // DAY * DAY), ("at", NOW * 1000)):
            standing.put(connection, key, held)
        connection.execute("INSERT INTO tenants VALUES ('acme', 'Acme', 'local')")
        connection.execute("INSERT INTO upstreams VALUES (1, 'acme', 'primary')")
        connection.executemany(
            "INSERT INTO workers VALUES (?, 'acme', ?)",
            ((number, f"rig-{number:05}") for number in range(1, workers + 1)),
        )
        chance = random.Random(1)
        for name, since, length, count in PARTS:
            marks = ", ".join("?" * 11)
            for place in range(count):
                rows = _rows(chance, since + place * length, length, workers)
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def _rows(chance: random.Random, at: int, length: int, workers: int) -> Iterator[tuple[float, ...]]:
    for worker in range(1, workers + 1):
        for outcome, part in ENDS:
            count = int(8 * length / 60 * part + chance.random())
            if count:
                credit = count * 65536.0
                yield (
                    at,
                    worker,
                    1,
                    outcome,
                    count,
                    credit,
                    credit * 65536,
                    1e6,
                    at * 1000,
                    credit / 1e14,
                    0,
                )
