"""What a miner may say besides submit, in every order, and what it is answered."""

import json
from itertools import permutations
from typing import Any

import pytest

from proxy.events import SessionOpened
from tests.fakes.pool import FakePool
from tests.fakes.site import Site

CONFIGURE = ("mining.configure", [["version-rolling"], {"version-rolling.mask": "ffffffff"}])
SUBSCRIBE = ("mining.subscribe", ["cgminer/4.12"])
AUTHORIZE = ("mining.authorize", ["acme.rig1", "x"])
EXTRANONCE: tuple[str, list[Any]] = ("mining.extranonce.subscribe", [])
CALLS = [CONFIGURE, SUBSCRIBE, AUTHORIZE, EXTRANONCE]


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("pipelined", [True, False])
def test_every_order_of_the_handshake_ends_with_work_that_counts(
    order: tuple[int, ...], pipelined: bool
) -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.connect()
    miner.asked = 0xFFFFFFFF
    lines = [miner.line(*CALLS[index])[0] for index in order]
    for segment in [b"".join(lines)] if pipelined else lines:
        miner.raw(segment)
    site.pass_time(0.5)
    assert miner.order == [1, 2, 3, 4], "replies come in the order of the calls"
    assert all(miner.replies[n]["error"] is None for n in miner.order)
    assert miner.mask == 0x1FFFE000
    assert miner.mine() == "accepted"
    assert pool.received[-1].header == miner.submitted[-1][1].header
    assert pool.faults == []


def test_a_handshake_byte_by_byte_is_the_same() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.connect()
    for line in (miner.line(*call)[0] for call in CALLS):
        for byte in line:
            miner.raw(bytes([byte]))
    site.pass_time(0.5)
    assert miner.order == [1, 2, 3, 4]
    assert miner.mine() == "accepted"


def test_one_read_is_answered_with_one_write() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.raw(b"".join(miner.line(*call)[0] for call in CALLS))
    assert len(miner.wire.writes) == 1


@pytest.mark.parametrize(
    "params",
    [
        [],
        None,
        ["cgminer/4.12", None],
        ["NiceHash/1.0.0", "abc", 1700000000, "f00d"],
        ["a", "", "b", 3333],
        {},
        [7, 8],
    ],
)
def test_every_shape_of_subscribe_is_served(params: Any) -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    reply = miner.call("mining.subscribe", params)
    assert reply["error"] is None
    subscriptions, extranonce1, size = reply["result"]
    assert {name for name, _ in subscriptions} == {"mining.set_difficulty", "mining.notify"}
    assert len(bytes.fromhex(extranonce1)) > 0
    assert 2 <= size <= 8
    miner.authorize()
    site.pass_time(0.5)
    assert miner.mine() == "accepted"


def test_a_second_subscribe_gets_the_same_extranonce_and_a_clean_job() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    before = (miner.extranonce1, miner.extranonce2_size, miner.session_id)
    told = len(miner.methods())
    miner.subscribe()
    assert (miner.extranonce1, miner.extranonce2_size, miner.session_id) == before
    assert "mining.notify" in miner.methods()[told:]
    assert miner.job.clean
    assert miner.mine() == "accepted"
    assert site.relay.routes["acme"].bundles[0].leases is not None
    assert site.relay.routes["acme"].bundles[0].leases.live == 1


@pytest.mark.parametrize("identity", [5, "abc", "", 1.5, 2**64 - 1, -1])
def test_replies_carry_the_id_and_the_error_key_verbatim(identity: Any) -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.raw(json.dumps({"id": identity, "method": "mining.ping", "params": []}).encode() + b"\n")
    assert miner.lines == [{"id": identity, "result": "pong", "error": None}]


def test_repeated_ids_are_answered_each_time() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    assert miner.call("mining.ping", [], 7)["result"] == "pong"
    assert miner.call("mining.ping", [], 7)["result"] == "pong"


def test_notifications_to_miners_have_a_null_id() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    notifications = [line for line in miner.lines if "method" in line]
    assert notifications
    assert all(line["id"] is None for line in notifications)


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("mining.ping", [], "pong"),
        ("client.get_version", None, "pumpjack"),
        ("mining.multi_version", [4], True),
        ("mining.extranonce.subscribe", [], True),
        ("mining.suggest_difficulty", [512], True),
        ("mining.suggest_difficulty(512)", [], True),
        ("mining.suggest_target", ["00000000ffff" + "00" * 26], True),
    ],
)
@pytest.mark.parametrize("logged_in", [False, True])
def test_small_methods_are_answered_before_and_after_the_login(
    method: str, params: Any, result: Any, logged_in: bool
) -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner() if logged_in else site.connect()
    assert miner.call(method, params)["result"] == result


@pytest.mark.parametrize(
    "method", ["mining.get_transactions", "mining.capabilities", "mining.hashrate", "eth_getWork"]
)
def test_unknown_methods_are_answered_and_the_miner_stays(method: str) -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    for _ in range(100):
        assert miner.call(method, [])["error"][0] == -3
    assert miner.mine() == "accepted"
    assert not miner.wire.closed


def test_an_unknown_notification_is_not_answered() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.raw(b'{"id":null,"method":"mining.hello","params":[]}\n{"method":"mining.hello"}\n')
    assert miner.lines == []


def test_replies_of_a_miner_are_not_answered() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.raw(b'{"id":1,"result":"cgminer","error":null}\n{"id":2,"error":[20,"x",null]}\n')
    assert miner.lines == []


@pytest.mark.parametrize("hint", [["x"], [], None, [-5], [0], [True]])
def test_a_hint_that_is_no_difficulty_is_refused_and_harmless(hint: Any) -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    assert miner.call("mining.suggest_difficulty", hint)["error"][0] == 20
    assert miner.mine() == "accepted"


# --- configure --------------------------------------------------------------------------------------------


def test_every_key_that_was_asked_for_is_answered() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    asked = ["version-rolling", "minimum-difficulty", "subscribe-extranonce", "info", "x-unheard-of", ""]
    options = {"version-rolling.mask": "1fffe000", "minimum-difficulty.value": 2.0**-28}
    result = miner.call("mining.configure", [asked, options])["result"]
    assert set(asked) <= set(result)
    assert result["version-rolling"] is True
    assert result["version-rolling.mask"] == "1fffe000"
    assert result["minimum-difficulty"] is True
    assert result["subscribe-extranonce"] is True
    assert result["info"] is True
    assert result["x-unheard-of"] is False


@pytest.mark.parametrize(
    "params", [[], None, [[]], [["version-rolling"]], [["version-rolling"], None], [{}, []]]
)
def test_configure_without_its_options_is_answered(params: Any) -> None:
    site = Site(FakePool("one")).start()
    assert isinstance(site.connect().call("mining.configure", params)["result"], dict)


def test_configure_may_be_repeated_with_another_mask() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    assert miner.configure(0x00FFE000)["result"]["version-rolling.mask"] == "00ffe000"
    assert miner.configure(0xFFFFFFFF)["result"]["version-rolling.mask"] == "1fffe000"
    assert miner.configure(0x40000000)["result"]["version-rolling"] is False


def test_minimum_difficulty_of_configure_is_respected() -> None:
    from proxy.mining.vardiff import VardiffSettings
    from proxy.units import Difficulty

    vardiff = VardiffSettings(start=Difficulty(2.0**-28), minimum=Difficulty(2.0**-30))
    site = Site(FakePool("one", difficulty=2.0**-20), vardiff=vardiff).start()
    miner = site.connect()
    miner.call("mining.configure", [["minimum-difficulty"], {"minimum-difficulty.value": 2.0**-24}])
    miner.subscribe()
    miner.authorize()
    site.pass_time(0.5)
    assert miner.difficulty == 2.0**-24


# --- authorize ----------------------------------------------------------------------------------------------


def test_several_workers_share_a_connection() -> None:
    pool = FakePool("one")
    site = Site(pool).start()
    miner = site.miner()
    assert miner.authorize("acme.rig2")["result"] is True
    assert miner.submit(miner.find(), "acme.rig2") == "accepted"
    assert miner.submit(miner.find(), "acme.rig1") == "accepted"
    assert miner.submit(miner.find(), "acme.rig3") == "24"
    assert len(site.seen(SessionOpened)) == 1
    assert [share.params[0] for share in pool.received] == ["acme", "acme"]


def test_authorising_the_same_worker_again_is_harmless() -> None:
    site = Site(FakePool("one")).start()
    miner = site.miner()
    for _ in range(20):
        assert miner.authorize()["result"] is True
    assert miner.mine() == "accepted"


def test_names_for_people_are_printable_and_short() -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect()
    miner.subscribe("<script>\x00é\n")
    miner.authorize("acme." + "ü<'\"\\" * 60)
    opened = site.seen(SessionOpened)[0]
    assert opened.worker.isascii()
    assert opened.worker.isprintable()
    assert len(opened.worker) <= 63
    assert not set("<>'\"\\&") & set(opened.worker + opened.user_agent)


@pytest.mark.parametrize("user", ["acme", "acme.", "", ".", "acme.rig.1", "x" * 300])
def test_odd_user_names_mine_all_the_same(user: str) -> None:
    site = Site(FakePool("one")).start()
    miner = site.connect(worker=user)
    miner.rolls = False
    miner.subscribe()
    assert miner.call("mining.authorize", [user, "x"])["result"] is True
    site.pass_time(0.5)
    assert miner.mine() == "accepted"
