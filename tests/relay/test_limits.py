"""What peers may not do: every bound, and that nobody else notices."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.events import SessionRefused
from proxy.relay.settings import Limits
from proxy.stratum.downstream import Bounds
from tests.fakes.pool import FakePool
from tests.fakes.site import Site


@pytest.mark.parametrize(("logged_in", "limit"), [(False, 1024), (True, 4096)])
def test_a_line_may_have_its_length_and_not_a_byte_more(logged_in: bool, limit: int) -> None:
    for extra in (0, 1):
        site = Site(FakePool("one")).start()
        neighbour = site.miner("acme.rig2")
        miner = site.miner() if logged_in else site.connect()
        empty = b'{"id":9,"method":"mining.ping","params":[],"x":""}'
        miner.raw(empty[:-2] + b"x" * (limit + extra - len(empty)) + b'"}\n')
        assert miner.wire.closed == bool(extra)
        assert (9 in miner.replies) != bool(extra)
        assert neighbour.mine() == "accepted"


def test_an_endless_line_is_dropped_before_it_ends() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    for _ in range(11):
        miner.raw(b"x" * 100)
    assert miner.wire.closed
    assert "1024" in site.seen(SessionRefused)[0].cause


@pytest.mark.parametrize(("bounds", "kept"), [(Bounds(), 256), (Bounds(depth=5, text=300), 285)])
def test_depth_and_length_of_texts_are_those_of_the_settings(bounds: Bounds, kept: int) -> None:
    name = "acme." + "r" * 280
    site = Site(FakePool("one"), limits=Limits(miner_messages=bounds)).start()
    miner = site.miner(name)
    session = site.session(miner)
    assert session.workers == (name[:kept],)
    assert miner.mine() == "accepted", "it is cut alike in submits"
    miner.raw(b'{"id":1,"method":"mining.ping","params":[[[[1]]]]}\n')
    assert session.malformed == (1 if bounds.depth == 4 else 0)


def test_scanners_are_dropped_after_sixteen_lines_that_are_no_message() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    for _ in range(16):
        miner.raw(b"GET / HTTP/1.1\r\n")
    assert not miner.wire.closed
    miner.raw(b"Host: x\r\n")
    assert miner.wire.closed
    assert len(site.seen(SessionRefused)) == 1


def test_rubbish_in_one_segment_is_not_answered_a_thousand_times() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.raw(b"x\n" * 5000)
    assert miner.wire.closed
    assert len(miner.lines) <= 17


def test_a_dropped_session_is_not_listened_to() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    share = miner.line("mining.submit", miner.find().params("acme.rig1"))[0]
    site.relay.feed(miner.key, b"x" * 5000, site.now)
    site.relay.feed(miner.key, share, site.now)
    assert site.relay.routes["acme"].tally.judged == 0


@pytest.mark.parametrize(
    "data", [b"\x00" * 100, b"\xff\xfe\n", b"{}\n", b"[]\n", b"null\n", b"\r\n\n", b'{"id":[]}\n']
)
def test_rubbish_of_one_miner_is_nothing_to_another(data: bytes) -> None:
    site = Site(FakePool("one")).start()
    neighbour, miner = site.miner("acme.rig2"), site.miner()
    miner.raw(data)
    assert neighbour.mine() == "accepted"
    assert not neighbour.wire.closed


def test_eight_workers_share_a_connection_and_the_ninth_is_refused() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    for n in range(2, 9):
        assert miner.authorize(f"acme.rig{n}")["result"] is True
    assert miner.authorize("acme.rig9")["error"][0] == 24
    assert miner.authorize("acme.rig8")["result"] is True
    assert miner.mine() == "accepted"


@pytest.mark.parametrize(
    ("steps", "after"),
    [((), 16), (("subscribe",), 46), (("authorize",), 46), (("configure",), 16)],
    ids=["says nothing", "never authorises", "never subscribes", "only configures"],
)
def test_who_does_not_log_in_in_time_is_dropped(steps: tuple[str, ...], after: float) -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    for step in steps:
        getattr(miner, step)()
    site.pass_time(after + 4)
    assert miner.wire.closed
    assert len(site.seen(SessionRefused)) == 1
    assert site.relay.sessions == {}


def test_who_logs_in_slowly_but_in_time_is_served() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    site.pass_time(10)
    miner.subscribe()
    site.pass_time(25)
    miner.authorize()
    site.pass_time(60)
    miner.rolls = False
    assert miner.mine() == "accepted"


def test_a_pool_that_only_ever_adds_jobs_fills_no_memory() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    for _ in range(3000):
        pool.new_job()
        site.pump()
    assert len(site.relay.outside.jobs) <= 600
    assert len(site.session(miner).assignments) <= 600
    assert miner.mine() == "accepted"
    assert pool.faults == []


def test_old_jobs_are_forgotten_in_time() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    first = miner.job
    for _ in range(60):
        pool.new_job()
        site.pass_time(30, 0.5)
    assert len(site.relay.outside.jobs) <= 21
    assert miner.submit(miner.find(first)) == "21"
    assert miner.mine() == "accepted"


def test_those_who_left_leave_nothing_behind() -> None:
    pool = FakePool("one", up=False)
    site = Site(pool).start()
    for n in range(400):
        site.connect(worker=f"acme.rig{n}").log_in()
        site.miners[-1].leave()
    route = site.relay.routes["acme"]
    assert site.relay.sessions == {}
    assert len(route.waiting) <= 64 + 1
    assert all(not bundle.sessions for bundle in route.bundles.values())


@settings(max_examples=40)
@given(
    segments=st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b"\n",
                b'{"id":1,"method":"mining.subscribe","params":[]}\n',
                b'{"id":2,"method":"mining.authorize","params":["w"]}\n',
                b'{"id":3,"method":"mining.configure","params":[["version-rolling"],{}]}\n',
                b'{"id":4,"method":"mining.submit"}\n',
                b'{"id":5,"method":"mining.suggest_difficulty","params":[0.001]}\n',
                b'{"id":6,"method":"mining.submit","params":["w","x","00000000","00000000","00000000"]}\n',
            ]
        ),
        max_size=20,
    )
)
def test_whatever_a_miner_sends_nothing_raises_and_the_neighbour_mines(segments: list[bytes]) -> None:
    site = Site(FakePool("one")).start()
    neighbour, miner = site.miner("acme.rig2"), site.connect()
    for segment in segments:
        if miner.is_open:
            site.relay.feed(miner.key, segment, site.now)
        site.pass_time(0.1)
    assert neighbour.mine() == "accepted"


@settings(max_examples=40)
@given(
    segments=st.lists(
        st.binary(max_size=60)
        | st.sampled_from(
            [
                b"\n",
                b'{"id":1,"result":true}\n',
                b'{"id":2,"result":[[],"00",4]}\n',
                b'{"id":2,"result":null,"error":[20,"x"]}\n',
                b'{"id":3,"result":true}\n',
                b'{"id":4,"result":true}\n',
                b'{"method":"mining.set_difficulty","params":[0.5]}\n',
                b'{"method":"mining.set_difficulty","params":[1e-300]}\n',
                b'{"method":"mining.set_extranonce","params":["",2]}\n',
                b'{"method":"mining.set_extranonce","params":["abcdef",16]}\n',
                b'{"method":"mining.set_version_mask","params":["0"]}\n',
                b'{"method":"mining.notify","params":["j","'
                + b"00" * 32
                + b'","","",[],"20000000","00000000","00000000",true]}\n',
                b'{"method":"mining.notify","params":["j","'
                + b"00" * 32
                + b'","","",[],"ffffffff","ffffffff","ffffffff",false]}\n',
                b'{"method":"client.reconnect","params":[]}\n',
                b'{"method":"client.reconnect","params":["evil",1]}\n',
            ]
        ),
        max_size=20,
    )
)
def test_whatever_a_pool_sends_nothing_raises_and_no_miner_is_dropped(segments: list[bytes]) -> None:
    pool = FakePool("one")
    site = Site(pool, limits=Limits()).start()
    miner = site.miner()
    for segment in segments:
        if pool.live:
            pool.side.say(segment)
        site.pass_time(0.2)
        if miner.jobs:
            miner.call(
                "mining.submit", ["acme.rig1", miner.job.id, "00" * miner.extranonce2_size, "0" * 8, "0" * 8]
            )
    site.pass_time(1)
    assert not miner.wire.closed or "client.reconnect" in miner.methods()
