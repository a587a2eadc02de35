"""U02: a pool that sends what none may (CVE-2014-4502, -4503): a typed error, failover, bounded memory."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from proxy.errors import ProtocolViolation
from proxy.events import PoolSaid, UpstreamDown
from proxy.relay.settings import Limits
from proxy.stratum.upstream import parse, subscribed
from tests.fakes.pool import FakePool, PoolSide
from tests.fakes.site import Site

HASH = "ab" * 32
NOTIFY: list[Any] = [
    "job",
    HASH,
    "01" * 60,
    "02" * 60,
    [HASH, HASH],
    "20000000",
    "170331db",
    "65000000",
    True,
]


@dataclass(eq=False)
class MadPool(FakePool):
    """Sends ``words`` in the place of its answer to ``method``; ordinary but for that."""

    method: str = ""
    words: Callable[[int], bytes] = lambda identity: b""

    @override
    def answer(self, side: PoolSide, message: dict[str, Any]) -> None:
        if message.get("method") == self.method:
            side.say(self.words(message["id"]))
        else:
            super().answer(side, message)


def pair(mad: FakePool) -> Site:
    return Site(mad, FakePool("sane", host="other", extranonce1_size=7)).start()


def serving(site: Site) -> str:
    live = site.relay.routes["acme"].bundles[0].live
    return "" if live is None else live.pool.name


def assert_on_the_sane_one(site: Site) -> None:
    miner = site.miner()
    assert serving(site) == "sane"
    assert miner.mine() == "accepted"
    assert [share.fault for share in site.pools[1].received] == [""]
    assert site.resets() == []


# --- the first words --------------------------------------------------------------------------------


EXTRANONCES = [
    ["01020304", -1],
    ["01020304", 0],
    ["01020304", 1],
    ["01020304", 17],
    ["01020304", 2**31],
    ["01020304", 2**63],
    ["01020304", 2**64],
    ["01020304", 4.0],
    ["01020304", 1e30],
    ["01020304", True],
    ["01020304", "4"],
    ["01020304", None],
    ["01020304", [4]],
    ["0102030", 4],
    ["no hex!!", 4],
    ["00" * 33, 4],
    ["00" * 5_000_000, 4],
    [None, 4],
    [[], 4],
    [1, 4],
    ["\u0661" * 8, 4],
]
"""extranonce1 and the size of extranonce2 that no miner could use."""


@pytest.mark.parametrize("extranonce", EXTRANONCES, ids=lambda pair: f"{str(pair[0])[:12]}-{pair[1]}")
def test_a_subscription_that_no_miner_could_use_loses_the_pool_at_once(extranonce: list[Any]) -> None:
    """U02: extranonce2_size -1, 0, 2^31 and their like."""
    with pytest.raises(ProtocolViolation):
        subscribed([[], *extranonce])
    mad = MadPool("mad", method="mining.subscribe")
    mad.words = lambda identity: reply(identity, [[], *extranonce])
    site = pair(mad)
    assert_on_the_sane_one(site)
    assert site.seen(UpstreamDown)[0].cause.startswith("nonsense")


def reply(identity: int, result: Any) -> bytes:
    return json.dumps({"id": identity, "result": result, "error": None}).encode() + b"\n"


@pytest.mark.parametrize(
    "words",
    [
        b"\n",
        b'{"id":%d,"result":{"extranonce1":"00","extranonce2_size":4},"error":null}\n',
        b'{"id":%d,"result":[[],"01020304",4],"result":[[],"01020304",-1],"error":null}\n',
        b'{"id":%d,"result":[[],"01020304"],"error":null}\n',
        b'{"id":%d,"result":[[],"01020304",4',
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello\n",
        b"[" * 100_000 + b"\n",
        b"x" * (2 << 20),
    ],
    ids=["nothing", "an object", "twice", "too short", "cut short", "HTTP", "TLS", "deep", "endless"],
)
def test_whatever_answers_the_first_call_costs_no_more_than_the_handshake(words: bytes) -> None:
    """U02: other protocols, truncated and endless answers, duplicate keys."""
    mad = MadPool("mad", method="mining.subscribe")
    mad.words = lambda identity: words.replace(b"%d", str(identity).encode())
    site = pair(mad)
    site.pass_time(4)
    assert_on_the_sane_one(site)
    site.pass_time(31)
    assert {event.pool for event in site.seen(UpstreamDown)} == {"mad"}


# --- jobs -------------------------------------------------------------------------------------------


def job(**changes: Any) -> list[Any]:
    places = ("job_id", "prevhash", "coinb1", "coinb2", "branches", "version", "nbits", "ntime", "clean")
    return [changes.get(place, value) for place, value in zip(places, NOTIFY, strict=True)]


JOBS: dict[str, list[Any]] = {
    "10^6 branches": job(branches=[HASH] * 1_000_000),
    "33 branches": job(branches=[HASH] * 33),
    "a branch too short": job(branches=[HASH[:-2]]),
    "a branch too long": job(branches=[HASH + "00"]),
    "branches no list": job(branches=HASH),
    "branches deep": job(branches=[[HASH]]),
    "10 MB coinbase": job(coinb1="00" * 10_000_000),
    "100,001 bytes in two halves": job(coinb1="00" * 50_000, coinb2="00" * 50_001),
    "coinbase no hex": job(coinb1="zz"),
    "coinbase odd": job(coinb2="abc"),
    "coinbase null": job(coinb2=None),
    "prevhash short": job(prevhash=HASH[2:]),
    "prevhash number": job(prevhash=7),
    "version long": job(version="120000000"),
    "version number": job(version=536870912),
    "nbits signed": job(nbits="-1703310"),
    "ntime spaces": job(ntime=" 6500000"),
    "job id empty": job(job_id=""),
    "job id long": job(job_id="j" * 65),
    "job id number": job(job_id=1),
    "nothing": [],
    "eight": NOTIFY[:8],
}


@pytest.mark.parametrize("kind", JOBS)
def test_three_impossible_jobs_lose_the_pool_and_miners_hear_of_none(kind: str) -> None:
    """U02: huge merkle trees and coinbases, wrong types, no hex. One may be a quirk."""
    line = json.dumps({"id": None, "method": "mining.notify", "params": JOBS[kind]}).encode() + b"\n"
    with pytest.raises(ProtocolViolation):
        parse(line)
    site = pair(mad := FakePool("mad"))
    miner = site.miner()
    for _ in range(Limits().nonsense):
        if mad.live:
            mad.side.say(line)
            site.pump()
    site.pass_time(4)
    told = [line["params"] for line in miner.lines if line.get("method") == "mining.notify"]
    assert len(told) == 2
    assert all(params[2].startswith(mad.coinb1) for params in told)
    assert site.seen(UpstreamDown)[0].cause.startswith("nonsense")
    assert site.seen(PoolSaid) or len(line) > Limits().upstream_line
    assert_on_the_sane_one(site)


def test_an_endless_line_is_left_when_it_is_too_long_and_never_held() -> None:
    """U02: memory. A line of 64 MB in pieces of 64 KiB: the seventeenth is one too many."""
    site = pair(mad := FakePool("mad"))
    side, piece, sent = mad.side, b"x" * 65536, 0
    tracemalloc.start()
    try:
        while side.is_open and sent < 1000:
            site.relay.upstream_received(side.key, piece, site.now)
            site.pump()
            sent += 1
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sent == Limits().upstream_line // len(piece) + 1
    assert peak < 4 * Limits().upstream_line


def test_a_long_line_that_is_allowed_is_told_once() -> None:
    """U02: beyond any pool known, but no harm yet."""
    site = pair(long := FakePool("long"))
    miner = site.miner()
    for _ in range(5):
        long.coinb2 = "22" * 40_000
        long.new_job()
        site.pass_time(1)
    (said,) = site.seen(PoolSaid)
    assert "sent a line of 8" in said.text
    assert serving(site) == "long"
    assert miner.mine() == "accepted"


# --- anything ---------------------------------------------------------------------------------------


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**31, 2**63, 2**64, 10**400, -1, 0]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=40),
    st.sampled_from(["00" * 40_000, "0x10", "-1", "\ud800", "\u0000", HASH]),
    st.lists(st.sampled_from([HASH, None, 1, []]), max_size=40),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=3),
)
HONEST: list[dict[str, Any]] = [
    {"id": None, "method": "mining.notify", "params": NOTIFY},
    {"id": None, "method": "mining.set_difficulty", "params": [2.0**-28]},
    {"id": None, "method": "mining.set_extranonce", "params": ["a1b2c3d4", 8]},
    {"id": None, "method": "mining.set_version_mask", "params": ["1fffe000"]},
    {"id": None, "method": "client.reconnect", "params": ["pool", 3333, 0]},
    {"id": None, "method": "client.show_message", "params": ["hello"]},
    {"id": 7, "method": "client.get_version", "params": []},
    {"id": 2, "result": [[["mining.notify", "s"]], "a1b2c3d4", 8], "error": None},
    {"id": 1, "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}, "error": None},
    {"id": 9, "result": None, "error": [23, "Low difficulty share", None]},
]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Draw an honest message with one thing wrong in it, or more."""
    message = dict(draw(st.sampled_from(HONEST)))
    for member in draw(st.lists(st.sampled_from([*message, "extra"]), max_size=2)):
        held = message.get(member)
        if isinstance(held, list) and held:
            held = list(held)
            held[draw(st.integers(0, len(held) - 1))] = draw(ODD)
            message[member] = held
        else:
            message[member] = draw(ODD)
    line = json.dumps(message).encode() + b"\n"
    match draw(st.sampled_from(["whole", "whole", "twice", "cut", "byte", "repeated key"])):
        case "twice":
            return line * 2
        case "cut":
            return line[: draw(st.integers(0, len(line)))] + b"\n"
        case "byte":
            at = draw(st.integers(0, len(line) - 1))
            return line[:at] + bytes([draw(st.integers(0, 255))]) + line[at + 1 :] + b"\n"
        case "repeated key":
            return line.replace(b"{", b'{"params":[1],"result":false,', 1)
        case _:
            return line


@given(line=mutated())
def test_a_mutated_line_is_a_message_or_a_violation(line: bytes) -> None:
    """U02: the parser's only words."""
    for piece in line.split(b"\n"):
        try:
            parse(piece)
        except ProtocolViolation:
            continue


@given(lines=st.lists(mutated(), min_size=1, max_size=12), method=st.sampled_from(["", "mining.subscribe"]))
def test_no_mutated_line_stops_the_relay_and_the_next_pool_serves(lines: list[bytes], method: str) -> None:
    """U02: in the handshake or after it; whatever came, cutting the mad pool leaves everything in order."""
    mad = MadPool("mad", method=method, words=lambda identity: b"".join(lines))
    site = pair(mad)
    miner = site.miner()
    for line in lines:
        if mad.live:
            mad.side.say(line)
        site.pass_time(0.3)
    mad.die()
    site.pass_time(8)
    assert serving(site) == "sane"
    if miner.is_open:
        assert miner.mine() == "accepted"
        assert site.pools[1].received[-1].fault == ""
