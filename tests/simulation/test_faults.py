"""No instrument, whatever it says and whenever, gives power: a sample of ``./dev simulate-long --faults``."""

import math

import pytest

from proxy.energy.plausible import Channel, Judged, Memory
from proxy.governor import senses
from proxy.plant.script import LanLost, MeterFault
from tests.simulation.random_faults import FAULTS, METERS, drawn, look_at_fault

SAMPLE = [5, 17, 25, 29, 34]
"""The feeder without a number, the feeder in kilowatts, miners out of reach, all circuits with a lost sign,
the frequency in millihertz; the gas dips behind some."""


@pytest.mark.parametrize("seed", SAMPLE)
def test_no_fault_of_an_instrument_gives_power(seed: int) -> None:
    found = look_at_fault(seed)
    assert not found.wrong, found


def test_a_governor_that_believes_whatever_it_is_told_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def believed(
        channel: Channel,
        value: float,
        at_s: float,
        now_s: float,
        memory: Memory,
        *,
        expected: float = math.nan,
    ) -> tuple[Judged, Memory]:
        told = value if math.isfinite(value) else 0.0
        return Judged(told, ""), Memory(told, at_s, told, at_s)

    monkeypatch.setattr(senses, "judge", believed)
    monkeypatch.setattr(senses, "differ", lambda *_args, **_parts: False)
    assert look_at_fault(29).wrong


def test_every_instrument_and_every_fault_is_drawn() -> None:
    found = [event for seed in range(600) for event in drawn(seed, 60.0, 4, 1.0)]
    faults = [event for event in found if isinstance(event, MeterFault)]
    assert {event.meter for event in faults} == set(METERS)
    assert {(event.what, event.size) for event in faults} == set(FAULTS)
    assert any(isinstance(event, LanLost) for event in found)
