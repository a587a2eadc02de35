"""What miners say, in all its shapes: nothing raises, ids come back as they came."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.stratum.downstream import (
    Answer,
    Authorize,
    BadSubmit,
    Bounds,
    Configure,
    GetVersion,
    MultiVersion,
    Ping,
    Submit,
    Subscribe,
    SubscribeExtranonce,
    SuggestDifficulty,
    SuggestTarget,
    Unknown,
    parse,
)
from proxy.stratum.jsonrpc import MOST_ID_BYTES, Malformed, error_line, result_line
from proxy.stratum.sizes import MOST_NAME

METHODS = [
    "mining.submit",
    "mining.subscribe",
    "mining.authorize",
    "mining.configure",
    "mining.extranonce.subscribe",
    "mining.suggest_difficulty",
    "mining.suggest_target",
    "mining.multi_version",
    "client.get_version",
    "mining.ping",
    "mining.pong",
    "mining.get_transactions",
    "mining.suggest_difficulty(12)",
    "",
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def line(method: str, params: Any = ..., identity: Any = 1) -> bytes:
    message: dict[str, Any] = {"id": identity, "method": method}
    if params is not ...:
        message["params"] = params
    return json.dumps(message).encode()


# --- nothing raises ---------------------------------------------------------------------------------------


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    parse(data)


@given(value=json_values)
def test_arbitrary_json_never_raises(value: Any) -> None:
    parse(json.dumps(value).encode())


@given(method=st.sampled_from(METHODS), params=json_values, identity=json_values)
def test_every_method_survives_every_parameter_and_every_id(method: str, params: Any, identity: Any) -> None:
    parse(line(method, params, identity))


@given(method=st.sampled_from(METHODS), params=st.lists(json_values, max_size=8))
def test_every_method_survives_every_list_of_parameters(method: str, params: list[Any]) -> None:
    parse(line(method, params))


@given(message=st.sampled_from(METHODS).map(lambda m: line(m, ["a", "b", {"c": 1.5}])), data=st.data())
def test_a_message_cut_or_flipped_anywhere_never_raises(message: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(message) - 1))
    parse(message[:at])
    parse(message[:at] + bytes([data.draw(st.integers(0, 255))]) + message[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 8192,
        b'{"a":' * 4000,
        b'{"id":1,"method":"mining.submit","params":' + b"[" * 3000,
        b'{"id":1,"method":"mining.submit","params":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"id":1,"method":"mining.submit","params":[' + b"9" * 3000 + b"]}",
        b'{"id":1,"method":"mining.suggest_difficulty","params":[1e400]}',
        b'{"id":1,"method":"mining.suggest_difficulty","params":[NaN]}',
        b'{"id":1,"method":"\\ud800","params":[]}',
        b'{"id":1,"method":"mining.authorize","params":["\\udfff","\\ud800\\ud800"]}',
        b'\xef\xbb\xbf{"id":1,"method":"mining.ping"}',
        '{"id":1,"method":"mining.ping"}'.encode("utf-16"),
        b"GET / HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"null",
        b"[]",
        b'""',
        b"{}",
        b'{"id":1}',
        b'{"id":1,"method":7,"params":[]}',
        b'{"id":1,"method":"mining.ping"} trailing',
    ],
)
def test_what_is_no_message_is_malformed_or_harmless(text: bytes) -> None:
    request = parse(text)
    assert isinstance(request, Malformed | BadSubmit | SuggestDifficulty)
    if isinstance(request, SuggestDifficulty):
        assert request.difficulty is None


# --- ids ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "identity",
    [
        b"1",
        b"0",
        b"-7",
        b"1.5",
        b"1.50",
        b"1e3",
        b"18446744073709551615",
        b"-9223372036854775808",
        b'"abc"',
        b'"\\u0041"',
        b'""',
        b'"1"',
        b"null",
    ],
)
def test_ids_come_back_byte_for_byte(identity: bytes) -> None:
    request = parse(b'{"id": ' + identity + b' ,"method":"mining.ping","params":[]}')
    assert request == Ping(identity)
    assert result_line(request.id, b"true").startswith(b'{"id":' + identity + b",")
    json.loads(error_line(request.id, 20, 'quotes " and \n newlines'))


@pytest.mark.parametrize("identity", [b"[1]", b'{"a":1}', b'"' + b"x" * MOST_ID_BYTES + b'"', b"9" * 65])
def test_ids_that_cannot_be_echoed_are_malformed_and_answered_with_null(identity: bytes) -> None:
    request = parse(b'{"id":' + identity + b',"method":"mining.ping","params":[]}')
    assert isinstance(request, Malformed)
    assert request.id == b"null"


@given(
    identity=st.none()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(max_codepoint=126), max_size=9)
)
def test_every_scalar_id_makes_the_round_trip(identity: Any) -> None:
    request = parse(line("client.get_version", [], identity))
    assert isinstance(request, GetVersion | Malformed)
    if isinstance(request, GetVersion):
        assert request.id == json.dumps(identity).encode()
        assert json.loads(result_line(request.id, b"1")) == {"id": identity, "result": 1, "error": None}
    else:
        assert len(json.dumps(identity)) > MOST_ID_BYTES


def test_a_missing_id_is_null() -> None:
    assert parse(b'{"method":"mining.ping"}') == Ping(b"null")


def test_key_order_and_unknown_keys_do_not_matter() -> None:
    text = b'{"jsonrpc":"2.0","params":["w","p"],"extra":{"a":[1]},"method":"mining.authorize","id":7}'
    assert parse(text) == Authorize(b"7", "w", "p")


# --- subscribe and authorize ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "agent", "session"),
    [
        ([], "", None),
        (None, "", None),
        (..., "", None),
        ({}, "", None),
        ("cgminer", "", None),
        (["cgminer/4.12"], "cgminer/4.12", None),
        (["cgminer/4.12", None], "cgminer/4.12", None),
        (["cgminer/4.12", ""], "cgminer/4.12", None),
        (["cgminer/4.12", "abc"], "cgminer/4.12", "abc"),
        ([None, "abc"], "", "abc"),
        ([7, 8], "", None),
        (["NiceHash/1.0.0", "abc", 1700000000, "f00d"], "NiceHash/1.0.0", "abc"),
        (["NiceHash/1.0.0", None, 1700000000, "f00d"], "NiceHash/1.0.0", None),
        (["agent", "abc", "pool.example", 3333], "agent", "abc"),
    ],
)
def test_every_shape_of_subscribe_is_read(params: Any, agent: str, session: str | None) -> None:
    assert parse(line("mining.subscribe", params)) == Subscribe(b"1", agent, session)


@pytest.mark.parametrize(
    ("params", "worker", "password"),
    [
        (["w", "p"], "w", "p"),
        (["w"], "w", ""),
        (["w", None], "w", ""),
        (["w", 123], "w", ""),
        ([], "", ""),
        (None, "", ""),
        ([{"w": 1}, []], "", ""),
    ],
)
def test_every_shape_of_authorize_is_read(params: Any, worker: str, password: str) -> None:
    assert parse(line("mining.authorize", params)) == Authorize(b"1", worker, password)


def test_names_are_cut_where_nobody_needs_more() -> None:
    request = parse(line("mining.authorize", ["w" * 5000, "p" * 5000]))
    assert request == Authorize(b"1", "w" * MOST_NAME, "p" * MOST_NAME)


def test_names_may_be_longer_where_a_site_says_so() -> None:
    bounds = Bounds(text=300)
    name = "w" * 299
    assert parse(line("mining.authorize", [name, "p" * 500]), bounds) == Authorize(b"1", name, "p" * 300)
    submit = parse(line("mining.submit", [name + "xy", "j", "00", "00000000", "00000000"]), bounds)
    assert isinstance(submit, Submit)
    assert submit.worker == name + "x"
    subscribe = parse(line("mining.subscribe", [name + "xy", name + "xy"]), bounds)
    assert subscribe == Subscribe(b"1", name + "x", name + "x")


def test_names_may_not_be_cut_shorter_than_the_lane_takes_them() -> None:
    with pytest.raises(ValueError, match="at least 256"):
        Bounds(text=255)


def test_a_line_may_be_as_deep_as_a_site_says() -> None:
    deep = line("mining.ping", [[[[1]]]])
    assert isinstance(parse(deep), Malformed)
    assert parse(deep, Bounds(depth=5)) == Ping(b"1")


def test_a_name_that_was_cut_at_login_is_cut_alike_in_submits() -> None:
    login = parse(line("mining.authorize", ["w" * 300, ""]))
    submit = parse(line("mining.submit", ["w" * 300, "j", "00", "00000000", "00000000"]))
    assert isinstance(login, Authorize)
    assert isinstance(submit, Submit)
    assert submit.worker == login.worker


# --- configure ------------------------------------------------------------------------------------------


def configured(*params: Any) -> Configure:
    request = parse(line("mining.configure", list(params)))
    assert isinstance(request, Configure)
    return request


def test_configure_of_bip310_is_read() -> None:
    request = configured(
        ["version-rolling", "minimum-difficulty", "subscribe-extranonce", "info"],
        {
            "version-rolling.mask": "1fffe000",
            "version-rolling.min-bit-count": 2,
            "minimum-difficulty.value": 512,
        },
    )
    assert request.extensions == ("version-rolling", "minimum-difficulty", "subscribe-extranonce", "info")
    assert request.mask == 0x1FFFE000
    assert request.minimum_difficulty == 512


@pytest.mark.parametrize(
    "options", [{}, None, [], {"version-rolling.mask": None}, {"version-rolling.mask": 5}]
)
def test_no_mask_means_every_bit(options: Any) -> None:
    assert configured(["version-rolling"], options).mask == 0xFFFFFFFF


@pytest.mark.parametrize("mask", ["zz", "", "1fffe0000", "0x1fffe0", "1f ff"])
def test_a_mask_that_is_none_asks_for_nothing(mask: str) -> None:
    assert configured(["version-rolling"], {"version-rolling.mask": mask}).mask is None


def test_a_mask_without_its_leading_zeros_is_read() -> None:
    assert configured(["version-rolling"], {"version-rolling.mask": "c00000"}).mask == 0x00C00000


@pytest.mark.parametrize("asked", [None, {}, "version-rolling", [7, None], []])
def test_configure_without_readable_extensions_asks_for_nothing(asked: Any) -> None:
    assert configured(asked).extensions == ()


# --- submit ---------------------------------------------------------------------------------------------

GOOD = ["w", "job", "0a0b", "64c25820", "591d28da", "00092000"]


def test_a_submit_is_read_with_and_without_version_bits() -> None:
    six = Submit(b"1", "w", "job", b"\x0a\x0b", 0x64C25820, 0x591D28DA, 0x00092000)
    five = Submit(b"1", "w", "job", b"\x0a\x0b", 0x64C25820, 0x591D28DA, None)
    assert parse(line("mining.submit", GOOD)) == six
    assert parse(line("mining.submit", GOOD[:5])) == five
    assert parse(line("mining.submit", [*GOOD[:5], None])) == five
    assert parse(line("mining.submit", [*GOOD, "more", 7])) == six


def test_upper_case_is_the_same_share() -> None:
    assert parse(line("mining.submit", [*GOOD[:2], *(text.upper() for text in GOOD[2:])])) == parse(
        line("mining.submit", GOOD)
    )


NOT_HEX: list[Any] = [
    "",
    "64c2582",
    "064c25820",
    "64c2_820",
    "64c2 820",
    " 4c25820",
    "64c2582\n",
    "0x64c258",
    "0x4c2582",
    "+4c25820",
    "-4c25820",
    "64c2582g",
    "６４ｃ２５８２０",
    "64c2582\u0660",
    "64c2582\u00b2",
    None,
    0x64C25820,
    1.5,
    True,
    ["64c25820"],
    {},
]


@pytest.mark.parametrize("bad", NOT_HEX)
@pytest.mark.parametrize("place", [3, 4, 5])
def test_hex_words_are_eight_plain_digits_and_nothing_else(place: int, bad: Any) -> None:
    params = [*GOOD[:place], bad, *GOOD[place + 1 :]]
    if place == 5 and bad is None:
        return  # no version bits at all
    assert isinstance(parse(line("mining.submit", params)), BadSubmit)


@pytest.mark.parametrize("bad", ["0", "0a0", "0_0a", "0 0a", "0x0a", "０a", "0a\n", None, 10, "00" * 33])
def test_extranonce2_is_whole_bytes_of_plain_digits(bad: Any) -> None:
    assert isinstance(parse(line("mining.submit", ["w", "job", bad, *GOOD[3:]])), BadSubmit)


@pytest.mark.parametrize("params", [None, ..., [], {}, "x", GOOD[:4], [None, *GOOD[1:]], ["w", 7, *GOOD[2:]]])
def test_a_submit_without_its_members_is_a_bad_submit_under_its_id(params: Any) -> None:
    request = parse(line("mining.submit", params, "abc"))
    assert isinstance(request, BadSubmit)
    assert request.id == b'"abc"'


@given(text=st.text(max_size=10))
def test_only_hex_digits_ever_make_a_word(text: str) -> None:
    request = parse(line("mining.submit", [*GOOD[:3], text, *GOOD[4:]]))
    is_word = len(text) == 8 and set(text) <= set("0123456789abcdefABCDEF")
    assert isinstance(request, Submit) == is_word
    if isinstance(request, Submit):
        assert request.ntime == int(text, 16)


# --- the rest ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "difficulty"),
    [
        (line("mining.suggest_difficulty", [512]), 512.0),
        (line("mining.suggest_difficulty", [0.0014]), 0.0014),
        (line("mining.suggest_difficulty", ["1024"]), 1024.0),
        (line("mining.suggest_difficulty(2048)", []), 2048.0),
        (line("mining.suggest_difficulty(2048", []), 2048.0),
        (line("mining.suggest_difficulty(0.5)", None), 0.5),
        (line("mining.suggest_difficulty(", []), None),
        (line("mining.suggest_difficulty(nan)", []), None),
        (line("mining.suggest_difficulty", [0]), None),
        (line("mining.suggest_difficulty", [-1]), None),
        (line("mining.suggest_difficulty", [True]), None),
        (line("mining.suggest_difficulty", ["inf"]), None),
        (line("mining.suggest_difficulty", ["1_0"]), None),
        (line("mining.suggest_difficulty", ["１０"]), None),
        (line("mining.suggest_difficulty", [[8]]), None),
        (line("mining.suggest_difficulty", []), None),
        (line("mining.suggest_difficulty", None), None),
    ],
)
def test_difficulty_hints_are_finite_numbers_above_zero(text: bytes, difficulty: float | None) -> None:
    assert parse(text) == SuggestDifficulty(b"1", difficulty)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("00000000ffff" + "00" * 26, 0xFFFF << 208),
        ("00" * 32, 0),
        ("ff", None),
        (7, None),
        ("0x" + "00" * 31, None),
    ],
)
def test_target_hints_are_256_bits_of_hex(target: Any, value: int | None) -> None:
    assert parse(line("mining.suggest_target", [target])) == SuggestTarget(b"1", value)


def test_the_small_methods_are_known() -> None:
    assert parse(line("mining.extranonce.subscribe", [])) == SubscribeExtranonce(b"1")
    assert parse(line("mining.multi_version", [4])) == MultiVersion(b"1")
    assert parse(line("client.get_version")) == GetVersion(b"1")
    assert parse(line("mining.ping", None)) == Ping(b"1")


@pytest.mark.parametrize(
    "method",
    [
        "mining.get_transactions",
        "mining.capabilities",
        "mining.hashrate",
        "eth_submitLogin",
        "eth_getWork",
        "Mining.Submit",
        "é",
    ],
)
def test_methods_nobody_serves_are_unknown_and_keep_their_id(method: str) -> None:
    assert parse(line(method, [1, 2], "x")) == Unknown(b'"x"', method)


@pytest.mark.parametrize(
    "text",
    [
        b'{"id":4,"result":"pumpjack","error":null}',
        b'{"id":4,"result":null}',
        b'{"id":4,"error":[20,"no",null]}',
        b'{"id":4,"result":false,"error":null}',
    ],
)
def test_replies_to_us_are_answers(text: bytes) -> None:
    assert parse(text) == Answer()
