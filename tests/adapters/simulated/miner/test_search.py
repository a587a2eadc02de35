"""What is submitted, held against a reckoning from the words of the wire alone."""

from dataclasses import replace
from random import Random

import pytest
from typing_extensions import override

from proxy.adapters.simulated.miner import FIRMWARES, firmware
from proxy.adapters.simulated.miner.firmware import Firmware
from proxy.adapters.simulated.miner.job import Found, Order, Search, read_notice
from proxy.adapters.simulated.pool.header import number_of
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.adapters.simulated.pool.work import Chain
from proxy.mining.difficulty import target_of
from proxy.units import Difficulty
from tests.adapters.simulated.raw import hash_of

EASY = Difficulty(2.0**-28)
NOTIFY = (
    Chain(PoolSettings(base_version=0x20400004), 1, lambda: 1_760_000_000.0).template().notify("1", 12, True)
)


def order(mask: int | None = 0x1FFFE000, difficulty: Difficulty = EASY) -> Order:
    notice = read_notice(NOTIFY)
    assert notice is not None
    return Order(notice, b"\x01\x02\x03\x04", 8, mask, difficulty)


def searched(habits: Firmware, count: int, of: Order | None = None) -> list[Found]:
    search, shares = Search(of if of is not None else order(), habits, Random(3), 0), list[Found]()
    while len(shares) < count:
        found, _ = search.step(64)
        if found is not None:
            shares.append(found)
    return shares


@pytest.mark.parametrize("habits", FIRMWARES.values(), ids=lambda row: row.name)
def test_every_share_is_genuine(habits: Firmware) -> None:
    for found in searched(habits, 20):
        extranonce = "01020304" + found.extranonce2.hex()
        value = hash_of(NOTIFY, extranonce, f"{found.ntime:08x}", found.nonce, found.version)
        assert value == number_of(found.digest) <= target_of(EASY)


def test_bits_say_what_was_hashed_by_the_convention_of_the_firmware() -> None:
    job = 0x20400004
    for found in searched(firmware("antminer"), 50):
        assert found.bits is not None
        assert job & ~0x1FFFE000 | found.bits == found.version
        assert not found.bits & ~0x1FFFE000
    for found in searched(firmware("bitaxe"), 50):
        assert found.bits == found.version ^ job
    for found in searched(firmware("cpuminer"), 50):
        assert (found.bits, found.version) == (None, job)


def test_an_old_s9_sets_bits_that_nobody_granted() -> None:
    odd = {found.bits for found in searched(firmware("s9-old"), 100)}
    assert {0x40000000, 0x80000000, 0xC0000000} <= odd


def test_no_two_shares_are_alike() -> None:
    shares = searched(firmware("avalon"), 300)
    assert len({found.digest for found in shares}) == 300


def test_extranonce2_counts_in_the_byte_order_of_the_firmware() -> None:
    assert [found.extranonce2[:1] for found in searched(firmware("cgminer"), 3)] == [b"\0", b"\1", b"\2"]
    assert [found.extranonce2[-1:] for found in searched(firmware("cpuminer"), 3)] == [b"\0", b"\1", b"\2"]


def test_ntime_is_rolled_within_its_bits() -> None:
    times = {found.ntime - 1_760_000_000 for found in searched(firmware("ntime-roller"), 100)}
    assert min(times) >= 0
    assert max(times) < 128
    assert len(times) > 20


def test_chunks_do_not_change_what_is_found() -> None:
    def found(chunk: int) -> list[bytes]:
        search, digests = Search(order(), firmware("avalon"), Random(9), 0), list[bytes]()
        while len(digests) < 10:
            share, _ = search.step(chunk)
            if share is not None:
                digests.append(share.digest)
        return digests

    assert found(1) == found(7) == found(100_000)


def test_hashes_are_counted_truly() -> None:
    search = Search(order(), firmware("avalon"), Random(9), 0)
    tried = [search.step(10) for _ in range(200)]
    assert all(count == 10 for share, count in tried if share is None)
    assert all(1 <= count <= 10 for share, count in tried if share is not None)


def test_the_end_of_the_nonces_begins_another_segment() -> None:
    class Last(Random):
        @override
        def getrandbits(self, k: int, /) -> int:
            return (1 << k) - 1

    hard = replace(order(), difficulty=Difficulty(1e9))
    search = Search(hard, firmware("cpuminer"), Last(), 41)
    assert search.step(100) == (None, 1)
    assert search.extranonce2 == 42
