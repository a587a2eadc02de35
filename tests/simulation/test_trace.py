"""Recorded courses: what is taken, and which line is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import ConfigError
from proxy.simulation.trace import read


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.mistakes


def test_kilowatts_become_factors_of_the_gas_supply() -> None:
    trace = read("seconds,kw\n100,500\n160,250\n")
    assert trace.factors(1_000.0) == [(0.0, 0.5), (60.0, 0.25)]


def test_factors_stay_what_they_are() -> None:
    assert read("seconds,gas_factor\n0,1\n\n5,0.5\n").factors(1_000.0) == [(0.0, 1.0), (5.0, 0.5)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "line 1"),
        ("time,kw\n0,1\n", "line 1"),
        ("seconds,kw\n", "no row"),
        ("seconds,kw\n0,one\n", "line 2"),
        ("seconds,kw\n0,nan\n", "line 2"),
        ("seconds,kw\n0,-1\n", "line 2"),
        ("seconds,kw\n0,1,2\n", "line 2"),
        ("seconds,kw\n5,1\n5,2\n", "line 3"),
    ],
)
def test_what_cannot_be_used_is_named_by_its_line(text: str, line: str) -> None:
    assert line in mistakes(text)[0]


def test_a_file_full_of_mistakes_names_twenty() -> None:
    assert len(mistakes("seconds,kw\n" + "x,y\n" * 100)) == 20


@given(st.text(max_size=300))
def test_no_text_makes_it_stumble(text: str) -> None:
    for header in ("", "seconds,kw\n"):
        try:
            trace = read(header + text)
        except ConfigError:
            continue
        assert len(trace.at_s) == len(trace.value) > 0
