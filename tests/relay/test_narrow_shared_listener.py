"""One byte of lease, a shared listener: the extranonce is given before the name tells the tenant."""

from proxy.relay.settings import TenantSettings
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings


def test_nobody_is_told_another_extranonce_when_the_name_chooses_among_narrow_pools() -> None:
    one = FakePool("one", extranonce2_size=3)
    two = FakePool("two", host="other", extranonce2_size=3)
    tenants = [
        TenantSettings("acme", (pool_settings(one, user="acme"),), user_match="acme.*", vardiff=FIXED),
        TenantSettings("beta", (pool_settings(two, user="beta"),), user_match="beta.*", vardiff=FIXED),
    ]
    site = Site(one, two, tenants=tenants, listeners={"shared": ("acme", "beta")}).start()
    for n in range(700):
        tenant = "acme" if n % 2 else "beta"
        site.connect("shared", f"{tenant}.rig{n}").log_in(rolls=False)
    site.pass_time(20)
    assert site.resets() == []
    for route in site.relay.routes.values():
        for bundle in route.bundles.values():
            leases = [session.lease for session in bundle.sessions.values()]
            assert len(set(leases)) == len(leases)
    assert {miner.mine() for miner in site.miners} == {"accepted"}
