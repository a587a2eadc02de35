"""The network's difficulty: the one that the rooms of mining and of the hot path know."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.ledger.network import expected_blocks, network_difficulty
from proxy.mining.difficulty import difficulty_of, target_of_nbits


@given(
    nbits=st.integers(0, 0xFFFFFFFF)
    | st.builds(lambda e, m: e << 24 | m, st.integers(0, 40), st.integers(0, 1 << 23))
)
@example(nbits=0x1D00FFFF)
@example(nbits=0x207FFFFF)
@example(nbits=0x220000FF)
@example(nbits=0x03000001)
@example(nbits=0x01010000)
def test_it_is_the_difficulty_of_the_target(nbits: int) -> None:
    target = target_of_nbits(nbits)
    assert network_difficulty(nbits) == (pytest.approx(difficulty_of(target)) if target else 0.0)


@given(count=st.integers(0, 10**6), credit=st.floats(0, 1e18), network=st.floats(1e-12, 1e18))
def test_no_more_blocks_are_expected_than_shares_or_than_work(
    count: int, credit: float, network: float
) -> None:
    found = expected_blocks(count, credit, network)
    assert 0.0 <= found <= count
    assert found <= credit / network


def test_where_no_block_can_be_found_none_is_expected() -> None:
    assert expected_blocks(5, 5.0, 0.0) == 0.0


def test_height_840_000_asked_for_86_trillion() -> None:
    assert network_difficulty(0x17034219) == pytest.approx(86_388_558_925_171.02, rel=1e-15)
