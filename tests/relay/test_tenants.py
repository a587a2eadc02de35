"""Tenants by listener and by user pattern, their credentials, and worker names upstream."""

import pytest

from proxy.events import SessionRefused, WorkerNameRefused
from proxy.relay.settings import Limits, TenantSettings
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site, pool_settings


def two_tenants(*, owned: bool = False, size: int = 8) -> tuple[FakePool, FakePool, Site]:
    one = FakePool("one", extranonce2_size=size)
    two = FakePool("two", host="other", extranonce2_size=size)
    tenants = [
        TenantSettings("acme", (pool_settings(one, user="acme"),), user_match="acme.*", vardiff=FIXED),
        TenantSettings("beta", (pool_settings(two, user="beta"),), user_match="beta.*", vardiff=FIXED),
    ]
    listeners = {"shared": ("acme", "beta"), "a": ("acme",), "b": ("beta",)}
    site = Site(
        one, two, tenants=tenants, listeners=listeners, owned=frozenset({"a", "b"} if owned else ())
    ).start()
    return one, two, site


def test_the_user_name_chooses_the_tenant_on_a_shared_listener() -> None:
    one, two, site = two_tenants()
    first = site.miner("acme.rig", listener="shared")
    second = site.miner("beta.rig", listener="shared")
    assert first.mine() == second.mine() == "accepted"
    assert [share.params[0] for share in one.received] == ["acme"]
    assert [share.params[0] for share in two.received] == ["beta"]
    assert one.faults == two.faults == []
    assert site.relay.routes["acme"].tally.accepted == site.relay.routes["beta"].tally.accepted == 1
    assert site.resets() == []


@pytest.mark.parametrize("authorize_first", [True, False])
def test_either_order_of_the_login_leads_to_the_same_tenant(authorize_first: bool) -> None:
    _, two, site = two_tenants()
    miner = site.connect("shared", "beta.rig")
    steps = [miner.authorize, miner.subscribe] if authorize_first else [miner.subscribe, miner.authorize]
    for step in steps:
        step()
    site.pass_time(1)
    miner.rolls = False
    assert miner.mine() == "accepted"
    assert len(two.received) == 1


def test_many_miners_of_a_shared_listener_keep_the_extranonce_of_their_subscribe() -> None:
    _, _, site = two_tenants()
    for n in range(60):
        site.connect("shared", f"{'acme' if n % 3 else 'beta'}.rig{n}").log_in(rolls=False)
    site.pass_time(3)
    assert site.resets() == []
    for tenant in ("acme", "beta"):
        held = [miner.extranonce1 for miner in site.miners if miner.worker.startswith(tenant)]
        assert len(set(held)) == len(held)
    assert {miner.mine() for miner in site.miners} == {"accepted"}


def test_a_name_that_is_nobodys_is_refused_and_told() -> None:
    _, _, site = two_tenants()
    miner = site.connect("shared", "gamma.rig")
    miner.subscribe()
    assert miner.authorize()["error"][0] == 24
    assert "gamma.rig" in site.seen(SessionRefused)[0].cause
    site.pass_time(1)
    assert miner.jobs == []
    assert miner.authorize("acme.rig")["result"] is True


def test_case_matters_in_patterns() -> None:
    _, _, site = two_tenants()
    miner = site.connect("shared")
    assert miner.authorize("ACME.rig")["error"][0] == 24


@pytest.mark.parametrize(
    ("listener", "owned", "code"), [("a", False, 24), ("a", True, None), ("shared", True, 24)]
)
def test_a_listener_of_one_tenant_may_take_every_name(listener: str, owned: bool, code: int | None) -> None:
    _, _, site = two_tenants(owned=owned)
    miner = site.connect(listener)
    error = miner.authorize("whoever")["error"]
    assert (None if error is None else error[0]) == code


def test_a_worker_of_another_tenant_is_refused_on_the_same_connection() -> None:
    one, two, site = two_tenants()
    miner = site.miner("acme.rig", listener="shared")
    assert miner.authorize("beta.rig")["error"][0] == 24
    assert miner.submit(miner.find(), "beta.rig") == "24"
    assert miner.mine() == "accepted"
    assert len(one.received) == 1
    assert two.received == []


def test_one_tenants_dead_pool_is_nothing_to_the_other() -> None:
    one, two, site = two_tenants()
    first = site.miner("acme.rig", listener="shared")
    second = site.miner("beta.rig", listener="shared")
    one.die()
    site.pass_time(130)
    assert first.mine() == "21"
    assert second.mine() == "accepted"
    assert two.faults == []


def test_no_tenant_can_share_the_extranonce_of_another_by_a_shared_listener() -> None:
    """Widths are one for the group: the narrowest pool of either tenant decides."""
    one = FakePool("one", extranonce2_size=8)
    two = FakePool("two", host="other", extranonce2_size=3)
    tenants = [
        TenantSettings("acme", (pool_settings(one),), user_match="acme.*", vardiff=FIXED),
        TenantSettings("beta", (pool_settings(two),), user_match="beta.*", vardiff=FIXED),
    ]
    site = Site(one, two, tenants=tenants, listeners={"main": ("acme", "beta")}).start()
    miners = [site.miner(f"{name}.rig") for name in ("acme", "beta", "acme")]
    assert {miner.extranonce2_size for miner in miners} == {2}
    assert {miner.mine() for miner in miners} == {"accepted"}
    assert one.faults == two.faults == []


# --- worker names upstream ----------------------------------------------------------------------------------


def templated(*names_refused: str, limits: Limits | None = None) -> tuple[FakePool, Site]:
    pool = FakePool("one", authorizes=lambda name: name not in names_refused)
    settings = pool_settings(pool, user="acme.{worker}", fallback_user="acme.all")
    tenant = TenantSettings("acme", (settings,), vardiff=FIXED)
    return pool, Site(pool, tenants=[tenant], limits=limits).start()


def test_a_template_authorises_names_at_their_first_share_and_not_before() -> None:
    pool, site = templated()
    miner = site.miner("acme.rig1")
    assert [call["params"][0] for call in pool.side.calls if call["method"] == "mining.authorize"] == [
        "acme.all"
    ]
    for _ in range(3):
        assert miner.mine() == "accepted"
    assert [share.params[0] for share in pool.received] == ["acme.all", "acme.rig1", "acme.rig1"]
    names = [call["params"][0] for call in pool.side.calls if call["method"] == "mining.authorize"]
    assert names == ["acme.all", "acme.rig1"], "asked once"
    assert pool.faults == []


def test_a_refused_name_falls_back_and_is_told_once() -> None:
    pool, site = templated("acme.bad")
    miner = site.miner("acme.bad")
    for _ in range(4):
        assert miner.mine() == "accepted"
    assert {share.params[0] for share in pool.received} == {"acme.all"}
    assert pool.faults == []
    told = site.seen(WorkerNameRefused)
    assert [(event.name, event.fallback) for event in told] == [("acme.bad", "acme.all")]


def test_the_miners_authorize_never_waits_for_the_pool() -> None:
    pool, site = templated()
    pool.die()
    miner = site.connect(worker="acme.rig9")
    assert miner.authorize()["result"] is True


def test_names_upstream_are_bounded() -> None:
    pool, site = templated(limits=Limits(upstream_names=2))
    for n in range(5):
        miner = site.miner(f"acme.rig{n}")
        miner.mine()
        miner.mine()
    names = {call["params"][0] for call in pool.side.calls if call["method"] == "mining.authorize"}
    assert names == {"acme.all", "acme.rig0", "acme.rig1"}
    assert pool.faults == []


def test_names_are_asked_for_again_on_the_next_connection() -> None:
    pool, site = templated()
    miner = site.miner("acme.rig1")
    miner.mine()
    pool.side.cut()
    site.pass_time(3)
    for _ in range(2):
        assert miner.mine() == "accepted"
    assert [share.params[0] for share in pool.received] == ["acme.all", "acme.all", "acme.rig1"]
    assert pool.faults == []


def test_one_aggregate_name_is_the_default() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    for n in range(3):
        site.miner(f"acme.rig{n}").mine()
    assert {share.params[0] for share in pool.received} == {"acme"}
