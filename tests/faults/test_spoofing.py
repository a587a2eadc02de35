"""One tenant's miner wants to be another's, or takes all the room there is: nothing of it is credited."""

from __future__ import annotations

import random

import pytest

from proxy.events import BlockFound, RouteFull
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import Limits, TenantSettings
from tests.fakes.miner import FakeMiner
from tests.fakes.pool import EASY_NBITS, HARD_NBITS, FakePool
from tests.fakes.site import Site, pool_settings
from tests.faults.ways import RARE, STILL, both_ways, credited, records, site_of

LISTENERS = {"shared": ("acme", "borg"), "acme's own": ("acme",), "borg's own": ("borg",)}
OWNED = frozenset({"acme's own", "borg's own"})


def tenants_of(acme: FakePool, borg: FakePool, vardiff: VardiffSettings = STILL) -> list[TenantSettings]:
    return [
        TenantSettings("acme", (pool_settings(acme, user="acme-account"),), "acme.*", vardiff),
        TenantSettings("borg", (pool_settings(borg, user="borg-account"),), "borg.*", vardiff),
    ]


def two_tenants(*, lanes: bool, nbits: str = HARD_NBITS) -> tuple[Site, FakePool, FakePool]:
    acme = FakePool("acme-pool", host="a", difficulty=RARE, nbits=nbits)
    borg = FakePool("borg-pool", host="b", difficulty=RARE, nbits=nbits)
    site = site_of(
        acme, lanes=lanes, others=[borg], tenants=tenants_of(acme, borg), listeners=LISTENERS, owned=OWNED
    )
    return site, acme, borg


@both_ways
@pytest.mark.parametrize("listener", ["shared", "acme's own"])
def test_a_share_for_another_tenants_worker_is_unauthorised(lanes: bool, listener: str) -> None:
    site, acme, borg = two_tenants(lanes=lanes)
    victim = site.miner("borg.1", listener="shared")
    thief = site.miner("acme.1", listener=listener)
    found = thief.find()
    for name in ("borg.1", "borg.2", "BORG.1", "acme.2", "borg.1\x00", "acme.1 "):
        assert thief.submit(found, name) == "24", name
    assert credited(site, "borg") == credited(site, "acme") == (0, 0.0)
    # The same share is good, in the thief's own name; and the other lives as if nothing had been.
    assert thief.submit(found) == "accepted"
    assert victim.mine() == "accepted"
    assert credited(site, "acme") == credited(site, "borg") == (1, RARE)
    assert [share.params[0] for share in acme.received] == ["acme-account"]
    assert [share.params[0] for share in borg.received] == ["borg-account"]
    assert {record[1]: record[2] for record in records(site)} == {thief.key: "1", victim.key: "1"}


@both_ways
def test_a_name_of_another_tenant_can_be_added_to_no_session(lanes: bool) -> None:
    site, _, borg = two_tenants(lanes=lanes)
    thief = site.miner("acme.1", listener="shared")
    assert thief.authorize("borg.1")["error"][0] == 24
    assert thief.submit(thief.find(), "borg.1") == "24"
    assert credited(site, "borg") == (0, 0.0)
    assert borg.received == []


@both_ways
def test_at_a_tenants_own_port_every_name_is_that_tenants(lanes: bool) -> None:
    """Who dials acme's port works for acme, whatever it calls itself."""
    site, acme, borg = two_tenants(lanes=lanes)
    poser = site.miner("borg.1", listener="acme's own")
    assert poser.mine() == "accepted"
    assert credited(site, "acme") == (1, RARE)
    assert credited(site, "borg") == (0, 0.0)
    assert len(acme.received) == 1
    assert borg.received == []


@both_ways
def test_a_job_of_another_tenant_is_no_job_here(lanes: bool) -> None:
    site, acme, borg = two_tenants(lanes=lanes)
    victim = site.miner("borg.1", listener="shared")
    thief = site.miner("acme.1", listener="shared")
    stolen = victim.find()
    assert thief.submit(stolen) == "21"
    assert victim.submit(stolen) == "accepted"
    assert credited(site, "acme") == (0, 0.0)
    assert acme.received == []
    assert len(borg.received) == 1


@both_ways
def test_a_block_in_another_tenants_name_goes_to_the_finders_pool_and_nobodys_credit(lanes: bool) -> None:
    site, acme, borg = two_tenants(lanes=lanes, nbits=EASY_NBITS)
    site.miner("borg.1", listener="shared")
    thief = site.miner("acme.1", listener="shared")
    assert thief.submit(thief.find(), "borg.1") == "24"
    assert [block.tenant for block in site.seen(BlockFound)] == ["acme"]
    assert len(acme.received) == 1
    assert borg.received == []
    assert credited(site, "acme") == credited(site, "borg") == (0, 0.0)


@both_ways
def test_a_session_id_of_another_gives_neither_its_lease_nor_its_shares(lanes: bool) -> None:
    site, _, _ = two_tenants(lanes=lanes)
    victim = site.miner("acme.1", listener="shared")
    found = victim.find()
    thief = site.miner("acme.2", listener="shared", session=victim.session_id)
    other = site.miner("borg.2", listener="shared", session=victim.session_id)
    assert len({victim.extranonce1, thief.extranonce1}) == 2
    assert thief.submit(found) in ("21", "23")
    assert other.submit(found) == "21"
    assert victim.submit(found) == "accepted"
    assert credited(site, "acme") == (1, RARE)


# --- room ---------------------------------------------------------------------------------------------------


class Siege:
    """A pool with room for 256, and peers that come, go, come back with borrowed ids and never stop."""

    def __init__(self, seed: int) -> None:
        self.pool = FakePool("one", extranonce2_size=3, difficulty=RARE)
        self.site = site_of(self.pool, lanes=True, limits=Limits(connections_per_pool=1))
        self.chance = random.Random(seed)
        self.here: list[FakeMiner] = []
        self.ids: list[str] = []

    def comes(self) -> None:
        miner = self.site.connect(worker=f"acme.{len(self.site.miners)}")
        session = self.chance.choice([None, None, *self.ids[-20:]])
        steps = self.chance.choice(["subscribe", "both", "both", "both", "authorize first"])
        if steps == "authorize first":
            miner.authorize()
        miner.rolls = False
        miner.subscribe(session=session)
        if steps == "both":
            miner.authorize()
        if miner.session_id:
            self.ids.append(miner.session_id)
        self.here.append(miner)

    def goes(self) -> None:
        if self.here:
            self.here.pop(self.chance.randrange(len(self.here))).leave()

    def no_live_lease_is_held_twice(self) -> None:
        """Neither by the books, nor by what those were told who have work."""
        sessions = [self.site.session(miner) for miner in self.here if miner.is_open]
        leases = [session.lease for session in sessions if session.bundle is not None]
        assert len(set(leases)) == len(leases)
        working = [miner.extranonce1 for miner in self.here if miner.is_open and miner.jobs]
        assert len(set(working)) == len(working)

    @property
    def live(self) -> int:
        """Leases that are held."""
        leases = self.site.relay.routes["acme"].bundles[0].leases
        assert leases is not None
        return leases.live

    @property
    def resting(self) -> int:
        """Leases of those who left, whose jobs may still be hashed."""
        leases = self.site.relay.routes["acme"].bundles[0].leases
        assert leases is not None
        return leases.quarantined


@pytest.mark.parametrize("seed", range(3))
def test_extranonces_that_run_out_are_waited_for_and_never_shared(seed: int) -> None:
    siege = Siege(seed)
    honest = siege.site.miner("acme.honest")
    for turn in range(1200):
        siege.comes() if siege.chance.random() < 0.6 else siege.goes()
        if turn % 50 == 0:
            siege.site.pass_time(1.0, 0.25)
            siege.no_live_lease_is_held_twice()
        if turn % 400 == 399:
            siege.pool.new_job(clean=True)
            siege.site.pump()
    for _ in range(1000):
        siege.comes()
        if siege.live + siege.resting == 256 and siege.site.seen(RouteFull):
            break
    siege.site.pass_time(3.0, 0.25)
    siege.no_live_lease_is_held_twice()
    assert siege.site.seen(RouteFull)
    assert len(siege.pool.live) == 1
    waiting = [m for m in siege.here if m.is_open and siege.site.session(m).workers and not m.jobs]
    assert waiting, "who finds no room has no work, and keeps its connection"
    assert honest.mine() == "accepted"
    assert not honest.wire.closed


@both_ways
def test_who_gets_a_lease_after_another_cannot_be_paid_for_the_others_shares(lanes: bool) -> None:
    """A lease rests until the jobs that it was given with are stale."""
    pool = FakePool("one", extranonce2_size=3, difficulty=RARE)
    site = site_of(pool, lanes=lanes, limits=Limits(connections_per_pool=1))
    miners = [site.miner(f"acme.{n}", rolls=False) for n in range(256)]
    found = miners[7].find()
    assert miners[7].submit(found) == "accepted"
    later = site.connect(worker="acme.later")
    later.call("mining.extranonce.subscribe")
    later.log_in(rolls=False)
    site.pass_time(1.0)
    assert later.jobs == []
    miners[7].leave()
    site.pass_time(2.0)
    assert later.jobs == [], "not while the job of the one who left lives"
    pool.new_job(clean=True)
    site.pass_time(2.0)
    assert later.extranonce1 == miners[7].extranonce1
    assert later.submit(found) == "21"
    assert credited(site) == (1, RARE)
    assert later.mine() == "accepted"
