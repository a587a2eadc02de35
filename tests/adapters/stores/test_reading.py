"""Reading a ledger: index and tail say together what the batches say, and nobody is disturbed."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from proxy.adapters.stores.ledger import database, index, tail
from proxy.adapters.stores.ledger.catching_up import rebuild
from proxy.adapters.stores.ledger.folder import Folder
from proxy.adapters.stores.ledger.found import SessionSpan, ShareId
from proxy.adapters.stores.ledger.reading import Reader
from proxy.adapters.stores.ledger.shares import Follower
from proxy.errors import LedgerUnusable
from proxy.ledger.outcomes import Outcome
from proxy.ledger.records import (
    AnyNote,
    Flags,
    Gap,
    SessionBegan,
    SessionEnded,
    Share,
    ShareSettled,
    SharesRefused,
)
from tests.fakes.kept_ledger import fold, meddle
from tests.fakes.mined_ledger import CREDIT, DAY, LEDGER, POOL, START, MinedLedger, beginning, spoil, work_of
from tests.fakes.plain_shares import plain

MINUTE, HOUR = 60_000, 3_600_000
NOW = START // 1000
WORKS = [work_of(1), work_of(2, "zeta")]
SESSIONS = {1: "acme", 2: "zeta"}
Counted = dict[tuple[str, str, str, Outcome], tuple[int, float]]


def opening() -> list[AnyNote]:
    return beginning(WORKS, list(SESSIONS.values()))


@pytest.fixture
def ledger(tmp_path: Path) -> MinedLedger:
    return MinedLedger.under(tmp_path)


def counted(reader: Reader, since: int, until: int) -> Counted:
    return {row[:4]: (row.sum.count, row.sum.difficulty) for row in reader.rows(since, until)}


shares = st.builds(plain, st.sampled_from([1, 2]), credit=st.integers(1, 1000).map(float))
batches = st.lists(st.tuples(st.integers(0, 5 * HOUR), st.lists(shares, max_size=3)), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(
    batches=batches,
    folded=st.integers(0, 12),
    rolled=st.integers(-2, 40),
    ends=st.tuples(st.integers(-60, 3600), st.integers(-60, 3600)),
)
def test_a_range_holds_what_the_batches_of_its_minutes_hold(
    batches: Sequence[tuple[int, list[Share]]], folded: int, rolled: int, ends: tuple[int, int]
) -> None:
    since, until = (NOW + minute * 60 for minute in ends)
    expected: dict[tuple[str, str, str, Outcome], list[float]] = defaultdict(lambda: [0, 0.0])
    with tempfile.TemporaryDirectory() as name:
        ledger, at = MinedLedger.under(Path(name)), START
        for number, (later, shares) in enumerate(batches):
            at += later
            ledger.batch(opening() if number == 0 else [], shares, at, "2025-11-26")
            if number + 1 == folded:
                fold(ledger.folder, NOW + rolled * 3600)
            for share in shares:
                if since <= at // MINUTE * 60 < until:
                    found = expected[SESSIONS[share.session], share.worker, "pool", Outcome.ACCEPTED]
                    found[0] += 1
                    found[1] += share.credit
        with Reader(ledger.folder) as reader:
            assert counted(reader, since, until) == {key: tuple(found) for key, found in expected.items()}


def test_rows_can_be_of_one_tenant_or_of_one_worker(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1), plain(2)])
    fold(ledger.folder)
    ledger.batch([], [plain(1), plain(2), plain(1, worker="rig9")])
    with Reader(ledger.folder) as reader:
        assert {row.tenant for row in reader.rows(NOW, NOW + 60, tenant="zeta")} == {"zeta"}
        (only,) = reader.rows(NOW, NOW + 60, tenant="acme", worker="rig1")
        assert (only.worker, only.sum.count) == ("rig1", 2)
        assert reader.rows(NOW, NOW + 60, tenant="acme", worker="nobody") == []
        assert reader.workers() == [("acme", "rig1"), ("acme", "rig9"), ("zeta", "rig2")]
        assert [found.id for found in reader.tenants()] == ["acme", "zeta"]


def test_refusals_and_settlements_are_sums_of_their_own(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1, number=7)])
    fold(ledger.folder)
    refused = SharesRefused(1, "acme", "rig1", "pool", "duplicate", 3, 6.0)
    ledger.batch([refused, ShareSettled(7, 1, "rig1", 1, "rejected", "23 low difficulty", POOL)], [])
    with Reader(ledger.folder) as reader:
        found = {row.outcome: row.sum.count for row in reader.rows(NOW, NOW + 60)}
    assert found == {Outcome.ACCEPTED: 1, Outcome.DUPLICATE: 3, Outcome.POOL_LOW: 1}


def test_without_an_index_all_is_folded_from_the_batches(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    with Reader(ledger.folder) as reader:
        assert counted(reader, NOW, NOW + 60) == {("acme", "rig1", "pool", Outcome.ACCEPTED): (1, CREDIT)}
        assert reader.last == (1, ledger.previous)
    assert not ledger.folder.index.exists()


def test_too_much_to_fold_each_time_is_refused_with_what_to_do(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST", 1)
    ledger.batch(opening(), [])
    ledger.batch([], [])
    with pytest.raises(LedgerUnusable, match="pumpjack ledger check"):
        Reader(ledger.folder)


def test_an_empty_ledger_knows_nothing(ledger: MinedLedger) -> None:
    with Reader(ledger.folder) as reader:
        assert reader.rows(0, NOW) == []
        assert (reader.tenants(), reader.workers(), reader.gaps(0, NOW)) == ([], [], [])
        assert reader.shares.latest(5) == []
        assert reader.shares.find(ShareId(1, 0)) is None


def test_a_reader_sees_one_moment_while_the_writer_goes_on(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        before = counted(reader, NOW, NOW + 60)
        ledger.batch([], [plain(1)])
        fold(ledger.folder)  # is not kept waiting
        assert counted(reader, NOW, NOW + 60) == before
    with Reader(ledger.folder) as reader:
        assert counted(reader, NOW, NOW + 60) == {("acme", "rig1", "pool", Outcome.ACCEPTED): (2, 2 * CREDIT)}


# --- sessions, gaps, damages ----------------------------------------------------------------------------


@pytest.mark.parametrize("folded", [0, 1, 2, 3])
def test_sessions_have_beginning_and_end_wherever_those_are_told(ledger: MinedLedger, folded: int) -> None:
    again = SessionBegan(3, "acme", "rig1", "bmminer", "10.0.0.3", b"\0\3")
    told: list[list[AnyNote]] = [opening(), [SessionEnded(1, "closed by the miner")], [again]]
    for number, notes in enumerate(told):
        if number == folded:
            fold(ledger.folder)
        ledger.batch(notes, [], START + 1000 * number)
    if folded == 3:
        fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        assert reader.sessions("acme", "rig1", 5) == [
            SessionSpan("acme", "rig1", "bmminer", "10.0.0.3", START + 2000, None, None),
            SessionSpan("acme", "rig1", "cgminer", "10.0.0.1", START, START + 1000, "closed by the miner"),
        ]
        assert len(reader.sessions("acme", "rig1", 1)) == 1
        assert reader.sessions("zeta", "rig1", 5) == []


@pytest.mark.parametrize("folded", [False, True])
def test_a_gap_is_told_to_those_whose_time_it_touches(ledger: MinedLedger, folded: bool) -> None:
    ledger.batch([*opening(), Gap(START, START + MINUTE, 5, 10.0, "disk full")], [], START + 2 * MINUTE)
    if folded:
        fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        (gap,) = reader.gaps(NOW + 30, NOW + 3600)
        assert (gap.shares, gap.difficulty, gap.cause) == (5, 10.0, "disk full")
        assert reader.gaps(NOW + 61, NOW + 3600) == []
        assert reader.gaps(NOW - 60, NOW) == []


def test_a_batch_that_is_not_what_was_written_is_named_and_the_rest_counted(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    fold(ledger.folder)
    ledger.batch([], [plain(1), plain(1)])
    ledger.batch([], [plain(1)])
    spoil(ledger.folder.day("2025-11-26"), "UPDATE batches SET at = at + 1 WHERE seq = 2")
    with Reader(ledger.folder) as reader:
        (damage,) = reader.damages(NOW, NOW + 60)
        assert (damage.day, damage.first, damage.last, damage.signed_by) == ("2025-11-26", 2, 2, None)
        assert counted(reader, NOW, NOW + 60) == {("acme", "rig1", "pool", Outcome.ACCEPTED): (2, 2 * CREDIT)}
        assert reader.damages(NOW + 86400, NOW + 2 * 86400) == []


def test_a_file_that_cannot_be_read_is_a_damage_and_the_others_are_read(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    fold(ledger.folder)
    for day in (1, 2):
        ledger.batch(opening(), [plain(1)], START + day * DAY)
    ledger.folder.day("2025-11-27").write_bytes(b"noise" * 1000)
    with Reader(ledger.folder) as reader:
        (damage,) = reader.damages(NOW, NOW + 3 * 86400)
        assert (damage.day, damage.first, damage.last) == ("2025-11-27", 2, 2)
        assert sum(row.sum.count for row in reader.rows(NOW, NOW + 3 * 86400)) == 2
        assert [seen.id.seq for seen in reader.shares.latest(5)] == [1, 3]


def test_damage_that_was_signed_off_is_not_found_again(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    ledger.batch([], [plain(1)])
    ledger.batch([], [plain(1)])
    spoil(ledger.folder.day("2025-11-26"), "UPDATE batches SET at = at + 1 WHERE seq = 2")
    fold(ledger.folder)
    meddle(ledger.folder, "UPDATE damages SET signed_by = 'ann'")
    with Reader(ledger.folder) as reader:
        assert [damage.signed_by for damage in reader.damages(NOW, NOW + 60)] == ["ann"]


def test_damage_of_no_day_touches_every_time(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [])
    fold(ledger.folder)
    meddle(
        ledger.folder,
        "INSERT INTO damages (day, first, last, found_at, problem, signed_by) "
        "VALUES ('index', 1, 2, 3, 'x', 'ann')",
    )
    with Reader(ledger.folder) as reader:
        assert [damage.signed_by for damage in reader.damages(0, 1)] == ["ann"]


# --- shares ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folded", [False, True])
def test_a_share_is_found_with_all_that_belongs_to_it(ledger: MinedLedger, folded: bool) -> None:
    ledger.batch(opening(), [plain(1), plain(2, number=9)])
    ledger.batch([ShareSettled(9, 2, "rig2", 2, "accepted", "", POOL)], [], START + 1000)
    if folded:
        fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        found = reader.shares.find(ShareId(1, 1))
        assert found is not None
        assert found.share == plain(2, number=9)
        assert found.work == WORKS[1]
        assert found.session is not None
        assert found.session.tenant == "zeta"
        assert found.settlement is not None
        assert (found.settlement.outcome, found.settlement.at) == (Outcome.POOL_ACCEPTED, START + 1000)
        first = reader.shares.find(ShareId(1, 0))
        assert first is not None
        assert first.settlement is None
        assert reader.shares.find(ShareId(1, 2)) is None
        assert reader.shares.find(ShareId(3, 0)) is None


def test_a_share_goes_with_the_extranonce_that_its_session_had_then(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    ledger.batch([SessionBegan(1, "acme", "rig1", "cgminer", "10.0.0.1", b"\7\7")], [])
    fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        found = reader.shares.find(ShareId(1, 0))
    assert found is not None
    assert found.session is not None
    assert found.session.extranonce1 == b"\0\1"


def test_a_pruned_day_is_known_as_such(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    fold(ledger.folder)
    row = ("2025-11-26", 1, 1, START, START, 1, CREDIT, 4096, bytes(32), bytes(32), b"", NOW)
    meddle(ledger.folder, "INSERT INTO days VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *row)
    ledger.folder.day("2025-11-26").unlink()
    with Reader(ledger.folder) as reader:
        assert reader.shares.find(ShareId(1, 0)) is None
        assert reader.shares.is_pruned(ShareId(1, 0))
        assert not reader.shares.is_pruned(ShareId(2, 0))


def test_the_latest_shares_come_from_all_days_in_their_order(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1), plain(2)])
    fold(ledger.folder)
    ledger.batch(opening(), [plain(2), plain(1)], START + DAY)
    with Reader(ledger.folder) as reader:
        assert [str(seen.id) for seen in reader.shares.latest(3)] == ["1-1", "2-0", "2-1"]
        assert [str(seen.id) for seen in reader.shares.latest(9)] == ["1-0", "1-1", "2-0", "2-1"]
        assert [str(seen.id) for seen in reader.shares.latest(9, "zeta")] == ["1-1", "2-0"]
        assert [seen.tenant for seen in reader.shares.latest(2)] == ["zeta", "acme"]


def test_a_follower_sees_each_share_once_and_over_midnight(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [plain(1)])
    fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        follower = Follower(ledger.folder, reader.last[0], reader.shares.tenants())
    assert follower.news() == []
    ledger.batch([], [plain(2)])
    ledger.batch([SessionBegan(3, "new", "rig3", "", "", b"\0\3")], [plain(3), plain(4)], START + DAY)
    assert [(str(seen.id), seen.tenant) for seen in follower.news()] == [
        ("2-0", "zeta"),
        ("3-0", "new"),
        ("3-1", "?"),
    ]
    assert follower.news() == []


@given(seq=st.integers(1, 10**18 - 1), place=st.integers(0, 10**9 - 1))
def test_an_id_is_read_as_it_is_written(seq: int, place: int) -> None:
    assert ShareId.read(str(ShareId(seq, place))) == ShareId(seq, place)


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{0,25}-[0-9]{0,25}", fullmatch=True))
def test_any_text_is_an_id_or_refused(text: str) -> None:
    try:
        found = ShareId.read(text)
    except ValueError:
        return
    assert [int(part) for part in text.split("-")] == [found.seq, found.place]


def test_the_ledgers_id_is_told(ledger: MinedLedger) -> None:
    ledger.batch(opening(), [])
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        connection.execute("INSERT INTO meta VALUES ('ledger', ?)", (LEDGER,))
    with Reader(ledger.folder) as reader:
        assert reader.ledger == LEDGER


def test_blocks_and_how_many_were_to_be_expected_are_told(ledger: MinedLedger) -> None:
    block = replace(plain(1, credit=0.5), achieved=2.0, flags=int(Flags.BLOCK | Flags.FORWARDED), number=1)
    ledger.batch(opening(), [block, plain(1, credit=0.25)])
    fold(ledger.folder, NOW + 2 * 86_400)
    ledger.batch([], [block, plain(2, credit=0.25)], START + DAY)
    with Reader(ledger.folder) as reader:
        told = {row.tenant: (row.sum.blocks, row.sum.expected) for row in reader.rows(NOW, NOW + 2 * 86_400)}
        # Difficulty 1 is what the works' network asks.
        assert told == {"acme": (2, 1.25), "zeta": (0, 0.25)}
        assert reader.luck_since == 0


def old_index(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold as the first version did, which knew nothing of blocks."""
    fold(folder)
    with closing(index.open_to_write(folder.index)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        rows = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for (name,) in tables}
    for file in database.files_of(folder.index):
        file.unlink(missing_ok=True)
    with monkeypatch.context() as patched:
        patched.setattr(index, "MIGRATIONS", index.MIGRATIONS[:1])
        with closing(index.open_to_write(folder.index)) as connection, database.transaction(connection):
            for name, found in rows.items():
                if not found:
                    continue
                kept = [row[:-2] if name in index.ROLL_UPS else row for row in found]
                marks = ", ".join("?" * len(kept[0]))
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", kept)


def test_an_index_of_before_is_read_as_it_is_and_says_from_when_on_it_knows_of_blocks(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.batch(opening(), [plain(1, credit=0.5)])
    old_index(ledger.folder, monkeypatch)
    with closing(index.open_to_read(ledger.folder.index)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    ledger.batch([], [plain(1, credit=0.25)], START + MINUTE)
    with Reader(ledger.folder) as reader:
        (row,) = reader.rows(NOW, NOW + 3600)
        assert (row.sum.count, row.sum.difficulty) == (2, 0.75)
        assert (row.sum.expected, reader.luck_since) == (0.25, START)


def test_an_index_of_before_is_brought_up_to_date_and_loses_nothing(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.batch(opening(), [plain(1, credit=0.5), plain(2, credit=2.0)])
    fold(ledger.folder, NOW + 3600)
    with Reader(ledger.folder) as reader:
        before = counted(reader, NOW, NOW + 7200)
    old_index(ledger.folder, monkeypatch)
    ledger.batch([], [plain(1, credit=0.25)], START + MINUTE)
    fold(ledger.folder)
    with Reader(ledger.folder) as reader:
        rows = {row.tenant: row.sum for row in reader.rows(NOW, NOW + 7200)}
        assert counted(reader, NOW, NOW + 7200) == {
            key: (count + 1, credit + 0.25) if key[0] == "acme" else (count, credit)
            for key, (count, credit) in before.items()
        }
        assert {name: found.expected for name, found in rows.items()} == {"acme": 0.25, "zeta": 0.0}
        assert reader.luck_since == START
    with closing(rebuild(ledger.folder, ledger.folder.index)):
        pass
    with Reader(ledger.folder) as reader:  # made anew from the batches it knows of all
        assert sum(row.sum.expected for row in reader.rows(NOW, NOW + 7200)) == 0.5 + 1.0 + 0.25
        assert reader.luck_since == 0
