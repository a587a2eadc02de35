"""What a miner's conduct costs it: floods are slowed and dropped, honest miners never notice."""

from dataclasses import replace

import pytest

from proxy.events import SessionRefused
from proxy.relay.settings import Limits, Prices
from proxy.units import Seconds
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

PING = b'{"id":9,"method":"mining.ping","params":[]}\n'


def cost_of(site: Site, miner: FakeMiner) -> float:
    return site.session(miner).conduct.cost.amount(site.relay.limits.prices, site.now)


def unknown_job(miner: FakeMiner) -> bytes:
    """Return a submit that is refused by one look."""
    return miner.line(
        "mining.submit", [miner.worker, "nojob", "00" * miner.extranonce2_size, "0" * 8, "0" * 8]
    )[0]


def bad_share(miner: FakeMiner, nonce: int = 0) -> bytes:
    """Return a submit that has to be hashed to be refused."""
    miner.counter += 1
    extranonce2 = miner.counter.to_bytes(miner.extranonce2_size, "big").hex()
    job = miner.job
    return miner.line(
        "mining.submit", [miner.worker, job.id, extranonce2, f"{job.ntime + 90_000:08x}", f"{nonce:08x}"]
    )[0]


def new_site() -> Site:
    return Site(FakePool("one")).start()


@pytest.mark.parametrize(
    ("said", "price"),
    [(b"GET / HTTP/1.1\n", 100.0), (PING, 1.0), (b"?unknown job\n", 5.0), (b"?bad share\n", 20.0)],
)
def test_every_kind_of_conduct_has_its_price(said: bytes, price: float) -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    before = cost_of(site, miner)
    lines = {b"?unknown job\n": unknown_job(miner), b"?bad share\n": bad_share(miner)}
    miner.raw(lines.get(said, said))
    assert cost_of(site, miner) - before == pytest.approx(price, abs=0.01)


def test_good_shares_earn_back_and_never_beyond_nothing() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    miner.raw(bad_share(miner))
    for _ in range(8):
        assert miner.mine() == "accepted"
    miner.raw(bad_share(miner))
    assert cost_of(site, miner) == pytest.approx(20.0, abs=0.1)
    for _ in range(40):
        assert miner.mine() == "accepted"
    miner.raw(b"".join(bad_share(miner) for _ in range(30)))
    assert cost_of(site, miner) == pytest.approx(30 * 20.0, abs=0.1)


def test_an_honest_hour_costs_nothing_and_is_never_slowed() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner(rolls=False)
    old = miner.job
    for minute in range(60):
        if minute % 10 == 0:
            old = miner.job
            pool.new_job(clean=True)
            site.pump()
            assert miner.submit(miner.find(old)) == "21"  # it had been on its way
        for _ in range(4):
            assert miner.mine() == "accepted"
        site.pass_time(60, 1.0)
    assert miner.wire.pauses == []
    assert not miner.wire.closed
    assert cost_of(site, miner) < 10


@pytest.mark.parametrize("kind", ["ping", "unknown job"])
def test_a_flood_is_read_more_slowly_and_then_dropped(kind: str) -> None:
    site = new_site()
    neighbour, miner = site.miner("acme.rig2"), site.miner(rolls=False)
    line = PING if kind == "ping" else unknown_job(miner)
    reads = 0
    while not miner.wire.closed and reads < 2000:
        miner.raw(line * 10)
        reads += 1
        if reads == 5:
            assert not miner.wire.pauses
    assert miner.wire.closed
    assert bool(miner.wire.pauses) == (kind == "ping"), "the other is given up before it is slowed"
    assert all(pause > 0 for pause in miner.wire.pauses)
    cause = {"ping": "its conduct cost too much", "unknown job": "most of its shares were refused"}[kind]
    assert [event.cause for event in site.seen(SessionRefused)] == [cause]
    assert neighbour.mine() == "accepted"
    assert not neighbour.wire.closed


def test_most_shares_refused_brings_a_fresh_job_and_then_the_end() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    for _ in range(49):
        miner.raw(unknown_job(miner))
    jobs = miner.methods().count("mining.notify")
    miner.raw(unknown_job(miner))
    assert miner.methods().count("mining.notify") == jobs + 1
    assert miner.job.clean
    assert not miner.wire.closed
    for _ in range(50):
        miner.raw(unknown_job(miner))
    assert miner.wire.closed
    assert [event.cause for event in site.seen(SessionRefused)] == ["most of its shares were refused"]


def test_a_fresh_job_that_helps_is_the_end_of_it() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    for _ in range(50):
        miner.raw(unknown_job(miner))
    for _ in range(60):
        assert miner.mine() == "accepted"
    site.pass_time(70, 1.0)
    assert miner.mine() == "accepted"
    for _ in range(50):
        miner.raw(unknown_job(miner))
    assert not miner.wire.closed, "an old sin is forgiven"


def test_half_of_the_shares_is_too_much_and_a_little_less_is_not() -> None:
    for good, closed in ((50, True), (52, False)):
        site = new_site()
        miner = site.miner(rolls=False)
        for _ in range(2):
            for _ in range(good):
                miner.mine()
            for _ in range(50):
                miner.raw(unknown_job(miner))
        assert miner.wire.closed == closed


def dropped(site: Site, worker: str = "acme.rig1") -> FakeMiner:
    miner = site.miner(worker, rolls=False)
    for _ in range(100):
        miner.raw(unknown_job(miner))
    assert miner.wire.closed
    return miner


def test_the_name_of_who_was_dropped_is_refused_for_ten_minutes_and_no_other() -> None:
    site = new_site()
    neighbour = site.miner("acme.rig2")
    dropped(site)
    again = site.connect()
    again.subscribe()
    assert again.authorize()["error"][0] == 24
    assert again.authorize("acme.rig3")["result"] is True
    assert neighbour.mine() == "accepted"
    site.pass_time(601, 1.0)
    assert site.miner().mine() == "accepted"


def test_a_name_that_a_whole_site_uses_is_not_refused() -> None:
    site = new_site()
    neighbour = site.miner("acme.rig1")
    dropped(site, "acme.rig1")
    assert site.miner("acme.rig1").mine() == "accepted"
    assert neighbour.mine() == "accepted"


def test_shares_that_are_stale_because_no_pool_serves_are_no_misconduct() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner(rolls=False)
    pool.die()
    site.pass_time(200, 1.0)  # the grace for the last job is over
    for _ in range(300):
        assert miner.mine() == "21"
        site.pass_time(1.0, 0.5)
    assert not miner.wire.closed
    assert miner.wire.pauses == []


def test_a_silent_miner_with_work_is_asked_for_a_sign_of_life_and_dropped_after_two_hours() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    site.pass_time(590, 1.0)
    assert "client.get_version" not in miner.methods()
    site.pass_time(60, 1.0)
    assert miner.methods().count("client.get_version") == 1
    site.pass_time(6500, 1.0)
    assert not miner.wire.closed
    site.pass_time(60, 1.0)
    assert miner.wire.closed
    assert miner.methods().count("client.get_version") >= 10


def test_a_silent_miner_that_answers_is_kept() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    for _ in range(13):
        site.pass_time(602, 1.0)
        miner.raw(b'{"id":0,"result":"cgminer/4.12","error":null}\n')
    assert not miner.wire.closed


def test_a_miner_without_work_may_be_silent_for_ever() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner(rolls=False)
    pool.die()
    site.pass_time(9000, 1.0)
    assert not miner.wire.closed
    assert "client.get_version" not in miner.methods()


def test_when_memory_is_short_the_costliest_go_and_no_honest_miner_does() -> None:
    site = Site(FakePool("one"), limits=Limits(prices=replace(Prices(), ban_shares=10_000))).start()
    honest = site.fleet(150)
    costly = [site.miner(f"acme.bad{n}", rolls=False) for n in range(4)]
    for n, miner in enumerate(costly):
        miner.raw(unknown_job(miner) * (30 + 10 * n))
    closed = []
    for _ in range(3):
        site.relay.shed(site.now)
        site.pump()
        closed.append([miner.wire.closed for miner in costly])
    assert closed[0] == [False, False, True, True]
    assert closed[-1] == [True] * 4
    assert not any(miner.wire.closed for miner in honest)


def test_a_session_is_dropped_once() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    miner.raw(unknown_job(miner) * 3000)
    site.relay.feed(miner.key, unknown_job(miner), Seconds(site.now))
    assert len(site.seen(SessionRefused)) == 1


def test_a_place_in_front_is_earned_by_work_lost_by_cost_and_won_back_by_time() -> None:
    site = new_site()
    miner = site.miner(rolls=False)
    site.pass_time(3.0)
    assert not miner.wire.prompt, "a login proves nothing"
    assert miner.mine() == "accepted"
    site.pass_time(3.0)
    assert miner.wire.prompt
    for nonce in range(4):
        miner.raw(bad_share(miner, nonce))
    assert not miner.wire.prompt
    site.pass_time(60.0, 1.0)
    assert miner.wire.prompt
