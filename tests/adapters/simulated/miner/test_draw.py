"""Share times that are drawn must be those of a miner that hashes."""

import math

from proxy.adapters.simulated.miner import MinerSettings, Mode, SimulatedMiner
from proxy.units import Difficulty, HashesPerSecond


def intervals(seed: int, difficulty: float, hashrate: float, count: int = 4000) -> list[float]:
    settings = MinerSettings(mode=Mode.DRAW, hashrate=HashesPerSecond(hashrate))
    miner = SimulatedMiner("localhost", 1, settings=settings, seed=seed)
    return [miner.interval(Difficulty(difficulty)) for _ in range(count)]


def test_their_mean_is_that_of_hashrate_and_difficulty() -> None:
    drawn = intervals(1, 65536.0, 100e12)
    expected = 65536 * 2**32 / 100e12
    # Five standard errors of an exponential mean.
    assert abs(sum(drawn) / len(drawn) - expected) < 5 * expected / math.sqrt(len(drawn))


def test_they_are_exponential_so_as_to_have_no_memory() -> None:
    drawn = sorted(intervals(2, 1.0, 2.0**32))
    distance = max(abs((rank + 1) / len(drawn) - (1 - math.exp(-value))) for rank, value in enumerate(drawn))
    assert distance < 1.95 / math.sqrt(len(drawn))  # Kolmogorov and Smirnov at 0.1 %


def test_a_seed_repeats_them() -> None:
    assert intervals(3, 1.0, 1e9, 10) == intervals(3, 1.0, 1e9, 10)
    assert intervals(3, 1.0, 1e9, 10) != intervals(4, 1.0, 1e9, 10)
