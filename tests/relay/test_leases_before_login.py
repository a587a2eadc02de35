"""A subscribe without a login holds a lease; leaving before any job gives it back at once."""

from tests.fakes.pool import FakePool
from tests.fakes.site import Site


def test_scanners_that_leave_before_their_login_do_not_fill_a_narrow_connection() -> None:
    pool = FakePool("pool", extranonce2_size=3)
    site = Site(pool).start()
    for n in range(600):
        scanner = site.connect(worker=f"acme.scanner{n}")
        scanner.subscribe()
        scanner.leave()
    assert len(site.relay.routes["acme"].bundles) == 1
    assert site.miner("acme.rig").mine() == "accepted"


def test_a_lease_that_was_mined_with_rests_even_if_its_miner_came_back_and_left_before_a_job() -> None:
    pool = FakePool("pool", extranonce2_size=3)
    site = Site(pool).start()
    first = site.miner("acme.rig")
    assert first.mine() == "accepted"
    session = site.session(first)
    lease, name = session.lease, session.name
    first.leave()
    again = site.connect(worker="acme.rig")
    again.subscribe(session=name)
    again.leave()
    leases = site.relay.routes["acme"].bundles[0].leases
    assert leases is not None
    assert lease is not None
    assert not leases.is_free(lease)


def test_a_miner_that_comes_back_gets_its_lease_on_a_shared_listener_too() -> None:
    from proxy.relay.settings import TenantSettings
    from tests.fakes.site import FIXED, pool_settings

    one, two = FakePool("one"), FakePool("two", host="other")
    tenants = [
        TenantSettings("acme", (pool_settings(one, user="acme"),), user_match="acme.*", vardiff=FIXED),
        TenantSettings("beta", (pool_settings(two, user="beta"),), user_match="beta.*", vardiff=FIXED),
    ]
    site = Site(one, two, tenants=tenants, listeners={"shared": ("acme", "beta")}).start()
    first = site.miner("beta.rig", listener="shared")
    assert first.mine() == "accepted"
    session = site.session(first)
    lease, name = session.lease, session.name
    first.leave()
    again = site.connect("shared", "beta.rig")
    again.log_in(rolls=False, session=name)
    site.pass_time(2)
    assert site.session(again).lease == lease
    assert again.mine() == "accepted"
    assert two.faults == []
