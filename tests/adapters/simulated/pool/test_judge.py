"""One planted wrong share per reason to refuse it."""

from dataclasses import replace

import pytest

from proxy.adapters.simulated.pool.header import double_sha256, number_of
from proxy.adapters.simulated.pool.judge import Good, judged
from proxy.adapters.simulated.pool.seat import Seat
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.truth import Refusal, Truth
from proxy.adapters.simulated.pool.work import Chain, Template
from proxy.mining.difficulty import target_of
from proxy.units import Difficulty

EASY = Difficulty(2.0**-28)
SETTINGS = PoolSettings(network_difficulty=Difficulty(2.0**-18), base_version=0x20400000)
MASK = 0x1FFFE000
NTIME = 1_760_000_000


WORK: Template = Chain(SETTINGS, 5, lambda: float(NTIME)).template()


def seated(difficulty: Difficulty = EASY) -> Seat:
    seat = Seat(extranonce1=b"\x01\x02\x03\x04", extranonce2_size=8, mask=MASK, configured=True)
    seat.difficulty = difficulty
    assert seat.authorize("a.b")
    seat.issue("7", WORK)
    return seat


def share(
    difficulty: Difficulty = EASY,
    *,
    than: Difficulty | None = None,
    bits: int = 0x00092000,
    version: int | None = None,
    ntime: int = NTIME,
) -> list[object]:
    """Return a share at ``difficulty`` or better; not as good as ``than``, if given."""
    hashed = version if version is not None else WORK.version & ~MASK | bits
    most, least = target_of(difficulty), 0 if than is None else target_of(than) + 1
    nonce = 0
    while True:
        made = WORK.header(b"\x01\x02\x03\x04" + bytes(8), ntime, nonce, hashed)
        value = number_of(double_sha256(made))
        if least <= value <= most:
            return ["a.b", "7", "00" * 8, f"{ntime:08x}", f"{nonce:08x}", f"{bits:08x}"]
        nonce += 1


def verdict(
    params: object,
    seat: Seat | None = None,
    *,
    height: int | None = None,
    known: set[bytes] | None = None,
    settings: PoolSettings = SETTINGS,
) -> Good | Refusal:
    height = WORK.height if height is None else height
    return judged(params, seated() if seat is None else seat, height, known or set(), settings)


def test_a_genuine_share_is_good_for_the_difficulty_of_its_job() -> None:
    good = verdict(share())
    assert isinstance(good, Good)
    assert (good.worker, good.job_id, good.difficulty, good.is_block) == ("a.b", "7", EASY, False)
    assert good.achieved >= EASY
    assert good.digest == double_sha256(good.header)


def changed(at: int, value: object) -> list[object]:
    params = share()
    params[at] = value
    return params


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (None, 20),
        ([], 20),
        (share()[:4], 20),
        ([*share(), "more"], 20),
        (changed(0, "a.c"), 24),
        (changed(0, 5), 24),
        (changed(1, "8"), 21),
        (changed(1, None), 21),
        (changed(2, "00" * 7), 20),
        (changed(2, "00" * 9), 20),
        (changed(2, "zz" * 8), 20),
        (changed(2, 0), 20),
        (changed(3, "1"), 20),
        (changed(4, "0x000001"), 20),
        (changed(5, "00000001"), 20),
        (changed(5, "80092000"), 20),
        (changed(5, "9"), 20),
        (share(ntime=NTIME - 1), 20),
        (share(ntime=NTIME + 7001), 20),
        (changed(2, "01" * 8), 23),
        (changed(5, "00094000"), 23),
    ],
)
def test_a_planted_wrong_share_is_refused_with_its_code(params: object, code: int) -> None:
    refusal = verdict(params)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code


def test_ntime_may_be_rolled_to_the_end_of_the_window() -> None:
    assert isinstance(verdict(share(ntime=NTIME + 7000)), Good)


def test_nobody_submits_before_subscribe() -> None:
    refusal = verdict(share(), Seat())
    assert isinstance(refusal, Refusal)
    assert refusal.code == 25


def test_a_share_of_an_earlier_block_is_stale() -> None:
    assert verdict(share(), height=WORK.height + 1) == Refusal(21, "Stale")


def test_a_block_that_came_too_late_is_seen_as_one() -> None:
    block = share(SETTINGS.network_difficulty)
    truth = Truth(10)
    late = verdict(block, height=WORK.height + 1)
    assert isinstance(late, Refusal)
    truth.refuse(late)
    assert (truth.late_blocks, truth.rejected[21]) == (1, 1)
    in_time = verdict(block)
    assert isinstance(in_time, Good)
    assert in_time.is_block


def test_a_share_twice_is_a_duplicate_even_in_other_letters() -> None:
    params = changed(2, "00" * 8)
    first = verdict(params)
    assert isinstance(first, Good)
    params[4] = str(params[4]).upper()
    assert verdict(params, known={first.digest}) == Refusal(22, "Duplicate share")


def test_old_jobs_count_at_their_difficulty_after_a_raise() -> None:
    seat = seated()
    seat.set_difficulty(Difficulty(2.0**-20))
    params = share(EASY, than=Difficulty(2.0**-20))
    good = verdict(params, seat)
    assert isinstance(good, Good)
    assert good.difficulty == EASY


def test_old_jobs_count_at_the_lower_difficulty_after_a_fall() -> None:
    seat = seated(Difficulty(2.0**-20))
    params = share(EASY, than=Difficulty(2.0**-20))
    refusal = verdict(params, seat)
    assert isinstance(refusal, Refusal)
    assert refusal.code == 23
    seat.set_difficulty(EASY)
    good = verdict(params, seat)
    assert isinstance(good, Good)
    assert good.difficulty == EASY


def test_replace_and_or_pools_disagree_when_the_job_has_bits_in_the_mask() -> None:
    assert WORK.version == 0x20400000
    pool_or = replace(SETTINGS, or_convention=True)
    replaced = share(version=0x20000000 | 0x00092000)
    joined = share(version=0x20400000 | 0x00092000)
    assert isinstance(verdict(replaced), Good)
    assert isinstance(verdict(joined, settings=pool_or), Good)
    assert isinstance(verdict(replaced, settings=pool_or), Refusal)
    assert isinstance(verdict(joined), Refusal)


def test_five_parameters_mean_the_job_version() -> None:
    params = share(version=WORK.version)[:5]
    assert isinstance(verdict(params), Good)
    strict = replace(SETTINGS, require_version_bits=True)
    assert verdict(params, settings=strict) == Refusal(20, "Version bits missing")


def test_shares_in_flight_may_use_the_mask_of_their_job() -> None:
    seat = seated()
    seat.mask = 0
    assert isinstance(verdict(share(), seat), Good)


def test_books_keep_a_bounded_number_of_shares() -> None:
    seat = seated()
    assert len(seat.issued) == 1
    for number in range(1000):
        seat.issue(f"more{number}", WORK)
    assert len(seat.issued) == len(seat.least_since) <= 256
    gone = verdict(share(), seat)
    assert isinstance(gone, Refusal)
    assert gone.code == 21
