"""Extranonces: how an upstream's is cut up, and that no two sessions ever hold the same lease."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from proxy.mining import extranonce
from proxy.mining.extranonce import DEFAULT_WIDTHS, LeaseSpace, Widths, choose_widths
from proxy.units import Seconds

NOW = Seconds(0.0)
sizes = st.integers(2, 16)
wishes = st.none() | st.integers(2, 8)


@pytest.mark.parametrize(
    ("size", "rolling", "fixed"),
    [
        (2, (0, 2), (0, 2)),
        (3, (1, 2), (1, 2)),
        (4, (2, 2), (1, 3)),
        (5, (2, 3), (2, 3)),
        (6, (2, 4), (2, 4)),
        (7, (3, 4), (3, 4)),
        *((size, (4, 4), (4, 4)) for size in range(8, 17)),
    ],
)
def test_widths_of_every_upstream_size(size: int, rolling: tuple[int, int], fixed: tuple[int, int]) -> None:
    assert choose_widths(size, rolling=True) == Widths(*rolling)
    assert choose_widths(size, rolling=False) == Widths(*fixed)


@given(size=sizes, rolling=st.booleans(), wish=wishes)
def test_widths_fit_the_upstream_and_the_wire(size: int, rolling: bool, wish: int | None) -> None:
    widths = choose_widths(size, rolling=rolling, miner=wish)
    assert widths.total == widths.lease + widths.miner <= size
    assert 2 <= widths.miner <= 8
    assert 0 <= widths.lease <= 4
    assert widths.lease >= 1 or size == 2


@given(size=sizes, rolling=st.booleans(), wish=st.integers(2, 8))
def test_wish_is_honoured_or_missed_by_as_little_as_leaves_a_byte_of_lease(
    size: int, rolling: bool, wish: int
) -> None:
    widths = choose_widths(size, rolling=rolling, miner=wish)
    if size - wish >= 1:
        assert widths.miner == wish
    else:
        assert widths.miner == max(2, size - 1)
    assert widths.lease == min(4, size - widths.miner)


@given(size=st.integers().filter(lambda size: not 2 <= size <= 16))
def test_upstream_sizes_off_the_wire_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="2 to 16"):
        choose_widths(size, rolling=True)


@given(wish=st.integers().filter(lambda wish: not 2 <= wish <= 8))
def test_wishes_that_no_miner_takes_are_refused(wish: int) -> None:
    with pytest.raises(ValueError, match="2 to 8"):
        choose_widths(8, rolling=True, miner=wish)


@pytest.mark.parametrize(("lease", "miner"), [(-1, 4), (5, 4), (2, 1), (2, 9)])
def test_widths_off_the_wire_are_refused(lease: int, miner: int) -> None:
    with pytest.raises(ValueError, match="bytes"):
        Widths(lease, miner)


def test_default_widths_fit_an_upstream_of_four_bytes() -> None:
    assert choose_widths(4, rolling=True) == DEFAULT_WIDTHS


class LeaseMachine(RuleBasedStateMachine):
    """LeaseSpace against a model that keeps every lease in dictionaries and looks at all of them."""

    held = Bundle("held")
    sessions = st.sampled_from(["a", "b", "c", "d"])
    waits = st.sampled_from([0.0, 0.0, 1.0, 7.0])

    @initialize(width=st.sampled_from([0, 1, 1, 2]), most=st.integers(0, 256))
    def begin(self, width: int, most: int) -> None:
        self.space: LeaseSpace[tuple[bytes, float]] = LeaseSpace(width)
        self.now = 0.0
        self.live: dict[bytes, str] = {}
        self.resting: dict[bytes, tuple[str, float]] = {}
        self.quarantine: set[bytes] = set()
        """Those of the resting whose jobs may still be hashed."""
        self.last_freed: dict[str, bytes] = {}
        # Other sessions fill the space to any degree, so that both ways of searching are met.
        for number in range(min(most, self.space.capacity)):
            lease = self.space.take(session=f"filler {number}")
            assert lease is not None
            assert lease not in self.live
            self.live[lease] = f"filler {number}"

    def wait(self, seconds: float) -> Seconds:
        self.now += seconds
        return Seconds(self.now)

    def owned(self, lease: bytes, session: str) -> None:
        assert len(lease) == self.space.width
        assert lease not in self.live
        self.live[lease] = session

    @property
    def is_exhausted(self) -> bool:
        return len(self.live) + len(self.resting) == self.space.capacity

    def can_have(self, lease: bytes) -> bool:
        if len(lease) != self.space.width or lease in self.live or lease in self.quarantine:
            return False
        return lease not in self.resting or self.is_exhausted

    def end_rest(self, lease: bytes) -> None:
        session, _ = self.resting.pop(lease)
        self.quarantine.discard(lease)
        if self.last_freed.get(session) == lease:
            del self.last_freed[session]

    @rule(target=held, session=sessions, seconds=waits)
    def take(self, session: str, seconds: float) -> object:
        lease = self.space.take(session=session)
        return self.given(lease, session)

    def given(self, lease: bytes | None, session: str) -> object:
        """Whoever comes has what is free; if nothing is, what rests longest of what is stale."""
        if lease is None:
            assert len(self.live) + len(self.quarantine) == self.space.capacity
            return multiple()
        assert lease not in self.quarantine
        if self.is_exhausted:
            assert lease == next(each for each in self.resting if each not in self.quarantine)
            self.end_rest(lease)
        assert lease not in self.resting
        self.owned(lease, session)
        return lease

    @rule(target=held, session=sessions, seconds=waits, data=st.data())
    def take_preferred(self, session: str, seconds: float, data: st.DataObject) -> object:
        known = [*self.live, *self.resting]
        fresh = st.binary(max_size=3)
        prefer = data.draw(st.sampled_from(known) | fresh if known else fresh)
        mine = self.resting.get(prefer, ("", 0.0))[0] == session
        wanted = mine or self.can_have(prefer)
        lease = self.space.take(session=session, prefer=prefer)
        if not wanted:
            return self.given(lease, session)
        assert lease == prefer
        if lease in self.resting:
            self.end_rest(lease)
        self.owned(lease, session)
        return lease

    @rule(target=held, session=sessions, seconds=waits)
    def resume(self, session: str, seconds: float) -> object:
        self.wait(seconds)
        resumed = self.space.resume(session)
        if resumed is None:
            assert session not in self.last_freed
            return multiple()
        lease, had = resumed
        assert lease == self.last_freed[session]
        assert had == (lease, self.resting[lease][1]), "what it had when it was freed"
        self.end_rest(lease)
        self.owned(lease, session)
        return lease

    @rule(lease=consumes(held), seconds=waits)
    def free(self, lease: bytes, seconds: float) -> None:
        now = self.wait(seconds)
        session = self.live.pop(lease)
        self.space.free(lease, session, (lease, now), now)
        self.rests(lease, session, now)
        with pytest.raises(ValueError, match="not live"):
            self.space.free(lease, session, (lease, now), now)

    def rests(self, lease: bytes, session: str, now: Seconds) -> None:
        self.resting[lease] = (session, now)
        self.quarantine.add(lease)
        self.last_freed[session] = lease

    @rule(lease=consumes(held), seconds=waits)
    def free_at_once(self, lease: bytes, seconds: float) -> None:
        self.wait(seconds)
        del self.live[lease]
        self.space.free_at_once(lease)
        assert self.space.is_free(lease)
        with pytest.raises(ValueError, match="not live"):
            self.space.free_at_once(lease)

    @rule(data=st.data(), seconds=waits)
    def free_many(self, data: st.DataObject, seconds: float) -> None:
        now = self.wait(seconds)
        fillers = [lease for lease, session in self.live.items() if session.startswith("filler")]
        for lease in fillers[: data.draw(st.integers(0, len(fillers)))]:
            session = self.live.pop(lease)
            self.space.free(lease, session, (lease, now), now)
            self.rests(lease, session, now)

    @rule(seconds=waits)
    def jobs_stale(self, seconds: float) -> None:
        self.wait(seconds)
        self.space.jobs_stale()
        self.quarantine.clear()

    @rule(
        seconds=waits,
        age=st.sampled_from([0.0, 1.0, 5.0, 600.0]),
        resume=st.sampled_from([0.0, 5.0, 900.0]),
        most=st.sampled_from([0, 1, 300]),
    )
    def expire(self, seconds: float, age: float, resume: float, most: int) -> None:
        now = self.wait(seconds)
        self.space.expire(now, Seconds(age), Seconds(resume), most)
        self.quarantine = {lease for lease in self.quarantine if self.now - self.resting[lease][1] <= age}
        over = [
            lease
            for lease, (_, freed) in self.resting.items()
            if lease not in self.quarantine and self.now - freed > resume
        ]
        for lease in over[:most]:
            self.end_rest(lease)

    @invariant()
    def counts_and_questions_agree(self) -> None:
        assert self.space.live == len(self.live)
        assert self.space.resting == len(self.resting)
        assert self.space.quarantined == len(self.quarantine)
        assert self.space.capacity == 256**self.space.width
        assert self.space.is_full == (len(self.live) + len(self.quarantine) == self.space.capacity)
        for number in range(0, self.space.capacity, max(1, self.space.capacity // 64)):
            lease = number.to_bytes(self.space.width, "big")
            assert self.space.is_free(lease) == self.can_have(lease)
        assert not self.space.is_free(bytes(self.space.width + 1))


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=60, stateful_step_count=40)


def churn(space: LeaseSpace[str | None], rounds: int, held: int) -> list[bytes]:
    """Return the leases given, in order, while ``held`` sessions come and go and every job is clean."""
    given_out: list[bytes] = []
    for number in range(rounds):
        lease = space.take(session=f"s{number}")
        assert lease is not None
        given_out.append(lease)
        if len(given_out) >= held:
            space.free(given_out[number - held + 1], f"s{number - held + 1}", None, Seconds(number))
            space.jobs_stale()
            space.expire(Seconds(number + 1), NOW, NOW)
    return given_out


@pytest.mark.parametrize("held", [1, 100, 127, 128, 129, 200, 255])
def test_a_freed_lease_waits_for_every_other_free_one(held: int) -> None:
    given_out = churn(LeaseSpace(1), 2000, held)
    for number, lease in enumerate(given_out[:-256]):
        # 256 leases of which held - 1 are live: all the others are given before this one comes again.
        assert lease not in given_out[number + 1 : number + 256]


def test_every_lease_is_given_once_before_any_is_given_again() -> None:
    given_out = churn(LeaseSpace(2), 65_536, 500)
    assert len(set(given_out)) == 65_536


@pytest.mark.parametrize("width", [0, 1, 2])
def test_a_space_serves_exactly_its_capacity(width: int) -> None:
    space: LeaseSpace[str | None] = LeaseSpace(width)
    leases = {space.take(session=f"s{number}") for number in range(256**width)}
    assert None not in leases
    assert len(leases) == space.capacity
    assert space.is_full
    assert space.take(session="one too many") is None


def test_a_resumed_lease_is_not_given_to_a_namesake_again() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(1)
    lease = space.take(session="a")
    assert lease is not None
    space.free(lease, "a", "had", NOW)
    assert space.resume("a") == (lease, "had")
    assert space.resume("a") is None


def test_the_end_of_an_older_rest_does_not_forget_the_newer_lease_of_the_session() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(1)
    older, newer = space.take(session="a"), space.take(session="a")
    assert older is not None
    assert newer is not None
    space.free(older, "a", None, Seconds(1.0))
    space.free(newer, "a", None, Seconds(500.0))
    space.expire(Seconds(1000.0), Seconds(600.0), Seconds(900.0))
    assert space.is_free(older)
    assert not space.is_free(newer)
    assert space.resume("a") == (newer, None)


def test_quarantine_alone_can_fill_a_space_and_a_clean_job_ends_it() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(0)
    assert space.take(session="a") == b""
    space.free(b"", "a", None, NOW)
    assert space.take(session="b") is None
    space.jobs_stale()
    assert space.take(session="b") == b""


@pytest.mark.parametrize("width", [1, 2, 3])
def test_what_rests_for_its_session_goes_to_others_only_when_there_is_no_other_oldest_first(
    width: int,
) -> None:
    space: LeaseSpace[str | None] = LeaseSpace(width)
    leases = [space.take(session=f"s{number}") for number in range(20)]
    for number in (7, 3, 12):
        lease = leases[number]
        assert lease is not None
        space.free(lease, f"s{number}", None, Seconds(number))
    space.jobs_stale()
    free = min(space.capacity, 1 << 16) - 20
    others = {space.take(session=f"other {number}") for number in range(free)}
    assert not others & set(leases), "each of the others has its own"
    assert space.resume("s3") == (leases[3], None)
    if width == 3:
        return  # not even the largest site fills it
    assert [space.take(session="late") for _ in range(3)] == [leases[7], leases[12], None]
    assert space.resume("s7") is None, "it had to give way"


def test_leases_wait_for_their_sessions_up_to_the_time_that_is_set() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(4)
    leases = [space.take(session=f"s{number}") for number in range(3)]
    for number, lease in enumerate(leases):
        assert lease is not None
        space.free(lease, f"s{number}", None, Seconds(number))
    space.expire(Seconds(901.0), Seconds(600.0), Seconds(900.0))
    assert space.resume("s0") is None
    assert space.resume("s1") == (leases[1], None), "900 s ago"


def test_a_lease_whose_jobs_are_not_stale_is_kept_beyond_the_time_to_return() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(4)
    lease = space.take(session="a")
    assert lease is not None
    space.free(lease, "a", None, NOW)
    space.expire(Seconds(900.0), Seconds(3600.0), Seconds(0.0))
    assert not space.is_free(lease)
    assert space.resume("a") == (lease, None)


def test_a_flood_of_sessions_that_leave_keeps_so_many_leases_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extranonce, "MOST_RESTING", 100)
    space: LeaseSpace[str | None] = LeaseSpace(4)
    for number in range(1000):
        lease = space.take(session=f"s{number}")
        assert lease is not None
        space.free(lease, f"s{number}", None, NOW)
    space.expire(NOW, Seconds(600.0), Seconds(900.0))
    assert space.resting == 1000, "whose jobs may still be hashed"
    space.jobs_stale()
    space.expire(NOW, Seconds(600.0), Seconds(900.0), 300)
    assert space.resting == 700
    space.expire(NOW, Seconds(600.0), Seconds(900.0))
    assert space.resting == 100
    assert space.resume("s900") is not None
    assert space.resume("s899") is None, "the oldest had to go"


class CountingSet(set[bytes]):
    """Counts the questions that a search asks."""

    asked = 0

    # typing.override is Python 3.12.
    def __contains__(self, key: object) -> bool:  # type: ignore[explicit-override]
        self.asked += 1
        return super().__contains__(key)


@pytest.mark.parametrize("held", [20_000, 32_768, 40_000, 65_535])
def test_taking_stays_cheap_however_full_the_space_is(held: int) -> None:
    space: LeaseSpace[str | None] = LeaseSpace(2)
    live = space._live = CountingSet()
    leases = [space.take(session=f"s{number}") for number in range(held)]
    filled = live.asked
    for number in range(20_000):
        lease = leases[number % held]
        assert lease is not None
        space.free(lease, "old", None, NOW)
        space.jobs_stale()
        leases[number % held] = space.take(session="next")
    assert filled <= 2 * 65_536 + 2 * held
    assert live.asked - filled <= 8 * 20_000 + 65_536


def test_memory_follows_what_is_held_and_not_the_space() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(4)
    churn(space, 50_000, 10)
    tables = (space._live, space._resting, space._last_freed)
    assert all(len(table) <= 10 for table in tables)
    assert space._free is None
    assert sum(sys.getsizeof(table) for table in tables) < 10_000


def test_no_lease_of_a_wide_space_is_dear_though_whoever_leaves_keeps_one_from_all_others() -> None:
    """Half of 65,536 are held a minute after a flood of logins begins: to list the rest then took 0.2 s."""
    space: LeaseSpace[str | None] = LeaseSpace(2, first=65_000)
    live = space._live = CountingSet()
    most = 0
    for number in range(65_536):
        before = live.asked
        lease = space.take(session=f"s{number}")
        assert lease is not None
        space.free(lease, f"s{number}", None, NOW)
        most = max(most, live.asked - before)
    assert most <= 4
    assert space.is_full
    assert space.take(session="late") is None
    before = live.asked
    space.jobs_stale()
    assert (space.quarantined, space.is_full) == (0, False)
    assert space.take(session="again") == (65_000).to_bytes(2, "big"), "freed longest ago"
    assert live.asked - before <= 4, "a clean job gives back none by itself"


def test_what_a_clean_job_freed_is_had_again_by_those_who_had_it() -> None:
    space: LeaseSpace[str | None] = LeaseSpace(2)
    leases = [space.take(session=f"s{number}") for number in range(65_536)]
    for lease in leases:
        assert lease is not None
        space.free(lease, "old", None, NOW)
    space.jobs_stale()
    late = leases[40_500:40_000:-1]
    again = {space.take(session="back", prefer=lease) for lease in late}
    assert again == set(late), "each has the one that it had"
    rest = {space.take(session="new") for _ in range(65_536 - 500)}
    assert again | rest == set(leases), "and the others have the rest, no lease twice"
    assert space.is_full


def test_a_lease_wider_than_four_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 4"):
        LeaseSpace(5)


@given(width=st.integers(0, 4), first=st.integers(0, 2**40))
def test_the_first_lease_is_the_one_that_was_chosen_and_the_rest_follow(width: int, first: int) -> None:
    space: LeaseSpace[str | None] = LeaseSpace(width, first)
    taken = [space.take(session=f"s{n}") for n in range(min(3, space.capacity))]
    assert taken == [((first + n) % space.capacity).to_bytes(width, "big") for n in range(len(taken))]
