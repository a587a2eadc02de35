"""U02: tens of thousands of damaged lines of a pool, the same on every run: typed errors, bounded memory."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from random import Random

from proxy.errors import ProtocolViolation
from proxy.events import UpstreamDown
from proxy.relay.bundle import MOST_WORKS
from proxy.relay.settings import Timers
from proxy.stratum.upstream import parse
from proxy.units import Seconds
from tests.fakes.pool import FakePool
from tests.fakes.site import Site
from tests.faults.test_malformed_pools import HASH, HONEST

LINES, TOLD = 20_000, 1_000
HOLDS = 4 << 20
"""Bytes: four times the longest line of a pool."""
LONG = 40_000
TOKENS = [b"null", b"-1", b"0", b"1e999", b"NaN", b"9" * 400, b"18446744073709551616", b"true", b"{}", b"[]"]
TOKENS += [b'"\\ud800"', b'"\\u0000"', b'"' + b"00" * 300 + b'"', b"[" * 200, b'"%b"' % HASH.encode()]
TOKENS += [
    b"\x00",
    b"\xff",
    b"\r",
    b",",
    b":",
    b'"',
    b'"id":1,',
    b'"params":[],',
    b'"method":"mining.notify",',
]


def mutated(chance: Random) -> bytes:
    """Return an honest line with up to four wounds; it may be several lines then."""
    line = json.dumps(chance.choice(HONEST)).encode()
    for _ in range(chance.randint(1, 4)):
        at, to = sorted((chance.randint(0, len(line)), chance.randint(0, len(line))))
        match chance.randrange(7):
            case 0:
                line = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
            case 1:
                line = line[:at] + line[to:]
            case 2:
                line = line[:to] + line[at:to] + line[to:]
            case 3:
                line = line[:at] + chance.choice(TOKENS) + line[at:]
            case 4:
                line = line[:at] + chance.choice(TOKENS) + line[to:]
            case 5:
                line = line[:at] + json.dumps(chance.choice(HONEST)).encode()[at:]
            case _:
                line = line[:at] + line[at:to] * chance.choice([2, 10, LONG // (to - at + 1) + 1]) + line[to:]
        line = line[: 2 * LONG]
    return line


def parsed(chance: Random, count: int) -> Counter[str]:
    """Return what so many damaged lines were read as."""
    found = Counter[str]()
    for _ in range(count):
        for piece in mutated(chance).split(b"\n"):
            try:
                found[type(parse(piece)).__name__] += 1
            except ProtocolViolation:
                found["violation"] += 1
    return found


def test_u02_each_of_twenty_thousand_damaged_lines_is_a_message_or_a_typed_error() -> None:
    found = parsed(Random(2014), LINES)
    # They are damaged so little that some still mean something, and so much that most do not.
    assert found["violation"] > LINES / 3
    assert {"Notify", "SetDifficulty", "SetExtranonce", "Reply", "Reconnect"} <= set(found)


def test_u02_to_read_a_damaged_line_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        parsed(Random(4503), TOLD)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < HOLDS


def test_u02_damaged_lines_lose_the_pool_again_and_again_and_cost_no_miner_a_thing() -> None:
    """Whenever the mad pool is tried again it goes on; the sane one serves, and what is kept stays small."""
    mad = FakePool("mad")
    soon = Timers(backoff_base=Seconds(0.5), backoff_cap=Seconds(0.5), failback_hold=Seconds(0.5))
    site = Site(mad, FakePool("sane", host="other", extranonce1_size=7), timers=soon).start()
    miner = site.miner()
    chance, told = Random(4502), 0
    while told < TOLD:
        if mad.live:
            mad.side.say(mutated(chance) + b"\n")
            told += 1
        site.pass_time(0.5, 0.5)
        bundle = site.relay.routes["acme"].bundles[0]
        assert len(bundle.works) <= MOST_WORKS
        assert len(site.relay.outside.jobs) <= MOST_WORKS + 1
    downs = site.seen(UpstreamDown)
    assert {down.pool for down in downs} == {"mad"}
    assert {down.cause.partition(":")[0] for down in downs} <= {"nonsense", "asked to reconnect"}
    assert sum(down.cause.startswith("nonsense") for down in downs) > TOLD / 100
    mad.die()
    site.pass_time(8)
    live = site.relay.routes["acme"].bundles[0].live
    assert live is not None
    assert live.pool.name == "sane"
    assert miner.is_open
    assert miner.mine() == "accepted"
    assert [share.fault for share in site.pools[1].received] == [""]
