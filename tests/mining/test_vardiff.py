"""Vardiff: soon right for every hashrate, then at rest, and never fooled by time without work."""

import math
import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.mining.difficulty import HASHES_PER_DIFFICULTY, power_of_two_at_most
from proxy.mining.vardiff import Vardiff, VardiffSettings
from proxy.units import Difficulty, HashesPerSecond, Seconds

SETTINGS = VardiffSettings()
HOUR, DAY = 3600.0, 86_400.0
NO_CLAMP = Difficulty(2.0**60)
RESTING = Difficulty(2.0**17)
hashrates = st.floats(6, 15).map(lambda exponent: HashesPerSecond(10.0**exponent))


def ideal(hashrate: float, settings: VardiffSettings = SETTINGS) -> float:
    """Return the difficulty, not rounded, at which shares come at the wanted rate."""
    return hashrate / HASHES_PER_DIFFICULTY * 60 / settings.shares_per_minute


def hashrate_for(ratio: float, difficulty: float = RESTING) -> HashesPerSecond:
    """Return the hashrate whose ideal is ``ratio`` times ``difficulty``."""
    return HashesPerSecond(ratio * difficulty * HASHES_PER_DIFFICULTY * SETTINGS.shares_per_minute / 60)


@dataclass
class Mine:
    """One miner with shares at random times, and a relay that does what ``converged`` asks of it."""

    vardiff: Vardiff
    seed: int = 0
    upstream: Difficulty = NO_CLAMP
    job_every: float = 30.0
    latency: float = 0.1
    """Until the miner works on a job sent to it."""
    now: float = 0.0
    shares: int = 0
    changes: list[tuple[float, Difficulty]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._assigned = self.vardiff.clamped(power_of_two_at_most(self.upstream))
        self._coming: list[tuple[float, Difficulty]] = []
        self._tick, self._job = self.now + 5.0, self.now + self.job_every

    def run(self, hashrate: float, seconds: float) -> "Mine":
        """Hash for so long at one hashrate."""
        end = self.now + seconds
        while True:
            rate = hashrate / HASHES_PER_DIFFICULTY / self._assigned
            found = self.now + self._chance.expovariate(rate) if rate > 0 else math.inf
            coming = self._coming[0][0] if self._coming else math.inf
            self.now = min(found, coming, self._tick, self._job, end)
            if self.now == end:
                return self
            if self.now == coming:
                self._assigned = self._coming.pop(0)[1]
            elif self.now == self._job:
                self._job += self.job_every
                self._send_job()
            else:
                self._ask(share=self.now == found)

    def _ask(self, *, share: bool) -> None:
        if share:
            self.shares += 1
            self.vardiff.share(self._assigned, Seconds(self.now))
        else:
            self._tick += 5.0
        wanted = self.vardiff.decide(Seconds(self.now))
        if wanted is not None:
            assert wanted == self.vardiff.difficulty
            self.changes.append((self.now, wanted))
            if not self.vardiff.converged:
                self._send_job()

    def _send_job(self) -> None:
        self._coming.append(
            (self.now + self.latency, self.vardiff.clamped(power_of_two_at_most(self.upstream)))
        )

    def within_factor_two_since(self, hashrate: float, start: Difficulty) -> float:
        """Return since when the share rate has been between half the wanted one and twice its upper end."""
        since, known = 0.0, start
        for when, wanted in [*self.changes, (math.inf, start)]:
            if not 0.5 <= ideal(hashrate) / known < 4:
                since = when
            known = wanted
        return since


def opened(start: Difficulty = SETTINGS.start, settings: VardiffSettings = SETTINGS) -> Vardiff:
    return Vardiff(settings, Seconds(0.0), start=start)


def rested(ratio: float = 1.4) -> Mine:
    """Return a mine that has come to rest at ``RESTING``."""
    mine = Mine(opened(RESTING)).run(hashrate_for(ratio), HOUR)
    assert mine.vardiff.converged
    assert mine.vardiff.difficulty == RESTING
    return mine


# -- the opening ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hashrate", "median", "worst"),
    [
        (1e6, 270, 800),
        (7e6, 270, 800),  # cpuminer on one old core
        (1e9, 200, 530),
        (1e12, 80, 400),
        (1e14, 27, 160),
        (1e15, 27, 160),
        (1e16, 40, 300),
    ],
)
def test_share_rate_is_soon_within_a_factor_of_two(hashrate: float, median: float, worst: float) -> None:
    times = []
    for seed in range(20):
        mine = Mine(opened(), seed).run(hashrate, 1800)
        times.append(mine.within_factor_two_since(hashrate, SETTINGS.start))
        assert mine.vardiff.converged
        assert mine.shares < 12 * 30 * 1.5  # half an hour at the upper end, and the opening's excess
    times.sort()
    assert times[10] <= median
    assert times[-1] <= worst


def test_a_processor_reaches_its_hundredth_within_a_few_minutes() -> None:
    mine = Mine(opened()).run(7e6, 300)
    assert 2.0**-8 <= mine.vardiff.difficulty <= 2.0**-5


@given(hashrate=hashrates, seed=st.integers(0, 1000))
def test_any_hashrate_ends_near_its_ideal_power_of_two(hashrate: float, seed: int) -> None:
    mine = Mine(opened(), seed).run(hashrate, 2 * HOUR)
    assert 0.4 <= ideal(hashrate) / mine.vardiff.difficulty <= 3
    assert mine.vardiff.converged


def test_four_shares_at_once_raise_at_once_but_not_without_bound() -> None:
    vardiff = opened()
    for _ in range(3):
        vardiff.share(SETTINGS.start, Seconds(0.1))
        assert vardiff.decide(Seconds(0.1)) is None
    vardiff.share(SETTINGS.start, Seconds(0.1))
    raised = vardiff.decide(Seconds(0.1))
    assert raised is not None
    # Four shares are taken as spread over a second: 22 times the wanted rate, less their uncertainty.
    assert 4 * SETTINGS.start <= raised <= 16 * SETTINGS.start
    assert not vardiff.converged


def test_a_flood_raises_by_the_greatest_jump_at_most() -> None:
    vardiff = opened()
    for _ in range(100_000):
        vardiff.share(SETTINGS.start, Seconds(0.1))
    assert vardiff.decide(Seconds(0.1)) == 1024 * SETTINGS.start


def test_silence_lowers_by_four_each_quiet_period_then_by_sixteen() -> None:
    vardiff = opened(Difficulty(2.0**13))
    steps = [(now, vardiff.decide(Seconds(now))) for now in range(0, 155, 5)]
    assert [(now, math.log2(wanted)) for now, wanted in steps if wanted is not None] == [
        (25, 11), (50, 9), (75, 7), (100, 5), (125, 1), (150, -3),
    ]  # fmt: skip


def test_one_share_makes_the_steps_small_again() -> None:
    vardiff = opened(Difficulty(2.0**13))
    for now in range(0, 101, 5):
        vardiff.decide(Seconds(now))
    vardiff.share(vardiff.difficulty, Seconds(101.0))
    steps = [vardiff.decide(Seconds(now)) for now in range(105, 180, 5)]
    assert [math.log2(wanted) for wanted in steps if wanted is not None] == [3, 1]


def test_silence_ends_at_the_minimum() -> None:
    vardiff = opened(settings=replace(SETTINGS, minimum=Difficulty(0.1)))
    for now in range(0, 3600, 5):
        vardiff.decide(Seconds(now))
    assert vardiff.difficulty == 0.0625


def test_each_share_seen_allows_as_much_silence_again() -> None:
    vardiff = opened()
    vardiff.share(SETTINGS.start, Seconds(10.0))
    assert vardiff.decide(Seconds(49.0)) is None  # twice 2.5 intervals of 10 s
    lowered = vardiff.decide(Seconds(50.0))
    assert lowered is not None
    assert lowered < SETTINGS.start


def test_a_slow_target_is_more_patient_with_silence() -> None:
    vardiff = opened(settings=replace(SETTINGS, shares_per_minute=3.0))
    assert vardiff.decide(Seconds(49.0)) is None  # 2.5 intervals of 20 s
    assert vardiff.decide(Seconds(50.0)) == SETTINGS.start / 4


def test_shares_still_under_way_from_an_easier_job_do_not_end_the_opening() -> None:
    vardiff = opened()
    for _ in range(8):
        vardiff.share(SETTINGS.start, Seconds(0.2))
    assert vardiff.decide(Seconds(0.2)) is not None
    for _ in range(20):
        vardiff.share(Difficulty(1.0), Seconds(0.3))
    assert vardiff.decide(Seconds(1.5)) is None
    assert not vardiff.converged


# -- at rest -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eighths", range(8))
def test_a_constant_miner_changes_less_than_twice_a_day(eighths: int) -> None:
    hashrate = hashrate_for(2 ** (eighths / 8))
    changes = 0
    for seed in range(3):
        mine = Mine(opened(), seed).run(hashrate, HOUR)
        settled = len(mine.changes)
        changes += len(mine.run(hashrate, DAY).changes) - settled
    assert changes <= 3


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("factor", "first_within"), [(100.0, 10), (10.0, 90), (4.0, 400), (0.25, 900), (0.1, 400), (0.0, 240)]
)
def test_a_changed_hashrate_is_followed(factor: float, first_within: float, seed: int) -> None:
    mine = Mine(opened(RESTING), seed).run(hashrate_for(1.3), HOUR)
    settled = len(mine.changes)
    mine.run(factor * hashrate_for(1.3), HOUR)
    assert mine.changes[settled][0] - HOUR <= first_within
    if factor:
        assert 0.6 <= factor * hashrate_for(1.3) / hashrate_for(1.0, mine.vardiff.difficulty) <= 2.5


def test_after_the_opening_one_change_is_fourfold_at_most() -> None:
    for factor in (0.0, 1000.0):
        mine = rested()
        settled = len(mine.changes)
        mine.run(factor * hashrate_for(1.4), 270)
        first = mine.changes[settled][1]
        assert first == (RESTING / 4 if factor == 0 else RESTING * 4)


def test_a_great_surge_reopens_so_that_the_job_is_sent_anew_at_once() -> None:
    mine = rested()
    for _ in range(60):
        mine.vardiff.share(RESTING, Seconds(mine.now + 2))
        if mine.vardiff.decide(Seconds(mine.now + 2)) is not None:
            break
    assert not mine.vardiff.converged


def test_a_halved_hashrate_waits_for_the_next_job() -> None:
    mine = rested(1.0)
    settled = len(mine.changes)
    mine.run(hashrate_for(0.45), HOUR)
    assert len(mine.changes) > settled
    assert mine.vardiff.converged


def test_silence_of_a_known_miner_lowers_to_a_sixty_fourth_and_no_further() -> None:
    mine = rested().run(0.0, DAY)
    assert mine.vardiff.difficulty == RESTING / 64


def test_a_returning_miner_is_soon_where_it_was() -> None:
    mine = rested().run(0.0, DAY)
    before = mine.shares
    mine.run(hashrate_for(1.4), 300)
    assert RESTING / 2 <= mine.vardiff.difficulty <= RESTING * 2
    assert mine.shares - before < 200


def test_a_stalled_link_that_delivers_all_at_once_is_recovered_from() -> None:
    mine = rested()
    for _ in range(20):  # two minutes' worth in one segment
        mine.vardiff.share(RESTING, Seconds(mine.now + 120))
        mine.vardiff.decide(Seconds(mine.now + 120))
    assert mine.vardiff.difficulty == RESTING


# -- limits, hints, clamps -----------------------------------------------------------------------------------

limits = st.floats(2**-20, 2**40).map(Difficulty)
deeds = st.lists(
    st.tuples(
        st.sampled_from(["share", "share", "burst", "decide", "suggest", "pause", "resume", "hashrate"]),
        st.floats(-1, 500),
        st.floats(2**-30, 2**60).map(Difficulty),
    ),
    max_size=60,
)


def do(vardiff: Vardiff, deed: str, now: Seconds, difficulty: Difficulty) -> None:
    match deed:
        case "share":
            vardiff.share(difficulty, now)
        case "burst":
            for _ in range(30):
                vardiff.share(difficulty, now)
        case "decide":
            before = vardiff.difficulty
            wanted = vardiff.decide(now)
            assert vardiff.difficulty == (before if wanted is None else wanted)
            assert wanted != before
        case "suggest":
            vardiff.suggest(difficulty, now)
        case "pause":
            vardiff.pause(now)
        case "resume":
            vardiff.resume(now)
        case _:
            assert 0 <= vardiff.hashrate(now) < math.inf


@given(
    minimum=limits, span=st.none() | st.floats(1, 2**30), floor=st.none() | limits, start=limits, todo=deeds
)
def test_whatever_happens_the_difficulty_is_a_power_of_two_within_its_limits(
    minimum: Difficulty,
    span: float | None,
    floor: Difficulty | None,
    start: Difficulty,
    todo: list[tuple[str, float, Difficulty]],
) -> None:
    maximum = None if span is None else Difficulty(minimum * span)
    settings = VardiffSettings(minimum=minimum, maximum=maximum)
    vardiff = Vardiff(settings, Seconds(0.0), start=start, floor=floor)
    now = 0.0
    for deed, wait, difficulty in todo:
        now += wait
        do(vardiff, deed, Seconds(now), difficulty)
        wanted = vardiff.difficulty
        assert wanted == power_of_two_at_most(wanted)
        least = max(minimum, floor or minimum)
        if maximum is not None:
            least = min(least, maximum)
            assert wanted <= maximum
        assert wanted >= power_of_two_at_most(least)


@given(upstream=limits, start=limits)
def test_clamped_is_a_power_of_two_never_above_the_upstream(upstream: Difficulty, start: Difficulty) -> None:
    vardiff = Vardiff(SETTINGS, Seconds(0.0), start=start, floor=start)
    clamped = vardiff.clamped(power_of_two_at_most(upstream))
    assert clamped <= upstream
    assert clamped == power_of_two_at_most(clamped)
    assert clamped == vardiff.difficulty or clamped > upstream / 2


def test_an_upstream_that_is_too_easy_does_not_disturb_the_wanted_difficulty() -> None:
    hashrate = hashrate_for(1.4)
    mine = Mine(opened(), upstream=Difficulty(10_000.0)).run(hashrate, HOUR)
    assert mine.vardiff.clamped(power_of_two_at_most(mine.upstream)) == Difficulty(8192.0)
    assert mine.vardiff.difficulty == RESTING
    assert mine.vardiff.converged


def test_a_miner_at_the_maximum_comes_to_rest_there() -> None:
    settings = replace(SETTINGS, maximum=Difficulty(1000.0))
    mine = Mine(opened(settings=settings)).run(hashrate_for(1.0, 16_384.0), 1800)
    assert mine.vardiff.difficulty == Difficulty(512.0)
    assert mine.vardiff.converged
    assert mine.changes == []


def test_a_floor_outlasts_silence() -> None:
    vardiff = Vardiff(SETTINGS, Seconds(0.0), floor=Difficulty(524_288.0))  # NiceHash
    assert vardiff.difficulty == Difficulty(524_288.0)
    for now in range(0, 3600, 5):
        assert vardiff.decide(Seconds(now)) is None


def test_a_hint_is_taken_at_once_and_is_a_floor() -> None:
    vardiff = opened()
    vardiff.suggest(Difficulty(100_000.0), Seconds(1.0))
    assert vardiff.difficulty == Difficulty(65_536.0)
    for now in range(2, 3600, 5):
        assert vardiff.decide(Seconds(now)) is None


def test_a_lower_hint_lowers_at_once_and_does_not_hold_back_a_raise() -> None:
    vardiff = opened()
    vardiff.suggest(Difficulty(0.7), Seconds(1.0))
    assert vardiff.difficulty == 0.5
    for _ in range(8):
        vardiff.share(Difficulty(0.5), Seconds(1.5))
    assert vardiff.decide(Seconds(1.5)) is not None


def test_a_later_hint_replaces_an_earlier_one() -> None:
    vardiff = opened()
    vardiff.suggest(Difficulty(4096.0), Seconds(1.0))
    vardiff.suggest(Difficulty(16.0), Seconds(2.0))
    assert vardiff.difficulty == Difficulty(16.0)


def test_a_hint_stays_within_minimum_and_maximum() -> None:
    settings = replace(SETTINGS, minimum=Difficulty(64.0), maximum=Difficulty(1024.0))
    vardiff = opened(settings=settings)
    vardiff.suggest(Difficulty(1e9), Seconds(1.0))
    assert vardiff.difficulty == Difficulty(1024.0)
    vardiff.suggest(Difficulty(1e-9), Seconds(1.0))
    assert vardiff.difficulty == Difficulty(64.0)


@pytest.mark.parametrize("hint", [0.0, -5.0, math.nan, math.inf])
def test_a_hint_that_is_no_difficulty_is_ignored(hint: float) -> None:
    vardiff = opened()
    vardiff.suggest(Difficulty(hint), Seconds(1.0))
    assert vardiff.difficulty == SETTINGS.start


# -- time without work ---------------------------------------------------------------------------------------


@given(
    before=st.floats(0, 100),
    pauses=st.lists(st.tuples(st.floats(0.1, 10_000), st.floats(0.1, 30)), min_size=1, max_size=10),
    seed=st.integers(0, 100),
)
def test_paused_time_and_its_shares_leave_no_trace(
    before: float, pauses: list[tuple[float, float]], seed: int
) -> None:
    chance = random.Random(seed)
    paused, plain = opened(), opened()
    clock, worked = before, before
    for idle, work in pauses:
        paused.pause(Seconds(clock))
        paused.share(SETTINGS.start, Seconds(clock + idle / 2))
        assert paused.decide(Seconds(clock + idle)) is None
        clock += idle
        paused.resume(Seconds(clock))
        for _ in range(chance.randrange(8)):
            clock, worked = clock + work / 8, worked + work / 8
            # The difference of two clocks leaves a rounding error that may move a decision by one call.
            for vardiff, now in ((paused, clock), (plain, worked)):
                vardiff.share(SETTINGS.start, Seconds(now))
        assert paused.hashrate(Seconds(clock)) == pytest.approx(plain.hashrate(Seconds(worked)), rel=1e-6)
    assert paused.decide(Seconds(clock)) == plain.decide(Seconds(worked))


def test_a_day_of_curtailment_changes_nothing() -> None:
    mine = rested()
    hashrate = mine.vardiff.hashrate(Seconds(mine.now))
    mine.vardiff.pause(Seconds(mine.now))
    settled = len(mine.changes)
    mine.run(0.0, DAY)
    assert mine.vardiff.hashrate(Seconds(mine.now)) == hashrate
    mine.vardiff.resume(Seconds(mine.now))
    mine.run(hashrate_for(1.4), HOUR)
    assert len(mine.changes) == settled


def test_time_that_runs_backwards_is_no_time() -> None:
    vardiff = opened()
    vardiff.decide(Seconds(15.0))
    assert vardiff.decide(Seconds(3.0)) is None
    assert vardiff.decide(Seconds(24.0)) is None
    assert vardiff.decide(Seconds(25.0)) is not None
    vardiff.share(SETTINGS.start, Seconds(25.0))
    later = vardiff.hashrate(Seconds(100.0))
    assert vardiff.hashrate(Seconds(50.0)) == later


# -- hashrate and settings -----------------------------------------------------------------------------------


def test_hashrate_is_measured_across_changes_of_difficulty() -> None:
    estimates = []
    for seed in range(30):
        mine = Mine(opened(), seed).run(1e14, 600)
        estimates.append(mine.vardiff.hashrate(Seconds(mine.now)))
    assert sum(estimates) / 30 == pytest.approx(1e14, rel=0.1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares_per_minute": 0.0},
        {"shares_per_minute": math.inf},
        {"start": Difficulty(0.0)},
        {"start": Difficulty(math.nan)},
        {"minimum": Difficulty(-1.0)},
        {"minimum": Difficulty(8.0), "maximum": Difficulty(4.0)},
        {"maximum": Difficulty(math.inf)},
        {"first_shares": 1},
        {"first_shares": 17},
        {"quiet": Seconds(0.0)},
        {"window": Seconds(-240.0)},
        {"greatest_jump": 1.0},
        {"greatest_step": 1.5},
        {"silence_limit": math.nan},
        {"raise_certainty": 0.0},
        {"lower_certainty": math.inf},
    ],
)
def test_nonsense_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(SETTINGS, **wrong)  # type: ignore[arg-type] # first_shares is an int, and one in the table


def test_start_is_brought_into_the_limits() -> None:
    assert opened(Difficulty(1.0), replace(SETTINGS, minimum=Difficulty(16.0))).difficulty == Difficulty(16.0)
    assert opened(settings=replace(SETTINGS, maximum=Difficulty(100.0))).difficulty == Difficulty(64.0)


def test_silence_while_an_asic_boots_lowers_nothing() -> None:
    vardiff = Vardiff(VardiffSettings(), Seconds(0.0), boot=Seconds(300.0))
    for at in range(0, 300, 5):
        assert vardiff.decide(Seconds(float(at))) is None
    assert vardiff.difficulty == 8192.0


def test_after_its_boot_a_silent_asic_is_lowered_within_bounds() -> None:
    vardiff = Vardiff(VardiffSettings(), Seconds(0.0), boot=Seconds(300.0))
    for at in range(0, 3600, 5):
        vardiff.decide(Seconds(float(at)))
    assert vardiff.difficulty == 8192.0 / 64


def test_a_share_ends_the_boot() -> None:
    vardiff = Vardiff(VardiffSettings(), Seconds(0.0), boot=Seconds(300.0))
    vardiff.share(Difficulty(8192.0), Seconds(1.0))
    changes = [vardiff.decide(Seconds(float(at))) for at in range(2, 290)]
    assert any(change is not None and change < 8192.0 for change in changes)


def test_other_settings_hold_from_then_on() -> None:
    vardiff = Vardiff(VardiffSettings(), Seconds(0.0))
    vardiff.follow(VardiffSettings(minimum=Difficulty(16384.0)))
    assert vardiff.difficulty == 16384.0
    vardiff.follow(VardiffSettings(maximum=Difficulty(1024.0)))
    assert vardiff.difficulty == 1024.0
