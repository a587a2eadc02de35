"""The yardstick must really do the work: it is held to the reference, share by share."""

import json
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from proxy.hotpath.reference import PreparedJob, Target
from proxy.mining.difficulty import target_of
from proxy.mining.version_rolling import header_version
from proxy.stratum.tell import NotifyTemplate
from proxy.units import Difficulty
from tests.benchmarks.conftest import Start

pytestmark = pytest.mark.checkout

HALF = Difficulty(2.0**-31)
"""Half of all hashes meet it."""
MASK = 0x1FFFE000
NTIME = 0x65F00000
random = Random(7)
COINB1, COINB2, PREVHASH = random.randbytes(110), random.randbytes(180), random.randbytes(32)
BRANCHES = [random.randbytes(32) for _ in range(12)]
VERSION, NBITS = 0x20000000, 0x17034219
JOB = PreparedJob(COINB1, COINB2, 8, tuple(BRANCHES), VERSION, PREVHASH, NBITS)
LINE = NotifyTemplate(PREVHASH, COINB1, COINB2, BRANCHES, VERSION, NBITS).line("j1", NTIME, clean=True)
REFUSALS = {
    20: "Malformed share",
    21: "Job not found",
    22: "Duplicate share",
    23: "Low difficulty share",
    24: "Unauthorized worker",
}

Json = dict[str, Any]


class Client:
    """A miner that waits for each answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self._lines = self.socket.makefile("rb")

    def heard(self) -> Json:
        answer = json.loads(self._lines.readline())
        assert isinstance(answer, dict)
        return answer

    def ask(self, line: bytes) -> Json:
        self.socket.sendall(line + b"\n")
        return self.heard()

    def submit(self, *params: object) -> Json:
        return self.ask(json.dumps({"id": 9, "method": "mining.submit", "params": params}).encode())

    def flood(self, count: int) -> Counter[bytes]:
        """Submit so many nonces, 500 at a time; return how often each answer came."""
        worker, job, extranonce2, ntime, _ = share(0)
        head = f'"method":"mining.submit","params":["{worker}","{job}","{extranonce2}","{ntime}","'.encode()
        seen: Counter[bytes] = Counter()
        for start in range(0, count, 500):
            nonces = range(start, start + 500)
            self.socket.sendall(b"".join(b'{"id":1,%b%08x"]}\n' % (head, nonce) for nonce in nonces))
            for _ in nonces:
                line = self._lines.readline()
                seen[b"true" if b":true," in line else line.partition(b":[")[2][:2]] += 1
        return seen

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


@pytest.fixture
def port(start: Start, tmp_path: Path) -> int:
    (tmp_path / "notify").write_bytes(LINE)
    answer = start("full", tmp_path / "notify", 4, 4, repr(HALF)).heard()
    return int(answer["port"])


@pytest.fixture
def client(port: int) -> Iterator[Client]:
    with ExitStack() as stack:
        client = Client(port)
        stack.callback(client.close)
        client.ask(b'{"id":1,"method":"mining.subscribe","params":[]}')
        client.ask(b'{"id":2,"method":"mining.authorize","params":["acme.1","x"]}')
        assert client.heard()["params"] == [HALF]
        assert client.heard()["method"] == "mining.notify"
        yield client


EXTRANONCE2 = bytes.fromhex("00c0ffee")
TARGET = Target(target_of(HALF))


def meets(nonce: int, extranonce2: bytes = EXTRANONCE2, version: int = VERSION, ntime: int = NTIME) -> bool:
    return TARGET.met_by(JOB.share_hash(bytes(3) + b"\x01" + extranonce2, ntime, nonce, version))


GOOD = next(nonce for nonce in range(1000) if meets(nonce))
LOW = next(nonce for nonce in range(1000) if not meets(nonce))


def share(nonce: int, /, **other: str) -> list[str]:
    given = {"worker": "acme.1", "job": "j1", "extranonce2": EXTRANONCE2.hex(), "ntime": f"{NTIME:08x}"}
    return list((given | {"nonce": f"{nonce:08x}"} | other).values())


def assert_refused(answer: Json, code: int, text: str | None = None) -> None:
    assert answer == {"id": 9, "result": False, "error": [code, text or REFUSALS[code], None]}


def test_it_offers_work_as_a_pool_does(port: int) -> None:
    client = Client(port)
    answer = client.ask(b'{"params": ["x/1"], "id": "a", "method": "mining.subscribe"}')
    assert answer["id"] == "a"
    assert answer["result"][1:] == ["00000001", 4]
    client.close()


def test_of_many_shares_it_accepts_exactly_those_whose_hash_meets_the_target(client: Client) -> None:
    answers = {nonce: client.submit(*share(nonce)) for nonce in range(200)}
    assert {nonce for nonce in answers if answers[nonce]["result"]} == set(filter(meets, range(200)))
    refused = [answers[nonce] for nonce in answers if not answers[nonce]["result"]]
    assert all(answer["error"][0] == 23 for answer in refused)


def test_a_share_is_accepted_once(client: Client) -> None:
    assert client.submit(*share(GOOD))["result"] is True
    assert_refused(client.submit(*share(GOOD)), 22)


def test_a_low_share_stays_low_when_it_is_repeated(client: Client) -> None:
    assert_refused(client.submit(*share(LOW)), 23)
    assert_refused(client.submit(*share(LOW)), 23)


def test_every_accepted_share_of_thousands_is_a_duplicate_afterwards(client: Client) -> None:
    # More than the table of duplicates holds at first, so that it grows meanwhile.
    count = 80_000
    first, again = client.flood(count), client.flood(count)
    assert first == {b"true": first[b"true"], b"23": count - first[b"true"]}
    assert first[b"true"] > 1 << 15
    assert again == {b"22": first[b"true"], b"23": first[b"23"]}


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"job": "j2"}, 21),
        ({"worker": "acme.2"}, 24),
        ({"worker": "acme.2", "job": "j2"}, 24),
        ({"extranonce2": "00c0ff"}, 20),
        ({"extranonce2": "00c0ffeeee"}, 20),
        ({"extranonce2": "00c0ffxe"}, 20),
        ({"nonce": "1234567"}, 20),
        ({"nonce": " 1234567"}, 20),
        ({"ntime": "65f0000"}, 20),
    ],
)
def test_what_is_no_share_of_this_miner_gets_its_own_refusal(
    client: Client, other: dict[str, str], code: int
) -> None:
    assert_refused(client.submit(*share(GOOD, **other)), code)


def test_params_are_five_or_six_strings(client: Client) -> None:
    assert_refused(client.submit(*share(GOOD)[:4]), 20)
    assert_refused(client.submit(*share(GOOD), "00000000", "x"), 20)
    assert_refused(client.submit(*share(GOOD)[:4], 7), 20)


def test_ntime_lies_within_the_window_of_its_job(client: Client) -> None:
    for ntime, inside in ((NTIME - 1, False), (NTIME, True), (NTIME + 7000, True), (NTIME + 7001, False)):
        nonce = next(nonce for nonce in range(1000) if meets(nonce, ntime=ntime))
        answer = client.submit(*share(nonce, ntime=f"{ntime:08x}"))
        assert answer["result"] is inside
        if not inside:
            assert_refused(answer, 20, "ntime out of range")


def test_version_bits_replace_those_of_the_mask_and_no_others(client: Client) -> None:
    for bits in (0x00002000, 0x1FFFE000):
        version = header_version(VERSION, MASK, bits)
        nonce = next(nonce for nonce in range(1000) if meets(nonce, version=version))
        assert client.submit(*share(nonce), f"{bits:08x}")["result"] is True
    assert_refused(client.submit(*share(GOOD), "00000001"), 20, "Version bits outside the mask")


def test_keys_come_in_any_order_and_an_id_is_given_back_as_it_was(client: Client) -> None:
    params = json.dumps(share(GOOD)).encode()
    answer = client.ask(
        b'{"method":"mining.submit" , "jsonrpc":{"x":[1,{}]}, "params": %b,"id":"x9"}' % params
    )
    assert answer == {"id": "x9", "result": True, "error": None}


def test_a_line_may_come_in_pieces(client: Client) -> None:
    line = json.dumps({"params": share(GOOD), "id": 9, "method": "mining.submit"}).encode() + b"\n"
    for at in range(0, len(line), 7):
        client.socket.sendall(line[at : at + 7])
    assert client.heard()["result"] is True


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"{", b'{"id":1}', b"[" * 100, b"x" * 2000])
def test_what_is_no_message_ends_the_connection(client: Client, line: bytes) -> None:
    client.socket.sendall(line + b"\n")
    assert client.socket.recv(1) == b""
