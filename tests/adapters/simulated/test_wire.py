import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.simulated.wire import (
    Traffic,
    decoded,
    encoded,
    hex_bytes,
    hex_word,
    plain_number,
    real_number,
)
from proxy.units import Seconds


@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_an_object_or_nothing(line: bytes) -> None:
    message = decoded(line)
    assert message is None or isinstance(message, dict)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 8192,
        b'{"a":' * 8192,
        b'"text"',
        b"[]",
        b"null",
        b'{"id":1e400}',
        b'{"id":NaN}',
        b'{"id":"\xff"}',
        b'{"id":18446744073709551616000}',
        b"\xff\xfe{\x00}\x00",
    ],
)
def test_rubbish_is_nothing(line: bytes) -> None:
    assert decoded(line) is None


def test_keys_keep_their_order_and_blanks_are_those_of_jansson() -> None:
    message = {"params": ["a", 1], "id": 4, "method": "m"}
    assert encoded(message) == b'{"params":["a",1],"id":4,"method":"m"}\n'
    assert encoded(message, spaced=True) == b'{"params": ["a", 1], "id": 4, "method": "m"}\n'


@pytest.mark.parametrize("text", ["0", "0 ", "0x", "_0", "+1", "zz", "０0", 5, None, ["00"]])
def test_what_is_not_hex_digit_by_digit_is_refused(text: object) -> None:
    assert hex_bytes(text) is None


def test_a_word_has_exactly_eight_digits() -> None:
    assert hex_word("1FFFE000") == 0x1FFFE000
    assert hex_word("1fffe00") is None
    assert hex_word("01fffe000") is None


@pytest.mark.parametrize("value", [True, None, "x", [], 0, -1, float("inf"), "nan", 10**400])
def test_what_is_no_number_above_zero_is_refused(value: object) -> None:
    assert real_number(value) is None


def test_whole_difficulties_are_written_as_integers() -> None:
    assert repr(plain_number(65536.0)) == "65536"
    assert plain_number(0.5) == 0.5


def test_traffic_keeps_the_last_lines_only() -> None:
    traffic = Traffic(2)
    traffic.record(Seconds(1), 1, "in", b"a\nb\n")
    traffic.record(Seconds(2), 1, "out", b"c")
    assert [line.data for line in traffic.lines] == [b"b", b"c"]
    silent = Traffic(0)
    silent.record(Seconds(1), 1, "in", b"a")
    assert not silent.lines
