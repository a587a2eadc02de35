"""How difficulty is told: with a job, in one write, never above upstream's; and pacing at start."""

from itertools import pairwise

import pytest

from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits
from proxy.units import Difficulty, Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

LOW = Difficulty(2.0**-28)


def ready(
    start: float = 2.0**-28, upstream: float = 2.0**-20, **more: float
) -> tuple[FakePool, Site, FakeMiner]:
    pool = FakePool("one", difficulty=upstream)
    settings = VardiffSettings(start=Difficulty(start), minimum=Difficulty(2.0**-31), **more)  # type: ignore[arg-type]
    site = Site(pool, vardiff=settings).start()
    return pool, site, site.miner()


def is_power_of_two(value: float) -> bool:
    return value.as_integer_ratio()[0].bit_count() == value.as_integer_ratio()[1].bit_count() == 1


def test_the_first_job_comes_behind_its_difficulty_in_one_write() -> None:
    _, _, miner = ready()
    write = next(data for data in miner.wire.writes if b"mining.notify" in data)
    assert 0 <= write.index(b"mining.set_difficulty") < write.index(b"mining.notify")


def test_first_shares_reissue_the_job_under_a_new_id_in_the_write_of_its_difficulty() -> None:
    _, site, miner = ready()
    first = miner.job
    found = [miner.find() for _ in range(8)]
    before = len(miner.wire.writes)
    for share in found[:4]:
        assert miner.submit(share) == "accepted"
    assert miner.job.id != first.id
    assert miner.job.difficulty > first.difficulty
    assert miner.job.ntime > first.ntime, "other work, or the miner finds the same shares again"
    assert miner.job.clean
    write = next(data for data in miner.wire.writes[before:] if b"mining.notify" in data)
    assert write.index(b"mining.set_difficulty") < write.index(b"mining.notify")
    # What was found for the first id keeps its difficulty.
    assert [miner.submit(share) for share in found[4:]] == ["accepted"] * 4
    assert site.relay.routes["acme"].tally.accepted_difficulty == pytest.approx(8 * first.difficulty)


def test_no_difficulty_is_ever_told_without_its_job() -> None:
    """But for the keep-alive, which repeats what is in force."""
    pool, site, miner = ready()
    for step in range(60):
        miner.mine()
        site.pass_time(0.5)
        if step % 10 == 0:
            pool.new_job()
            site.pump()
    told = [line for line in miner.lines if "method" in line]
    difficulty = 0.0
    for line, following in pairwise(told):
        if line["method"] == "mining.set_difficulty":
            changed, difficulty = line["params"][0] != difficulty, line["params"][0]
            assert is_power_of_two(difficulty)
            if changed:
                assert following["method"] == "mining.notify"


def test_after_the_opening_changes_come_only_with_the_next_job() -> None:
    pool, site, miner = ready()
    session = site.session(miner)
    assert session.vardiff is not None
    for _ in range(600):
        if session.vardiff.converged:
            break
        if miner.difficulty <= 2.0**-17:
            miner.mine()
        site.pass_time(5, 0.5)
    assert session.vardiff.converged
    told, before = len(miner.jobs), miner.difficulty
    job = miner.job
    for _ in range(60):
        miner.mine()
        site.pass_time(1.5, 0.5)
        if session.vardiff.difficulty != before:
            break
    assert session.vardiff.difficulty > before
    if session.vardiff.converged:
        assert (len(miner.jobs), miner.difficulty) == (told, before)
        pool.new_job()
        site.pump()
        assert miner.difficulty > before
        assert miner.submit(miner.find(job)) == "accepted", "issued before: judged as issued"


@pytest.mark.parametrize(
    ("upstream", "told"), [(2.0**-24, 2.0**-24), (1.5 * 2.0**-24, 2.0**-24), (2.0**-28, 2.0**-28)]
)
def test_never_above_upstream_and_only_powers_of_two(upstream: float, told: float) -> None:
    _, _, miner = ready(start=1024.0, upstream=upstream)
    assert miner.difficulty == told
    assert miner.mine() == "accepted"


def test_a_lower_difficulty_of_upstream_comes_down_with_its_job() -> None:
    pool, site, miner = ready(start=1024.0, upstream=2.0**-24)
    pool.side.say(pool.side.set_difficulty(2.0**-26))
    site.pump()
    assert miner.difficulty == 2.0**-24
    pool.new_job()
    site.pump()
    assert miner.difficulty == 2.0**-26
    assert miner.mine() == "accepted"
    assert pool.received[-1].fault == ""


def test_upstream_decides_by_the_difficulty_in_force_when_it_sent_the_job() -> None:
    pool, site, miner = ready(start=2.0**-28, upstream=2.0**-28)
    first = miner.job
    pool.new_job(difficulty=2.0**-20)
    site.pump()
    assert miner.submit(miner.find(first)) == "accepted"
    assert pool.received[-1].fault == ""
    assert miner.submit(miner.find(above=2.0**-20)) == "accepted"
    assert len(pool.received) == 1


# --- hints --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("mining.suggest_difficulty", [2.0**-24]),
        ("mining.suggest_difficulty", [1.9 * 2.0**-24]),
        ("mining.suggest_target", [f"{(0xFFFF << 208) * (1 << 24):064x}"]),
        ("mining.configure", [["minimum-difficulty"], {"minimum-difficulty.value": 2.0**-24}]),
    ],
)
def test_a_hint_is_followed_before_and_after_the_login(
    early: bool, method: str, params: list[object]
) -> None:
    pool = FakePool("one", difficulty=2.0**-20)
    settings = VardiffSettings(start=LOW, minimum=Difficulty(2.0**-31))
    site = Site(pool, vardiff=settings).start()
    miner = site.connect()
    if early:
        miner.call(method, params)
    miner.log_in()
    site.pass_time(0.5)
    if not early:
        assert miner.difficulty == LOW
        miner.call(method, params)
    assert miner.difficulty == miner.job.difficulty == 2.0**-24
    assert miner.mine() == "accepted"


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("d=0.000000059604644775390625", LOW),
        ("x", LOW),
        ("d=512", 2.0**-20),
        ("x,d=512;y", 2.0**-20),
        ("d=", LOW),
        ("d=abc", LOW),
        ("d=-5", LOW),
        ("d=1e9", LOW),
        ("d=٣", LOW),
        ("d=0", LOW),
        ("d=.", LOW),
        ("d=" + "9" * 60, LOW),
    ],
)
def test_a_difficulty_in_the_password_is_taken_if_it_is_one(password: str, told: float) -> None:
    pool = FakePool("one", difficulty=2.0**-20)
    site = Site(pool, vardiff=VardiffSettings(start=LOW, minimum=Difficulty(2.0**-31))).start()
    miner = site.connect()
    miner.subscribe()
    miner.authorize(password=password)
    site.pass_time(0.5)
    assert miner.difficulty == told


@pytest.mark.parametrize("hint", [1e-300, 1e300, 5e-324, 2.0**-1000])
def test_hints_beyond_reason_are_brought_into_bounds(hint: float) -> None:
    _, _, miner = ready()
    assert miner.call("mining.suggest_difficulty", [hint])["result"] is True
    assert miner.difficulty in (2.0**-31, 2.0**-20)
    assert miner.call("mining.suggest_target", ["0" * 64])["result"] is True
    assert miner.call("mining.suggest_target", ["f" * 64])["result"] is True


def test_hints_without_end_fill_no_memory() -> None:
    _, site, miner = ready()
    for n in range(1000):
        miner.call("mining.suggest_difficulty", [2.0 ** (-24 - n % 2)])
    assert len(site.relay.outside.jobs) < 100
    assert len(site.session(miner).assignments) < 100


# --- time without work --------------------------------------------------------------------------------------


def test_an_outage_is_not_taken_for_slowness() -> None:
    pool, site, miner = ready(start=2.0**-22)
    vardiff = site.session(miner).vardiff
    assert vardiff is not None
    pool.die()
    before = vardiff.difficulty
    # Credited through the grace at the wanted rate, refused after it.
    for _ in range(16):
        site.pass_time(7.4, 0.2)
        miner.mine()
    during = vardiff.difficulty
    assert before / 4 <= during <= before * 4
    site.pass_time(1800, 0.5)
    assert vardiff.difficulty == pytest.approx(during)
    pool.up = True
    before_return = len(miner.jobs)
    while len(miner.jobs) == before_return and not miner.job.clean:
        site.pass_time(0.1)
    assert miner.difficulty == during


def test_waiting_for_work_is_not_taken_for_slowness() -> None:
    pool = FakePool("one", up=False, difficulty=2.0**-20)
    site = Site(pool, vardiff=VardiffSettings(start=LOW, minimum=Difficulty(2.0**-31))).start()
    miner = site.miner()
    site.pass_time(900, 0.5)
    pool.up = True
    while not miner.jobs:
        site.pass_time(0.1)
    assert miner.difficulty == LOW


def test_silence_lowers_a_new_miner_at_once() -> None:
    _, site, miner = ready(start=2.0**-22)
    site.pass_time(30)
    assert miner.difficulty < 2.0**-22
    assert miner.job.difficulty == miner.difficulty


# --- pacing and suggestions -----------------------------------------------------------------------------


def test_first_work_is_given_to_a_few_then_to_twice_as_many() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    fleet = [site.connect(worker=f"acme.rig{n}") for n in range(200)]
    for miner in fleet:
        miner.log_in(rolls=False)
    working = [sum(bool(miner.jobs) for miner in fleet)]
    for _ in range(20):
        site.pass_time(0.25, 0.25)
        working.append(sum(bool(miner.jobs) for miner in fleet))
    assert working[0] <= 16
    assert working[-1] == 200
    assert all(later - earlier <= 128 for earlier, later in pairwise(working))


def test_a_busy_uplink_holds_sessions_back_but_not_for_ever() -> None:
    pool = FakePool("one")
    site = Site(pool, limits=Limits(uplink_shares_per_second=5.0)).start()
    busy = site.miner()
    fleet = [site.connect(worker=f"acme.rig{n}") for n in range(40)]
    for _ in range(40):
        busy.mine()
    for miner in fleet:
        miner.log_in(rolls=False)
    for _ in range(50):
        for _ in range(16):
            busy.mine()
        site.pass_time(1, 0.25)
    assert sum(bool(miner.jobs) for miner in fleet) < 40
    for _ in range(90):
        for _ in range(16):
            busy.mine()
        site.pass_time(1, 0.25)
    assert all(miner.jobs for miner in fleet)


def test_a_difficulty_is_suggested_upstream_from_the_hashrate() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    for _ in range(120):
        for _ in range(4):
            miner.mine()
        site.pass_time(0.5, 0.5)
    asked = [call["params"][0] for call in pool.side.calls if call["method"] == "mining.suggest_difficulty"]
    assert asked
    assert all(is_power_of_two(float(value)) for value in asked)
    # Eight shares a second at 2**-28, where one each two seconds is wanted.
    assert 2.0**-25 <= asked[-1] <= 2.0**-23
    assert len(asked) <= 4, "not more often than every thirty seconds"


def test_a_pool_that_returns_is_told_the_difficulty_before_the_flood() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    for _ in range(60):
        for _ in range(4):
            miner.mine()
        site.pass_time(0.5, 0.5)
    pool.side.cut()
    site.pass_time(Seconds(2))
    assert "mining.suggest_difficulty" in pool.side.methods()


def test_time_counts_again_for_a_miner_that_gets_work_after_none_was_fresh() -> None:
    pool, site, miner = ready()
    vardiff = site.session(miner).vardiff
    assert vardiff is not None
    pool.die()
    site.pass_time(300.0, 0.5)
    assert vardiff.paused
    worked = vardiff.worked
    pool.up = True
    site.pass_time(60.0, 0.5)
    assert not vardiff.paused
    assert vardiff.worked > worked
