"""Two meters of the same watts that differ: which of them is believed, and what is reckoned with."""

from dataclasses import replace

import numpy as np
import pytest

from proxy.governor.senses import Expectation, Senses, Sight
from tests.governor.fake import QUIET, Fake, Loop, loop, site

AUX_W = 5_000.0
TRUE_W = 400_000.0


def looks(feeder_w: float, fleet_w: float, *, moving: bool = False, count: int = 2) -> list[Sight]:
    """Return what is believed, reading by reading, while ``TRUE_W`` is expected; sets give ``AUX_W`` more."""
    fake = Fake(40, site(40))
    senses = Senses(QUIET)
    expected = Expectation(TRUE_W, 2.0 * TRUE_W, works=True, moving=moving)
    found = []
    for _ in range(count):
        told = fake.step()
        sets = told.generators
        assert sets is not None
        each_w = np.full(len(sets.watts), (fleet_w + AUX_W) / len(sets.watts))
        told = replace(told, site_w=feeder_w, aux_w=AUX_W, generators=replace(sets, watts=each_w))
        found.append(senses.look(fake.now, told, expected, AUX_W))
    return found


@pytest.mark.parametrize(
    ("feeder_w", "fleet_w", "blamed"),
    [
        (0.85 * TRUE_W, TRUE_W, "feeder"),
        (1.2 * TRUE_W, TRUE_W, "feeder"),
        (TRUE_W, 0.85 * TRUE_W, "generators"),
        (TRUE_W, 1.2 * TRUE_W, "generators"),
        (0.8 * TRUE_W, 1.05 * TRUE_W, "feeder"),
        (0.95 * TRUE_W, 1.2 * TRUE_W, "generators"),
    ],
)
def test_of_two_that_differ_the_one_further_from_what_is_expected_is_wrong(
    feeder_w: float, fleet_w: float, blamed: str
) -> None:
    first, second = looks(feeder_w, fleet_w)
    assert (first.source, first.doubts) == ("feeder", ())  # once may be chance
    assert [name for name, _ in second.doubts] == [blamed]
    assert second.source != blamed
    assert second.load_w == pytest.approx(fleet_w if blamed == "feeder" else feeder_w)
    assert f"{feeder_w / 1000:,.0f} kW" in second.doubts[0][1]
    assert f"{(fleet_w + AUX_W) / 1000:,.0f} kW" in second.doubts[0][1]


def test_meters_that_are_read_apart_may_differ_longer_while_the_load_moves() -> None:
    found = looks(0.8 * TRUE_W, TRUE_W, moving=True, count=6)
    assert not any(sight.doubts for sight in found[:5])
    assert [name for name, _ in found[5].doubts] == ["feeder"]


def test_meters_that_differ_little_are_both_believed() -> None:
    assert not any(sight.doubts for sight in looks(0.95 * TRUE_W, TRUE_W, count=20))


def governed(part: float, from_s: int) -> Loop:
    """Return a site whose feeder's meter shows a part of the truth from a second on."""
    run = loop(Fake(60, site(60)))
    for second in range(600):
        told = run.fake.step()
        if second >= from_s:
            told = replace(told, site_w=part * told.site_w)
        run.plans.append(run.governor.step(run.fake.now, told))
        run.loads.append(run.fake.load_w)
        run.fake.obey(run.plans[-1])
    return run


@pytest.mark.parametrize("from_s", [0, 200], ids=["ever", "later"])
@pytest.mark.parametrize("part", [0.8, 0.86, 0.91, 0.95, 1.0, 1.08])
def test_a_feeder_that_reads_low_gives_no_watt_beside_metered_auxiliaries(part: float, from_s: int) -> None:
    run = governed(part, from_s)
    kw = sum(one.nominal_kw for one in run.fake.site.generators)
    usable_w = 750.0 * kw - run.fake.aux_w
    assert max(run.loads[-200:]) <= 1.005 * usable_w
    assert min(run.loads[-200:]) >= 0.9 * usable_w
    alarmed = any(alarm.kind == "meter" for plan in run.plans for alarm in plan.alarms)
    assert alarmed is (part < 0.9)
