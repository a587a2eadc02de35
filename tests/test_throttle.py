"""How often something may happen."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.throttle import Throttle
from proxy.units import Seconds


@given(
    steps=st.lists(st.floats(0, 2), max_size=200),
    burst=st.integers(1, 8),
    interval=st.sampled_from([0.25, 1.0]),
)
def test_a_throttle_admits_a_burst_and_then_one_an_interval(
    steps: list[float], burst: int, interval: float
) -> None:
    throttle, now, admitted = Throttle(), 0.0, []
    for step in steps:
        now += step
        if throttle.admits(Seconds(now), Seconds(interval), burst):
            admitted.append(now)
    for at, first in enumerate(admitted):
        within = [time for time in admitted[at:] if time < first + interval * 4 - 1e-6]
        assert len(within) <= burst + 4
    if steps:
        assert admitted[:1] == [steps[0]]
