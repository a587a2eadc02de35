"""What is given up is whole days from the oldest on; killed whenever, the chain that is left is proven."""

from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.stores.ledger import database, index, pruning
from proxy.adapters.stores.ledger.checking import check
from proxy.adapters.stores.ledger.days import rows
from proxy.adapters.stores.ledger.pruning import choose, finish, prune
from proxy.ledger.retention import DAY_MS, Age, Kept, to_prune
from tests.fakes.mined_ledger import DAY, START, MinedLedger, spoil

NOW = START // 1000 + 10 * 86_400

kept = st.lists(
    st.tuples(
        st.integers(1, 50), st.sampled_from([-5, 0, 1, 1, 2, 900]), st.integers(0, 1000), st.booleans()
    ),
    max_size=12,
)


def as_days(drawn: list[tuple[int, int, int, bool]]) -> list[Kept]:
    days: list[Kept] = []
    last = at = 0
    for batches, later, size, is_signed_off in drawn:
        last, at = last + batches, at + later
        days.append(Kept(f"{at}.{len(days)}", str(at), last, at * DAY_MS, size, is_signed_off))
    return days


def is_too_old(days: list[Kept], place: int, age: Age) -> bool:
    dates = {day.date for day in days[place + 1 :] if day.date != days[place].date}
    return age.now - days[place].last_at > age.days * DAY_MS and len(dates) > age.days - 1


@given(
    drawn=kept,
    watermark=st.integers(0, 600),
    age=st.none() | st.builds(Age, st.floats(0.1, 4), st.integers(-5, 3000).map(lambda day: day * DAY_MS)),
    most=st.none() | st.integers(0, 8000),
)
def test_what_is_pruned_is_a_safe_beginning(
    drawn: list[tuple[int, int, int, bool]], watermark: int, age: Age | None, most: int | None
) -> None:
    days = as_days(drawn)
    chosen = to_prune(days, watermark, too_old=age, most_bytes=most)
    assert chosen == days[: len(chosen)]
    assert not days or days[-1] not in chosen
    assert all(day.last <= watermark and day.is_signed_off for day in chosen)
    left = days[len(chosen) :]
    for place in range(len(chosen)):
        is_old = age is not None and is_too_old(days, place, age)
        room = sum(other.bytes for other in days[place:])
        assert is_old or (most is not None and room > most)
    if len(left) > 1 and left[0].last <= watermark and left[0].is_signed_off:
        assert age is None or not is_too_old(days, len(chosen), age)
        assert most is None or sum(day.bytes for day in left) <= most


@pytest.fixture(name="ledger")
def _ledger(tmp_path: Path) -> MinedLedger:
    ledger = MinedLedger.under(tmp_path)
    ledger.days(4)
    ledger.fold()
    return ledger


def pruned(ledger: MinedLedger, now: int, days: float = 1) -> list[str]:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        names = []
        for day in choose(ledger.folder, connection, too_old=Age(days, now)):
            prune(ledger.folder, connection, day, NOW)
            names.append(day.name)
        return names


def test_old_days_go_and_what_is_left_is_proven(ledger: MinedLedger) -> None:
    assert pruned(ledger, START + 3 * DAY) == ledger.files[:2]
    assert ledger.folder.names() == ledger.files[2:]
    report = check(ledger.folder)
    assert report.problems == []
    assert (report.pruned_days, report.pruned.shares, report.credited.shares) == (2, 24, 24)
    assert report.signed_days == 2


def test_the_open_day_stays_however_old(ledger: MinedLedger) -> None:
    assert pruned(ledger, START + 1000 * DAY) == ledger.files[:3]


def test_a_clock_that_leaps_ahead_makes_nothing_old_that_so_many_dates_do_not_follow(
    ledger: MinedLedger,
) -> None:
    assert pruned(ledger, START + 1000 * DAY, days=30) == []
    assert pruned(ledger, START + 1000 * DAY, days=3) == ledger.files[:1]


def test_a_day_that_is_not_folded_stays(ledger: MinedLedger) -> None:
    spoil(ledger.folder.index, "UPDATE meta SET value = x'0000000000000007' WHERE key = 'seq'")
    assert pruned(ledger, START + 1000 * DAY) == ledger.files[:1]


def test_a_day_whose_damage_nobody_has_signed_off_stays_with_all_behind_it(ledger: MinedLedger) -> None:
    spoil(ledger.folder.day(ledger.files[1]), "UPDATE batches SET count = 9 WHERE seq = 6")
    check(ledger.folder)
    assert pruned(ledger, START + 1000 * DAY) == ledger.files[:1]


def test_nothing_goes_before_a_file_that_cannot_be_read_is_looked_at(ledger: MinedLedger) -> None:
    (ledger.folder.days / "2025-01-01.db").write_bytes(b"noise" * 1000)
    assert pruned(ledger, START + 1000 * DAY) == []


def test_as_many_go_as_must_for_the_room(ledger: MinedLedger) -> None:
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        sizes = [day.bytes for day in choose(ledger.folder, connection, most_bytes=0)]
        assert len(sizes) == 3
        whole = sum(sizes) + sizes[0]
        assert [day.name for day in choose(ledger.folder, connection, most_bytes=whole - 1)] == ledger.files[
            :1
        ]


class Killed(BaseException):
    """The program ends here."""


@pytest.mark.parametrize("step", ["close_day", "database.transaction", "_unlink", "flush_folder"])
def test_killed_anywhere_the_ledger_is_whole_and_the_next_run_ends_it(
    ledger: MinedLedger, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        owner, _, name = f"pruning.{step}".rpartition(".")
        patch.setattr(pruning if owner == "pruning" else database, name, kill)
        with pytest.raises(Killed):
            pruned(ledger, START + 3 * DAY)
    assert check(ledger.folder).problems == []
    with closing(index.open_to_write(ledger.folder.index)) as connection:
        finish(ledger.folder, connection)
    pruned(ledger, START + 3 * DAY)
    assert ledger.folder.names() == ledger.files[2:]
    assert check(ledger.folder).problems == []
    with closing(index.open_to_read(ledger.folder.index)) as connection:
        assert [row.pruned_at for row in rows(connection)] == [NOW, NOW]


def test_a_pruned_day_whose_row_is_changed_breaks_its_signature(ledger: MinedLedger) -> None:
    pruned(ledger, START + 2 * DAY)
    spoil(ledger.folder.index, "UPDATE days SET shares = shares + 1")
    assert [problem.problem for problem in check(ledger.folder).problems] == ["its signature is not good"]
