"""While no pool of a tenant serves, the next try is near; else a dead pool is left alone for longer."""

from proxy.events import SessionClosed
from proxy.relay.settings import Timers
from proxy.relay.snapshot import snapshot
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def test_a_pool_that_returns_to_a_dark_site_is_taken_up_within_the_dark_cap() -> None:
    pool = FakePool("only")
    site = Site(pool, randomness=(0.999,)).start()
    miner = site.miner("acme.rig")
    pool.die()
    site.pass_time(300)
    assert site.relay.routes["acme"].pools[0].retry_at > site.now  # the ordinary pause has grown to a minute
    pool.up = True
    site.pass_time(float(Timers().backoff_cap_dark) + 1)
    assert miner.mine() == "accepted"
    assert pool.faults == []


def test_the_snapshot_tells_the_pause_that_holds() -> None:
    pool = FakePool("only")
    site = Site(pool, randomness=(0.999,)).start()
    pool.die()
    site.pass_time(301)
    (told,) = snapshot(site.relay, site.now)["tenants"][0]["upstreams"]
    assert told["state"] == "waiting"
    assert 0 < told["retry_in_s"] <= Timers().backoff_cap_dark


def test_a_miner_that_was_asked_to_reconnect_is_not_said_to_have_gone_by_itself() -> None:
    pool = FakePool("pool", extranonce2_size=2)
    site = Site(pool).start()
    site.miner("acme.rig")
    pool.die()
    pool.up = True
    site.pass_time(60)
    assert [event.cause for event in site.seen(SessionClosed)] == [
        "asked to reconnect: its extranonce has changed"
    ]


def test_a_pool_that_answers_badly_is_not_the_first_to_be_tried_again() -> None:
    bad, good = FakePool("bad"), FakePool("good", host="other")
    site = Site(bad, good, randomness=(0.0,)).start()
    miner = site.miner("acme.rig")
    site.pass_time(200)  # long enough to be dialled at once after a mere cut
    bad.side.say(b"rubbish\n", b"rubbish\n", b"rubbish\n")
    site.pass_time(10)
    assert good.live
    assert miner.mine() == "accepted"
    assert len(good.received) == 1
