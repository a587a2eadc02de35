"""The miner's side of a conversation, without a socket."""

from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.simulated.miner import FIRMWARES, Counters, Firmware, firmware
from proxy.adapters.simulated.miner.job import Found
from proxy.adapters.simulated.miner.session import MinerSession
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.work import Chain
from proxy.stratum.framing import LineBuffer
from proxy.units import Difficulty

CHAIN = Chain(PoolSettings(branches=3), 1, lambda: 1_760_000_000.0)
WORK = CHAIN.template()
EASY = Difficulty(2.0**-30)


class Talk:
    """A session with a pool played by the test."""

    def __init__(self, habits: Firmware, worker: str = "t.w") -> None:
        self.counters = Counters()
        self.settled: list[int | None] = []
        self.session = MinerSession(
            habits, worker, "x", self.counters, Random(1), lambda _, code: self.settled.append(code)
        )
        self.said: list[dict[str, Any]] = []
        self.writes: list[bytes] = []
        self._take(self.session.opening())

    def _take(self, data: bytes) -> None:
        if data:
            self.writes.append(data)
        self.said += [msgspec.json.decode(line) for line in data.splitlines()]

    def hear(self, message: dict[str, object] | bytes) -> None:
        line = message if isinstance(message, bytes) else msgspec.json.encode(message)
        self._take(self.session.receive(line))

    def tell(self, method: str, *params: object) -> None:
        self.hear({"id": None, "method": method, "params": params})

    def answer(self, request: dict[str, Any], result: object, error: object = None) -> None:
        self.hear({"id": request["id"], "result": result, "error": error})

    def notify(self, job_id: str = "1", clean: bool = True) -> None:
        self.tell("mining.notify", *WORK.notify(job_id, 12, clean))

    def shake_hands(self, mask: str = "1fffe000") -> None:
        """Answer every request as a good pool would, until nothing more is asked."""
        answers: dict[str, object] = {
            "mining.configure": {"version-rolling": True, "version-rolling.mask": mask}
            | dict.fromkeys(self.session.firmware.extensions, True),
            "mining.subscribe": [[["mining.notify", "s1"]], "01020304", 8],
            "mining.authorize": True,
        }
        answered = 0
        while answered < len(self.said):
            request = self.said[answered]
            answered += 1
            self.answer(request, answers.get(request["method"], True))

    def find(self) -> Found:
        assert self.session.search is not None
        found = None
        while found is None:
            found, _ = self.session.search.step(1 << 12)
        return found

    def submit(self) -> dict[str, Any]:
        """Find and submit a share; return the request."""
        self._take(self.session.submit(self.find()))
        return self.said[-1]


def working(habits: Firmware | None = None) -> Talk:
    talk = Talk(habits if habits is not None else firmware("antminer"))
    talk.shake_hands()
    talk.tell("mining.set_difficulty", EASY)
    talk.notify()
    return talk


@pytest.mark.parametrize("habits", FIRMWARES.values(), ids=lambda row: row.name)
def test_every_firmware_shakes_hands_and_submits(habits: Firmware) -> None:
    talk = working(habits)
    assert talk.session.shook_hands
    request = talk.submit()
    assert request["method"] == "mining.submit"
    assert request["params"][:2] == ["t.w", "1"]
    assert len(request["params"]) == (6 if habits.rolls else 5) or habits.name == "authorize-early"
    talk.answer(request, True)
    assert talk.settled == [None]
    assert (talk.counters.accepted, talk.session.pending, dict(talk.counters.violations)) == (1, 0, {})


def test_every_row_of_the_table_has_its_source() -> None:
    assert all(row.source and row.name == name for name, row in FIRMWARES.items())
    assert {"antminer", "whatsminer", "avalon", "bitaxe", "cgminer", "cpuminer", "nerdminer"} <= set(
        FIRMWARES
    )
    assert {"nicehash", "s9-old"} <= set(FIRMWARES)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("avalon", ["mining.configure"]),
        ("configure-late", ["mining.subscribe"]),
        ("cgminer", ["mining.subscribe"]),
        ("authorize-early", ["mining.authorize"]),
        (
            "pipelined",
            ["mining.configure", "mining.subscribe", "mining.authorize", "mining.extranonce.subscribe"],
        ),
    ],
)
def test_the_handshake_opens_as_the_table_says_in_one_write(name: str, asked: list[str]) -> None:
    talk = Talk(firmware(name))
    assert [request["method"] for request in talk.said] == asked
    assert len(talk.writes) == 1


def test_cgminer_puts_params_first_and_blanks_behind_commas() -> None:
    talk = working(firmware("cgminer"))
    talk.submit()
    assert talk.writes[-1].startswith(b'{"params": ["t.w", "1", "')
    assert talk.writes[-1].endswith(b'"], "id": 3, "method": "mining.submit"}\n')


def test_ids_are_strings_or_repeat_where_the_firmware_has_it_so() -> None:
    assert working(firmware("string-ids")).submit()["id"] == "request-4"
    talk = working(firmware("cpuminer"))
    first, second = talk.submit(), talk.submit()
    assert first["id"] == second["id"] == 4
    talk.answer(first, True)
    talk.answer(second, None, [21, "Stale", None])
    assert talk.settled == [None, 21]


def test_a_difficulty_counts_from_the_next_notify() -> None:
    talk = working()
    talk.tell("mining.set_difficulty", 8)
    assert talk.find().order.difficulty == EASY
    talk.notify("2", clean=False)
    assert talk.session.search is not None
    assert talk.session.search.difficulty == Difficulty(8.0)


def test_antminer_rounds_a_difficulty_down_to_a_power_of_two() -> None:
    talk = working(firmware("antminer"))
    talk.tell("mining.set_difficulty", 1000)
    talk.notify("2")
    assert talk.session.search is not None
    assert talk.session.search.difficulty == Difficulty(512.0)


def test_an_extranonce_counts_from_the_next_notify_even_under_the_same_job_id() -> None:
    talk = working(firmware("bitaxe"))
    talk.tell("mining.set_extranonce", "0a0b", 4)
    assert talk.find().order.extranonce1.hex() == "01020304"
    talk.notify("1")
    found = talk.find()
    assert (found.order.extranonce1.hex(), len(found.extranonce2)) == ("0a0b", 4)


def test_cgminer_does_not_know_set_extranonce() -> None:
    talk = working(firmware("cgminer"))
    talk.tell("mining.set_extranonce", "0a0b", 4)
    talk.notify("2")
    assert talk.find().order.extranonce1.hex() == "01020304"
    assert talk.counters.violations.total() == 1


@pytest.mark.parametrize(("name", "mask"), [("antminer", 0x2000), ("deaf-to-mask", 0x1FFFE000)])
def test_a_mask_counts_at_once_unless_the_firmware_is_deaf(name: str, mask: int) -> None:
    talk = working(firmware(name))
    talk.tell("mining.set_version_mask", "00002000")
    assert talk.find().order.mask == mask
    assert talk.counters.set_version_masks == 1


def test_a_mask_shrunk_to_nothing_still_sends_the_sixth_parameter() -> None:
    talk = working(firmware("antminer"))
    talk.tell("mining.set_version_mask", "00000000")
    assert talk.submit()["params"][5] == "00000000"


def test_a_pool_that_refuses_configure_gets_five_parameters() -> None:
    talk = Talk(firmware("antminer"))
    talk.answer(talk.said[0], None, [-3, "Method not found", None])
    talk.answer(talk.said[1], [[], "01020304", 8])
    talk.answer(talk.said[2], True)
    talk.answer(talk.said[3], True)
    talk.tell("mining.set_difficulty", EASY)
    talk.notify()
    assert len(talk.submit()["params"]) == 5


def test_whatsminer_goes_when_a_configure_key_is_missing() -> None:
    talk = Talk(firmware("whatsminer"))
    talk.answer(talk.said[0], {"version-rolling": True, "version-rolling.mask": "1fffe000"})
    assert talk.session.leaving == "configure key missing"
    assert talk.counters.violations["configure key missing"] == 3


def test_nicehash_goes_when_the_error_key_is_missing() -> None:
    talk = Talk(firmware("nicehash"))
    talk.hear({"id": talk.said[0]["id"], "result": {"version-rolling": False}})
    assert talk.session.leaving == "no error key"


def test_nicehash_goes_when_extranonce2_is_too_small() -> None:
    talk = Talk(firmware("nicehash"))
    talk.answer(talk.said[0], {})
    talk.answer(talk.said[1], [[], "01020304", 3])
    assert talk.session.leaving == "extranonce2 too small"


def test_cgminer_keeps_shares_to_itself_when_extranonce2_is_too_wide() -> None:
    talk = Talk(firmware("cgminer"))
    talk.answer(talk.said[0], [[], "01020304", 9])
    talk.answer(talk.said[1], True)
    talk.tell("mining.set_difficulty", EASY)
    talk.notify()
    assert talk.session.submit(talk.find()) == b""
    assert (talk.counters.found, talk.counters.withheld, talk.counters.submitted) == (1, 1, 0)


def test_avalon_cuts_its_name() -> None:
    talk = Talk(firmware("avalon"), "n" * 200)
    talk.shake_hands()
    [name] = [said["params"][0] for said in talk.said if said["method"] == "mining.authorize"]
    assert name == "n" * 63


def test_jobs_too_big_for_a_firmware_are_ignored_and_counted() -> None:
    big = Chain(PoolSettings(coinbase_bytes=900, branches=40), 1, lambda: 1.0).template()
    for name in ("antminer", "bitaxe", "nerdminer"):
        talk = working(firmware(name))
        talk.tell("mining.notify", *big.notify("big", 12, True))
        assert talk.session.search is not None
        assert talk.session.search.order.notice.job_id == "1"
        assert talk.counters.violations.total() == 1


def test_answers_out_of_order_are_a_violation() -> None:
    talk = working()
    first, second = talk.submit(), talk.submit()
    talk.answer(second, True)
    assert talk.counters.violations == {"answers to submits out of order": 1}
    talk.answer(first, True)
    assert talk.counters.violations.total() == 1
    assert talk.counters.accepted == 2


def test_an_answer_given_twice_is_a_violation() -> None:
    talk = working()
    request = talk.submit()
    talk.answer(request, True)
    talk.answer(request, True)
    assert talk.counters.violations == {"answer to nothing that was asked": 1}
    assert talk.counters.accepted == 1


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"result": None, "error": [23, "Low", None]}, 23),
        ({"result": False, "error": [22, "Duplicate", None]}, 22),
        ({"result": None, "error": "Stale"}, 0),
        ({"result": None, "error": {"code": 24, "message": "who"}}, 24),
        ({"result": False, "error": None, "reject-reason": "Stale"}, 0),
        ({"result": False}, 0),
        ({"result": None, "error": []}, 0),
        ({"result": "yes", "error": None}, 0),
    ],
)
def test_refusals_are_understood_in_all_shapes(answer: dict[str, object], code: int) -> None:
    talk = working()
    talk.hear({"id": talk.submit()["id"], **answer})
    assert talk.counters.rejected == {code: 1}
    assert talk.settled == [code]


def test_shares_without_an_answer_are_counted_at_the_end() -> None:
    talk = working()
    talk.submit()
    talk.submit()
    talk.session.close()
    assert (talk.counters.submitted, talk.counters.answered, talk.counters.unanswered) == (2, 0, 2)


def test_memory_stays_bounded_when_nothing_is_ever_answered() -> None:
    talk = working()
    found = talk.find()
    for _ in range(5000):
        talk.session.submit(found)
    assert talk.session.pending == 4096
    assert talk.counters.unanswered == 5000 - 4096


def test_requests_of_the_pool_are_answered() -> None:
    talk = working()
    talk.hear(b'{"id":"p","method":"mining.ping","params":[]}')
    talk.hear(b'{"id":9,"method":"client.get_version"}')
    assert talk.said[-2:] == [
        {"id": "p", "result": "pong", "error": None},
        {"id": 9, "result": "Antminer S19/Simulated", "error": None},
    ]


def test_only_some_obey_client_reconnect() -> None:
    obedient, stubborn = working(firmware("bitaxe")), working(firmware("cgminer"))
    for talk in (obedient, stubborn):
        talk.tell("client.reconnect", "pool.example.net", 3333, 1)
        assert talk.counters.reconnects_asked == 1
    assert (obedient.session.leaving, stubborn.session.leaving) == ("client.reconnect", None)


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["1"],
        ["1", "00", "", "", [], "20000000", "1d00ffff", "68000000", True],
        ["1", "z" * 64, "", "", [], "20000000", "1d00ffff", "68000000", True],
        ["1", "00" * 32, "0", "", [], "20000000", "1d00ffff", "68000000", True],
        ["1", "00" * 32, "", "", ["00"], "20000000", "1d00ffff", "68000000", True],
        ["1", "00" * 32, "", "", ["00" * 32] * 65, "20000000", "1d00ffff", "68000000", True],
        ["1", "00" * 32, "", "", {}, "20000000", "1d00ffff", "68000000", True],
        ["1", "00" * 32, "", "", [], 5, "1d00ffff", "68000000", True],
        ["1", "00" * 32, "", "", [], "20000000", "1d00ffff", "68000000", "true"],
        [1, "00" * 32, "", "", [], "20000000", "1d00ffff", "68000000", True],
    ],
)
def test_a_malformed_notify_changes_nothing(params: list[object]) -> None:
    talk = working()
    before = talk.session.search
    talk.tell("mining.notify", *params)
    assert talk.session.search is before
    assert talk.counters.violations == {"malformed notify": 1}


def test_clean_is_the_last_of_however_many_parameters() -> None:
    talk = working()
    talk.tell("mining.notify", *WORK.notify("x", 12, True)[:8], "more", {}, False)
    assert talk.session.search is not None
    assert (talk.session.search.order.notice.job_id, talk.counters.clean_jobs) == ("x", 1)


CONVERSATION = b"".join(
    msgspec.json.encode(message) + b"\n"
    for message in (
        {"id": 1, "result": {"version-rolling": True, "version-rolling.mask": "1fffe000"}, "error": None},
        {"id": 2, "result": [[["mining.notify", "s"]], "01020304", 8], "error": None},
        {"id": 3, "result": True, "error": None},
        {"id": None, "method": "mining.set_difficulty", "params": [EASY]},
        {"id": None, "method": "mining.notify", "params": WORK.notify("1", 12, True)},
    )
)


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=30))
def test_chunking_never_changes_the_conversation(cuts: list[int]) -> None:
    def heard(edges: list[int]) -> tuple[list[dict[str, Any]], object]:
        talk, lines = Talk(firmware("avalon")), LineBuffer(1 << 20)
        for start, end in pairwise(edges):
            for line in lines.feed(CONVERSATION[start:end]):
                talk.hear(line)
        return talk.said, talk.session.search.order if talk.session.search else None

    whole = heard([0, len(CONVERSATION)])
    assert whole[1] is not None
    assert heard(sorted({0, len(CONVERSATION), *cuts})) == whole
    assert heard(list(range(len(CONVERSATION) + 1))) == whole


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
METHODS = ["notify", "set_difficulty", "set_extranonce", "set_version_mask", "ping", "x"]


@given(
    st.lists(
        st.binary(max_size=60)
        | st.builds(lambda i, r, e: {"id": i, "result": r, "error": e}, json_values, json_values, json_values)
        | st.builds(lambda i, r: {"id": i, "result": r}, st.integers(1, 5), json_values)
        | st.builds(
            lambda m, p: {"method": f"mining.{m}", "params": p}, st.sampled_from(METHODS), json_values
        )
    )
)
def test_nothing_that_a_pool_says_raises(messages: list[bytes | dict[str, object]]) -> None:
    talk = working()
    for message in messages:
        try:
            line = message if isinstance(message, bytes) else msgspec.json.encode(message)
        except (OverflowError, UnicodeEncodeError):
            continue  # integers and surrogates that cannot be written as JSON
        talk.session.receive(line)
    talk.session.close()
