"""The pool's own reckoning, held against shares of the real world and against the core."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.simulated.miner.job import read_notice
from proxy.adapters.simulated.pool.header import double_sha256, header, merkle_root, number_of, swapped_words
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.work import Chain, nbits_of
from proxy.hotpath import PreparedJob
from proxy.mining.difficulty import target_of, target_of_nbits
from proxy.units import Difficulty

VECTORS = json.loads((Path(__file__).parents[3] / "vectors" / "stratum-shares.json").read_text())


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_real_shares_have_their_known_hash(vector: dict[str, Any]) -> None:
    notify = vector["notify"]
    extranonce = vector["extranonce1"] + vector["extranonce2"]
    root = merkle_root(
        bytes.fromhex(notify[2] + extranonce + notify[3]), [bytes.fromhex(branch) for branch in notify[4]]
    )
    made = header(
        int(vector["expect"]["version"], 16),
        swapped_words(bytes.fromhex(notify[1])),
        root,
        int(vector["ntime"], 16),
        int(notify[6], 16),
        int(vector["nonce"], 16),
    )
    assert double_sha256(made)[::-1].hex() == vector["expect"]["hash"]


@given(
    seed=st.integers(0, 2**32),
    size1=st.integers(1, 8),
    size2=st.integers(2, 16),
    coinbase=st.integers(0, 6500),
    rolled=st.integers(0, 2**32 - 1),
    nonce=st.integers(0, 2**32 - 1),
)
def test_pool_and_core_agree_on_every_template(
    seed: int, size1: int, size2: int, coinbase: int, rolled: int, nonce: int
) -> None:
    settings = PoolSettings(extranonce1_size=size1, extranonce2_size=size2, coinbase_bytes=coinbase)
    template = Chain(settings, seed, lambda: 1_760_000_000.0).template()
    extranonce = bytes(range(size1 + size2))
    notice = read_notice(template.notify("1", len(extranonce), True))
    assert notice is not None
    assert coinbase <= len(notice.head) + len(extranonce) + len(notice.tail) <= max(coinbase, 190) + 40
    core = PreparedJob(
        notice.head,
        notice.tail,
        len(extranonce),
        notice.branches,
        notice.version,
        notice.previous,
        notice.nbits,
    )
    theirs = core.share_hash(extranonce, notice.ntime, nonce, rolled)
    assert double_sha256(template.header(extranonce, notice.ntime, nonce, rolled)) == theirs


@given(st.integers(-200, 200).map(lambda power: Difficulty(2.0 ** (power / 3))))
def test_nbits_are_never_easier_than_asked_and_hardly_harder(difficulty: Difficulty) -> None:
    target = min(target_of(difficulty), (1 << 254) - 1)
    kept = target_of_nbits(nbits_of(target))
    assert target * (1 - 2**-15) <= kept <= target


def test_one_seed_makes_one_chain() -> None:
    def work(seed: int) -> list[list[object]]:
        chain = Chain(PoolSettings(), seed, lambda: 1_760_000_000.0)
        first = chain.template()
        chain.advance()
        return [first.notify("1", 12, True), chain.template().notify("2", 12, True)]

    assert work(7) == work(7)
    assert work(7) != work(8)


def test_a_found_block_is_what_the_next_one_stands_on() -> None:
    chain = Chain(PoolSettings(), 1, lambda: 1_760_000_000.0)
    before = chain.template()
    digest = double_sha256(before.header(bytes(12), before.ntime, 0, before.version))
    chain.advance(digest)
    after = chain.template()
    assert (after.previous, after.height) == (digest, before.height + 1)
    assert swapped_words(bytes.fromhex(str(after.notify("1", 12, True)[1]))) == digest


def test_ntime_follows_the_clock_but_never_goes_back() -> None:
    times = iter([1000.0, 900.0, 1100.9])
    chain = Chain(PoolSettings(), 1, lambda: next(times))
    assert [chain.template().ntime for _ in range(3)] == [1000, 1000, 1100]


def test_moving_version_bits_move_and_the_others_stay() -> None:
    settings = PoolSettings(base_version=0x20400004, toggled_version_bits=0x1FFFE000)
    chain = Chain(settings, 3, lambda: 0.0)
    versions = {chain.template().version for _ in range(50)}
    assert len(versions) > 10
    assert {version & ~0x1FFFE000 for version in versions} == {0x20000004}


def test_digests_are_compared_little_endian() -> None:
    assert number_of(b"\x01" + bytes(31)) == 1
