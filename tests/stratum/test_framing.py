"""Lines out of a byte stream, however it is cut."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.stratum.framing import LineBuffer

LIMIT = 16
streams = st.lists(
    st.sampled_from(
        [b"a", b"bc", b"\n", b"\r\n", b"\r", b'{"id":1}', b"\x00", b"\xff" * 7, b"x" * 15, b"y" * 17]
    )
).map(b"".join)


def fed(stream: bytes, cuts: list[int], limit: int = LIMIT) -> tuple[list[bytes], bool]:
    buffer = LineBuffer(limit)
    lines: list[bytes] = []
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        lines += buffer.feed(stream[start:end])
    return lines, buffer.overflowed


def test_whole_lines_come_out_without_their_newlines() -> None:
    assert fed(b"one\ntwo\r\nthree\n", []) == ([b"one", b"two", b"three"], False)


def test_byte_by_byte_gives_the_same_lines() -> None:
    stream = b'{"id":1}\r\n\n{"id":2}\n'
    assert fed(stream, list(range(len(stream)))) == ([b'{"id":1}', b'{"id":2}'], False)


def test_an_unfinished_line_stays_inside() -> None:
    assert fed(b"one\ntw", []) == ([b"one"], False)


def test_empty_lines_are_nothing() -> None:
    assert fed(b"\n\r\n\r\r\n\n", []) == ([], False)


def test_a_line_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert fed(b"x" * LIMIT + b"\n", []) == ([b"x" * LIMIT], False)
    assert fed(b"x" * (LIMIT + 1) + b"\n", []) == ([], True)


def test_an_endless_line_overflows_before_its_newline_comes() -> None:
    assert fed(b"x" * (LIMIT + 1), []) == ([], True)


def test_nothing_comes_out_behind_an_overflow() -> None:
    buffer = LineBuffer(LIMIT)
    assert list(buffer.feed(b"good\n" + b"x" * 99 + b"\ngood\n")) == [b"good"]
    assert list(buffer.feed(b"good\n")) == []
    assert buffer.overflowed


def test_a_limit_raised_by_a_line_holds_for_the_next_one_of_the_same_bytes() -> None:
    buffer = LineBuffer(LIMIT)
    lines = []
    for line in buffer.feed(b"login\n" + b"x" * 99 + b"\n"):
        lines.append(line)
        buffer.limit = 100
    assert lines == [b"login", b"x" * 99]
    assert not buffer.overflowed


def test_rubbish_behind_a_line_does_not_touch_it() -> None:
    assert fed(b"good\n\x00\xff\xfe\n", []) == ([b"good", b"\x00\xff\xfe"], False)


@given(stream=streams, cuts=st.lists(st.integers(0, 400)))
def test_chunking_never_changes_the_lines_nor_the_overflow(stream: bytes, cuts: list[int]) -> None:
    assert fed(stream, cuts) == fed(stream, [])


@given(stream=streams, cuts=st.lists(st.integers(0, 400)))
def test_never_more_than_one_line_is_held(stream: bytes, cuts: list[int]) -> None:
    buffer = LineBuffer(LIMIT)
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        list(buffer.feed(stream[start:end]))
        assert len(buffer.partial or b"") <= LIMIT


@given(data=st.binary(max_size=200))
def test_arbitrary_bytes_lose_only_newlines_and_carriage_returns(data: bytes) -> None:
    lines, overflowed = fed(data + b"\n", [], 200)
    assert not overflowed
    assert lines == [line.rstrip(b"\r") for line in data.split(b"\n") if line.rstrip(b"\r")]
