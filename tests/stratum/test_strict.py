"""Strict JSON: what it lets through, every reader reads alike; what it refuses, it refuses quietly."""

import json
import math
import time
from typing import Any

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from proxy.stratum import strict
from proxy.stratum.downstream import parse
from proxy.stratum.jsonrpc import Malformed
from proxy.stratum.sizes import MOST_DEPTH

PING = b'{"id":1,"method":"mining.ping","params":[%b]}'

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
shallow = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
pieces = st.lists(
    st.sampled_from(
        [*'[]{},:"\\-+.eE0123456789 \t\n\r', "true", "null", "NaN", "\\u", "\\ud800", "\\udc00", '"a":', "é"]
    ),
    max_size=30,
).map("".join)


def fastest(line: bytes) -> float:
    """Return the seconds that a look at a line takes at best."""
    best = math.inf
    for _ in range(50):
        began = time.perf_counter()
        strict.fault(line)
        best = min(best, time.perf_counter() - began)
    return best


def depth_of(value: Any) -> int:
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    return 0


def leaves_of(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves_of(each)]
    if isinstance(value, dict):
        return [*value, *(leaf for each in value.values() for leaf in leaves_of(each))]
    return [value]


@given(value=shallow, escaped=st.booleans(), spaced=st.booleans(), depth=st.integers(3, 5))
def test_every_plain_value_of_so_many_levels_is_let_through_and_a_deeper_one_is_not(
    value: Any, escaped: bool, spaced: bool, depth: int
) -> None:
    text = json.dumps(value, ensure_ascii=escaped, indent=1 if spaced else None)
    assume(text.count("\\") <= strict.MOST_ESCAPES)
    wrong = strict.fault(text.encode(), depth)
    assert (wrong is None) == (depth_of(value) <= depth)


@pytest.mark.parametrize("depth", [3, 4, 5, 6])
def test_the_bound_of_levels_is_exact(depth: int) -> None:
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        assert strict.fault(opening * depth + b"1" + closing * depth, depth) is None
        wrong = strict.fault(opening * (depth + 1) + b"1" + closing * (depth + 1), depth)
        assert wrong == f"no JSON of at most {depth} levels with plain numbers"


@pytest.mark.parametrize("depth", [0, 2, 7, 1000])
def test_a_depth_that_no_pattern_is_made_for_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match="3 to 6 levels"):
        strict.shape(depth)


@given(data=pieces.map(str.encode) | st.binary(max_size=40))
@example(data=b'{"a":1,"\\u0061":2}')
@example(data=b"[1e308,-0.0e-999,1e-999,12345678901234567890e300]")
def test_what_it_lets_through_both_readers_read_alike(data: bytes) -> None:
    if strict.fault(data) is not None:
        return
    value = json.loads(data)
    assert msgspec.json.decode(data) == value
    assert depth_of(value) <= MOST_DEPTH
    for leaf in leaves_of(value):
        assert not isinstance(leaf, int) or -(1 << 63) <= leaf < 1 << 64
        assert not isinstance(leaf, float) or math.isfinite(leaf)
        assert not isinstance(leaf, str) or leaf.encode().decode() == leaf


@pytest.mark.parametrize(
    "inner",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e400",
        b"-1e999",
        b"18446744073709551616",
        b"-9223372036854775809",
        b"1" * 900,
        b"1" * 4300,  # what int() still takes
        b"-" + b"9" * 4301,
        b"1" + b"0" * 4300 + b".5",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"0x10",
        b"1_000",
        b"[[[]]]",
        b"[[{}]]",
        b'{"a":1,"a":1}',
        b'{"a":1,"b":2,"\\u0061":1}',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\\ud800\\u0041"',
        b'"\\x41"',
        b'"\x00"',
        b'"\x1f"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b"'a'",
        b"[1,]",
        b"[,1]",
        b'{"a":1,}',
        b'{"a"}',
        b"{1:2}",
        b"True",
        b"undefined",
        b"//",
    ],
)
def test_what_readers_disagree_about_is_no_message(inner: bytes) -> None:
    assert isinstance(parse(PING % inner), Malformed)
    assert not isinstance(parse(PING % b'"a"'), Malformed)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_other_encodings_than_plain_utf_8_are_no_message(encoding: str) -> None:
    text = (PING % b"1").decode()
    assert isinstance(parse(text.encode(encoding)), Malformed)


def test_the_greatest_integers_are_let_through_and_digits_in_names_are_none() -> None:
    assert strict.fault(b"[18446744073709551615,-9223372036854775808]") is None
    assert strict.fault(b'["account.%b",-0]' % (b"9" * 60)) is None


def test_an_id_twice_is_no_message() -> None:
    assert isinstance(parse(b'{"id":1,"id":2,"method":"mining.ping"}'), Malformed)


CROWDS = [b"1", b"[]", b'""', b'{"":0}', b'{"a":[]}', b"1e-300", b"true"]


@pytest.mark.parametrize("unit", CROWDS)
def test_a_line_has_so_many_values_and_no_more(unit: bytes) -> None:
    assert strict.fault(b"[" + b",".join([unit] * (strict.MOST_COMMAS + 1)) + b"]") is None
    assert strict.fault(b"[" + b",".join([unit] * (strict.MOST_COMMAS + 2)) + b"]") == "too many values"


@given(st.text(alphabet=',"\\ab', max_size=120))
def test_what_stands_in_a_string_is_no_value(text: str) -> None:
    assert strict.fault(json.dumps([text, 1]).encode()) is None


def test_a_name_may_be_escaped_as_a_whole_and_a_line_of_escapes_may_not() -> None:
    assert strict.fault(b'["%b"]' % (b"\\u0041" * 256)) is None
    assert strict.fault(b'["%b"]' % (b"\\u0041" * 257)) == "too many values"


@pytest.mark.parametrize("unit", [*CROWDS, b'"\\u0041"', b'"\\n"'])
def test_the_longest_line_costs_little_more_than_a_short_one(unit: bytes) -> None:
    """A bound derived from A04's: some hundred values are read at most, however long the line is."""

    longest = fastest(b"[" + b",".join([unit] * (4_000 // (len(unit) + 1))) + b"]")
    allowed = fastest(b"[" + b",".join([unit] * strict.MOST_COMMAS) + b"]")
    assert longest < 4 * allowed


@pytest.mark.parametrize(
    "unit",
    [
        b"[],",
        b"0,",
        b"[[0]],",
        b'{"a":1},',
        b'"\\n",',
        b"[",
        b"\\\\",
        b'{"a":',
        b'"',
        b"\\",
        b" ",
        b"1.5e10,",
        b"-",
    ],
)
def test_the_time_of_a_line_grows_with_its_length_and_not_faster(unit: bytes) -> None:
    """Backtracking would show as 16 times the length taking far more than 16 times as long."""

    def of(size: int) -> bytes:
        return b"[" + unit * (size // len(unit)) + b"0]"

    assert fastest(of(16 * 1024)) < 16 * 8 * max(fastest(of(1024)), 5e-6)
