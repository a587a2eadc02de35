"""Ranges of time: each moment is answered for once, by the coarsest roll-up that is whole."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.ledger.ranges import BY_MINUTES, DAY, HOUR, MINUTE, Part, beginning, parts_of

LENGTHS = {"minute": MINUTE, "hour": HOUR, "day": DAY}
NOW = 1_795_651_200
instants = st.integers(NOW - 5 * DAY, NOW + 2 * DAY)
hours = st.integers(-100, 30).map(lambda number: NOW + number * HOUR)


@given(since=instants, until=instants, hours_end=hours)
def test_a_range_is_covered_without_a_gap_and_nothing_twice(since: int, until: int, hours_end: int) -> None:
    parts = parts_of(since, until, hours_end, hours_end // DAY * DAY)
    if since // MINUTE >= -(-until // MINUTE):
        assert parts == []
        return
    assert [part.since for part in parts] == [
        since // MINUTE * MINUTE,
        *(part.until for part in parts[:-1]),
    ]
    assert parts[-1].until == -(-until // MINUTE) * MINUTE
    assert all(part.since < part.until for part in parts)


@given(since=instants, until=instants, hours_end=hours)
def test_a_coarse_roll_up_answers_only_for_whole_ones_that_are_rolled_up(
    since: int, until: int, hours_end: int
) -> None:
    ends = {"minute": 1 << 60, "hour": hours_end, "day": hours_end // DAY * DAY}
    for part in parts_of(since, until, hours_end, ends["day"]):
        assert part.since % LENGTHS[part.name] == part.until % LENGTHS[part.name] == 0
        assert part.until <= ends[part.name]


def test_whole_days_are_answered_for_by_days_and_the_rest_by_finer_ones() -> None:
    assert parts_of(NOW - DAY - HOUR, NOW + HOUR + 30, NOW + HOUR, NOW) == [
        Part("hour", NOW - DAY - HOUR, NOW - DAY),
        Part("day", NOW - DAY, NOW),
        Part("hour", NOW, NOW + HOUR),
        Part("minute", NOW + HOUR, NOW + HOUR + MINUTE),
    ]


@given(length=st.integers(0, 400 * DAY), now=instants)
def test_a_long_range_begins_where_its_roll_up_is_still_kept(length: int, now: int) -> None:
    found = beginning(now - length, now)
    assert found <= now - length
    if found % DAY:
        assert now - found <= 90 * DAY
    if found % HOUR:
        assert now - found <= BY_MINUTES + MINUTE
