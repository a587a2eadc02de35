"""What pools say: a message or a ``ProtocolViolation``, never anything else."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ProtocolViolation
from proxy.stratum.jsonrpc import notification_line, request_line
from proxy.stratum.tell import NotifyTemplate, set_difficulty, set_extranonce, set_version_mask, wire_prevhash
from proxy.stratum.upstream import (
    Bounds,
    Ignored,
    Notify,
    Query,
    Reconnect,
    Refusal,
    Reply,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    granted_mask,
    parse,
    subscribed,
)

METHODS = [
    "mining.notify",
    "mining.set_difficulty",
    "mining.set_extranonce",
    "mining.set_version_mask",
    "client.reconnect",
    "client.show_message",
    "client.get_version",
    "mining.ping",
    "mining.nonsense",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("00" * 32),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
NOTIFY = [
    "job",
    "0123456789abcdef" * 4,
    "01" * 40,
    "02" * 30,
    ["03" * 32],
    "20000000",
    "170331db",
    "64c25820",
    True,
]


def line(method: str, params: Any, identity: Any = None) -> bytes:
    return json.dumps({"id": identity, "method": method, "params": params}).encode()


# --- only ProtocolViolation -------------------------------------------------------------------------------


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_a_violation(data: bytes) -> None:
    with suppress(ProtocolViolation):
        parse(data)


@given(value=json_values)
def test_arbitrary_json_raises_nothing_but_a_violation(value: Any) -> None:
    with suppress(ProtocolViolation):
        parse(json.dumps(value).encode())
    with suppress(ProtocolViolation):
        subscribed(value)
    granted_mask(value)


@given(
    method=st.sampled_from(METHODS), params=st.lists(json_values, max_size=10) | json_values, id=json_values
)
def test_every_method_survives_every_parameter(method: str, params: Any, id: Any) -> None:
    with suppress(ProtocolViolation):
        parse(line(method, params, id))


@given(place=st.integers(0, 8), value=json_values)
def test_a_notify_with_one_strange_member_is_a_notify_or_a_violation(place: int, value: Any) -> None:
    with suppress(ProtocolViolation):
        assert isinstance(
            parse(line("mining.notify", [*NOTIFY[:place], value, *NOTIFY[place + 1 :]])), Notify
        )


@given(id=json_values, result=json_values, error=json_values, reason=json_values)
def test_every_reply_is_a_reply_or_a_violation(id: Any, result: Any, error: Any, reason: Any) -> None:
    message = {"id": id, "result": result, "error": error, "reject-reason": reason}
    with suppress(ProtocolViolation):
        assert isinstance(parse(json.dumps(message).encode()), Reply)


HUGE = b"9" * 5000
DEEP = b"[" * 700 + b"]" * 700


@pytest.mark.parametrize(
    "value", [HUGE, b"9" * 400, DEEP, b"1e400", b"-1e400", b"NaN", b"true", b'"\\ud800"', b"{}"]
)
@pytest.mark.parametrize(
    "frame",
    [
        b'{"id":null,"method":"mining.set_difficulty","params":[%b]}',
        b'{"id":null,"method":"mining.set_extranonce","params":["00",%b]}',
        b'{"id":null,"method":"mining.set_version_mask","params":[%b]}',
        b'{"id":null,"method":"client.reconnect","params":["h",%b,%b]}',
        b'{"id":null,"method":"client.reconnect","params":[%b]}',
        b'{"id":null,"method":"client.show_message","params":[%b]}',
        b'{"id":null,"method":"mining.notify","params":[%b,%b,%b,%b,%b,%b,%b,%b,%b]}',
        b'{"id":4,"result":%b}',
        b'{"id":4,"result":null,"error":%b}',
        b'{"id":4,"result":null,"error":[%b,%b]}',
        b'{"id":4,"result":null,"error":{"code":%b,"message":%b}}',
        b'{"id":%b,"result":true}',
        b'{"id":%b,"method":"client.get_version"}',
        b'{"id":1,"method":%b}',
    ],
)
def test_numbers_and_nesting_beyond_reason_raise_nothing_but_a_violation(frame: bytes, value: bytes) -> None:
    with suppress(ProtocolViolation):
        parse(frame.replace(b"%b", value))


# --- notify ---------------------------------------------------------------------------------------------


def test_a_notify_is_read_and_its_words_are_unswapped() -> None:
    job = parse(line("mining.notify", NOTIFY))
    assert isinstance(job, Notify)
    assert (job.job_id, job.coinb1, job.coinb2) == ("job", b"\x01" * 40, b"\x02" * 30)
    assert job.prevhash.hex() == "67452301efcdab89" * 4
    assert job.branches == (b"\x03" * 32,)
    assert (job.version, job.nbits, job.ntime, job.clean) == (0x20000000, 0x170331DB, 0x64C25820, True)


@pytest.mark.parametrize(
    ("clean", "expected"), [(True, True), (False, False), (1, True), (None, False), ([], False)]
)
def test_the_clean_flag_is_the_last_of_however_many(clean: Any, expected: bool) -> None:
    for more in ([], ["extra"], [1, 2, 3]):
        job = parse(line("mining.notify", [*NOTIFY[:8], *more, clean]))
        assert isinstance(job, Notify)
        assert job.clean is expected


@pytest.mark.parametrize("job_id", ["0xc01490b3b0_184", "ü🦫", " ", "x" * 64, '"\\'])
def test_job_ids_are_opaque(job_id: str) -> None:
    job = parse(line("mining.notify", [job_id, *NOTIFY[1:]]))
    assert isinstance(job, Notify)
    assert json.loads(request_line(1, "mining.submit", [job.job_id]))["params"] == [job_id]


@pytest.mark.parametrize(
    ("place", "bad"),
    [
        (0, ""),
        (0, "x" * 65),
        (0, 7),
        (0, None),
        (1, "00" * 31),
        (1, "0 " * 32),
        (2, "0"),
        (2, None),
        (3, "zz"),
        (3, "00" * 100_001),
        (4, None),
        (4, ["00"]),
        (4, ["00" * 32] * 33),
        (4, {"a": 1}),
        (5, 0x20000000),
        (5, "0x200000"),
        (6, "170331d"),
        (7, "64c2_820"),
        (7, None),
    ],
)
def test_a_notify_with_impossible_content_is_a_violation(place: int, bad: Any) -> None:
    with pytest.raises(ProtocolViolation):
        parse(line("mining.notify", [*NOTIFY[:place], bad, *NOTIFY[place + 1 :]]))


def test_a_notify_without_nine_members_is_a_violation() -> None:
    with pytest.raises(ProtocolViolation):
        parse(line("mining.notify", NOTIFY[:8]))


words = st.integers(0, 0xFFFFFFFF)


@given(
    prevhash=st.binary(min_size=32, max_size=32),
    coinb1=st.binary(max_size=80),
    coinb2=st.binary(max_size=80),
    branches=st.lists(st.binary(min_size=32, max_size=32), max_size=4),
    version=words,
    nbits=words,
    ntime=words,
    clean=st.booleans(),
)
def test_a_notify_that_we_write_reads_back_as_it_was(
    prevhash: bytes,
    coinb1: bytes,
    coinb2: bytes,
    branches: list[bytes],
    version: int,
    nbits: int,
    ntime: int,
    clean: bool,
) -> None:
    template = NotifyTemplate(prevhash, coinb1, coinb2, branches, version, nbits)
    job = parse(template.line("0a1b", ntime, clean=clean).rstrip(b"\n"))
    assert job == Notify("0a1b", prevhash, coinb1, coinb2, tuple(branches), version, nbits, ntime, clean)


def test_the_word_swap_of_a_real_block_hash_is_undone() -> None:
    wire = "221a7d5aeda279d8b8455fe56c8dc7d05582575d00038fbf0000000000000000"
    job = parse(line("mining.notify", [NOTIFY[0], wire, *NOTIFY[2:]]))
    assert isinstance(job, Notify)
    assert job.prevhash.hex() == "5a7d1a22d879a2ede55f45b8d0c78d6c5d578255bf8f03000000000000000000"
    assert wire_prevhash(job.prevhash) == wire


# --- numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 0.001, 2**33, 65536.5, 2.0**-28, 2.0**60])
def test_difficulties_of_every_size_are_taken(value: float) -> None:
    assert parse(line("mining.set_difficulty", [value])) == SetDifficulty(float(value), float(value))


@pytest.mark.parametrize(("value", "taken"), [(1e-9, 1.0), (0.5, 1.0), (1e30, 4.0), (5, 4.0), (2, 2.0)])
def test_a_difficulty_out_of_bounds_is_brought_within(value: float, taken: float) -> None:
    bounds = Bounds(difficulty_least=1.0, difficulty_most=4.0)
    assert parse(line("mining.set_difficulty", [value]), bounds) == SetDifficulty(taken, float(value))


def test_a_coinbase_is_bounded_as_a_whole() -> None:
    bounds = Bounds(coinbase=100)
    fits = [*NOTIFY[:2], "00" * 60, "00" * 40, *NOTIFY[4:]]
    assert isinstance(parse(line("mining.notify", fits), bounds), Notify)
    longer = [*NOTIFY[:2], "00" * 60, "00" * 41, *NOTIFY[4:]]
    with pytest.raises(ProtocolViolation, match="coinbase"):
        parse(line("mining.notify", longer), bounds)


@pytest.mark.parametrize("value", [0, -1, True, None, "1024", [], 1e300, 10**400, -0.0])
def test_impossible_difficulties_are_violations(value: Any) -> None:
    with pytest.raises(ProtocolViolation):
        parse(line("mining.set_difficulty", [value]))


@pytest.mark.parametrize("size", range(2, 17))
def test_every_extranonce2_size_of_the_field_is_taken(size: int) -> None:
    assert parse(line("mining.set_extranonce", ["a1b2", size])) == SetExtranonce(b"\xa1\xb2", size)


@pytest.mark.parametrize(
    ("extranonce1", "size"),
    [
        ("a1", 1),
        ("a1", 17),
        ("a1", -4),
        ("a1", True),
        ("a1", 4.0),
        ("a1", "4"),
        ("a1", None),
        ("a", 4),
        ("a1" * 33, 4),
        (None, 4),
        (7, 4),
        ("a1", 2**70),
    ],
)
def test_extranonces_that_no_miner_could_use_are_violations(extranonce1: Any, size: Any) -> None:
    with pytest.raises(ProtocolViolation):
        parse(line("mining.set_extranonce", [extranonce1, size]))
    with pytest.raises(ProtocolViolation):
        subscribed([[], extranonce1, size])


@pytest.mark.parametrize("text", ["1fffe000", "1FFFE000"])
def test_a_mask_is_read(text: str) -> None:
    assert parse(line("mining.set_version_mask", [text])) == SetVersionMask(0x1FFFE000)


@pytest.mark.parametrize("bad", [None, 0x1FFFE000, "1fffe0001", "1f_fe000", True])
def test_a_mask_that_is_none_is_a_violation(bad: Any) -> None:
    with pytest.raises(ProtocolViolation):
        parse(line("mining.set_version_mask", [bad]))


# --- subscribe and configure replies ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "session"),
    [
        ([["mining.set_difficulty", "a"], ["mining.notify", "b"]], "b"),
        ([["mining.notify", "b"], ["mining.set_difficulty", "a"]], "b"),
        (["mining.notify", "b"], "b"),
        ([["mining.notify", "b"]], "b"),
        ([["mining.set_difficulty", "a"]], None),
        ([], None),
        (None, None),
        ("x", None),
        ([[], [["mining.notify", "b"]], 7], None),
        ([["mining.notify", 7]], None),
    ],
)
def test_every_shape_of_the_subscribe_result_is_read(first: Any, session: str | None) -> None:
    offer = subscribed([first, "a1b2c3d4", 4])
    assert (offer.session_id, offer.extranonce1, offer.extranonce2_size) == (session, b"\xa1\xb2\xc3\xd4", 4)


@pytest.mark.parametrize("result", [None, True, [], [[], "a1"], {}, "a1"])
def test_a_subscribe_result_without_extranonce_is_a_violation(result: Any) -> None:
    with pytest.raises(ProtocolViolation):
        subscribed(result)


@pytest.mark.parametrize(
    ("result", "mask"),
    [
        ({"version-rolling": True, "version-rolling.mask": "1fffe000"}, 0x1FFFE000),
        ({"version-rolling": True, "version-rolling.mask": "fffe000"}, 0x0FFFE000),
        ({"version-rolling": False, "version-rolling.mask": "1fffe000"}, None),
        ({"version-rolling": "not here", "version-rolling.mask": "1fffe000"}, None),
        ({"version-rolling": True}, None),
        ({"version-rolling": True, "version-rolling.mask": 7}, None),
        ({}, None),
        (True, None),
        (None, None),
    ],
)
def test_a_mask_is_granted_only_by_a_true_and_a_mask(result: Any, mask: int | None) -> None:
    assert granted_mask(result) == mask


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        (b'{"id":4,"result":false,"error":[21,"Job not found",null]}', Refusal(21, "Job not found")),
        (b'{"id":4,"result":null,"error":[23,"Low"]}', Refusal(23, "Low")),
        (b'{"id":4,"result":null,"error":"Stale"}', Refusal(None, "Stale")),
        (b'{"id":4,"result":null,"error":{"code":22,"message":"Duplicate"}}', Refusal(22, "Duplicate")),
        (b'{"id":4,"result":false,"reject-reason":"Above target"}', Refusal(None, "Above target")),
        (b'{"reject-reason":"Stale","error":null,"result":false,"id":4}', Refusal(None, "Stale")),
        (b'{"id":4,"result":false,"error":null}', Refusal(None, "refused without a reason")),
        (b'{"id":4,"error":[20,"no",null]}', Refusal(20, "no")),
        (b'{"id":4,"result":null,"error":[true,"no"]}', Refusal(None, "no")),
        (b'{"id":4,"result":true,"error":["20","no"]}', Refusal(None, "no")),
        (b'{"id":4,"result":true,"error":null}', None),
        (b'{"id":4,"result":true}', None),
    ],
)
def test_all_shapes_of_refusal_are_read(text: bytes, refusal: Refusal | None) -> None:
    reply = parse(text)
    assert isinstance(reply, Reply)
    assert (reply.id, reply.refusal) == (4, refusal)


@pytest.mark.parametrize("error", [b"[20," + HUGE + b"]", HUGE, b"1e400"])
def test_an_error_that_cannot_be_read_is_a_refusal_all_the_same(error: bytes) -> None:
    reply = parse(b'{"id":4,"result":null,"error":' + error + b"}")
    assert isinstance(reply, Reply)
    assert reply.refusal is not None


@pytest.mark.parametrize("identity", [b'"4"', b"4.0", b"true", b"null"])
def test_a_reply_under_another_kind_of_id_answers_nothing_of_ours(identity: bytes) -> None:
    reply = parse(b'{"id":' + identity + b',"result":true}')
    assert isinstance(reply, Reply)
    assert reply.id is None


# --- the rest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (["pool.example", 3333, 5], Reconnect("pool.example", 3333, 5.0)),
        (["pool.example", "3333", 0], Reconnect("pool.example", 3333, 0.0)),
        (["", "", ""], Reconnect(None, None, 0.0)),
        ([], Reconnect(None, None, 0.0)),
        (None, Reconnect(None, None, 0.0)),
        ([None, None, None], Reconnect(None, None, 0.0)),
        (["h", 0], Reconnect("h", None, 0.0)),
        (["h", 70000], Reconnect("h", None, 0.0)),
        (["h", -1], Reconnect("h", None, 0.0)),
        (["h", True, 1e9], Reconnect("h", None, 0.0)),
        (["h", "٣٣"], Reconnect("h", None, 0.0)),
    ],
)
def test_any_member_of_a_reconnect_may_be_missing(params: Any, expected: Reconnect) -> None:
    assert parse(line("client.reconnect", params)) == expected


def test_calls_want_an_answer_and_unknown_notifications_none() -> None:
    assert parse(line("client.get_version", [], 7)) == Query(b"7", "client.get_version")
    assert parse(line("mining.ping", [], "x")) == Query(b'"x"', "mining.ping")
    assert parse(line("mining.nonsense", [])) == Ignored("mining.nonsense")
    assert parse(line("client.show_message", ["hello"])) == ShowMessage("hello")


@pytest.mark.parametrize(
    "text", [b"{}", b'{"id":4}', b'{"id":4,"error":null}', b"[]", b"HTTP/1.1 400", b"\x15\x03\x01"]
)
def test_what_is_no_message_is_a_violation(text: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        parse(text)


# --- what we say --------------------------------------------------------------------------------------------


def test_notifications_carry_a_null_id() -> None:
    assert json.loads(notification_line("a", [1])) == {"id": None, "method": "a", "params": [1]}


@pytest.mark.parametrize(
    ("value", "text"), [(8192.0, b"[8192]"), (0.5, b"[0.5]"), (2.0**60, b"[1152921504606846976]")]
)
def test_whole_difficulties_are_written_without_a_fraction(value: float, text: bytes) -> None:
    assert text in set_difficulty(value)


@given(value=st.integers(-60, 199).map(lambda power: 2.0**power))
def test_difficulties_we_write_read_back_exactly(value: float) -> None:
    wide = Bounds(difficulty_least=0.0, difficulty_most=2.0**200)
    assert parse(set_difficulty(value), wide) == SetDifficulty(value, value)


@given(mask=words, extranonce1=st.binary(max_size=8), size=st.integers(2, 8))
def test_masks_and_extranonces_we_write_read_back(mask: int, extranonce1: bytes, size: int) -> None:
    assert parse(set_version_mask(mask)) == SetVersionMask(mask)
    assert parse(set_extranonce(extranonce1, size)) == SetExtranonce(extranonce1, size)
