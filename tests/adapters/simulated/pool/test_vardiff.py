from random import Random

from proxy.adapters.simulated.pool.settings import VardiffSettings
from proxy.adapters.simulated.pool.vardiff import Vardiff
from proxy.units import Difficulty, Seconds


def converged(hashrate: float, start: Difficulty, settings: VardiffSettings) -> tuple[Difficulty, int]:
    """Return the difficulty after an hour of virtual time, and the changes of its second half."""
    random, now, difficulty, late_changes = Random(1), Seconds(0.0), start, 0
    vardiff = Vardiff(settings, now)
    while now < 3600:
        step = Seconds(min(1.0, random.expovariate(hashrate / (2**32 * difficulty))))
        now = Seconds(now + step)
        if step < 1.0:
            vardiff.share()
        wanted = vardiff.wanted(difficulty, now)
        if wanted is not None:
            difficulty = wanted
            late_changes += now > 1800
    return difficulty, late_changes


def test_it_finds_the_difficulty_of_a_fast_miner_from_far_below() -> None:
    settings = VardiffSettings(per_minute=20, window=Seconds(60.0))
    ideal = 1e9 * 3 / 2**32
    found, _ = converged(1e9, Difficulty(2.0**-10), settings)
    assert ideal / 4 <= found <= ideal * 4


def test_it_comes_down_to_a_slow_miner() -> None:
    settings = VardiffSettings(per_minute=20, window=Seconds(60.0))
    ideal = 1e6 * 3 / 2**32
    found, _ = converged(1e6, Difficulty(1024.0), settings)
    assert ideal / 4 <= found <= ideal * 4


def test_one_change_is_never_greater_than_allowed() -> None:
    vardiff = Vardiff(VardiffSettings(raise_at_most=2.0), Seconds(0.0))
    for _ in range(10_000):
        vardiff.share()
    assert vardiff.wanted(Difficulty(8.0), Seconds(1.0)) == 16.0
    assert vardiff.wanted(Difficulty(8.0), Seconds(1000.0)) == 4.0


def test_limits_hold() -> None:
    vardiff = Vardiff(VardiffSettings(least=Difficulty(4.0)), Seconds(0.0))
    assert vardiff.wanted(Difficulty(4.0), Seconds(1000.0)) is None
