"""A trace is replayed to the last bit, from any of its beginnings; what is not as recorded is shown."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.energy.site import HardwareShed, NMinusOne, Reserve, ReserveKw
from proxy.energy.supply import Header
from proxy.governor.engine import Governor
from proxy.governor.readings import Instructions
from proxy.governor.replay import begun, compare, head, join, ticked
from tests.governor.fake import CURVES, QUIET, Fake, devices, site

SOME = replace(QUIET, header=Header(full_kpa=300.0, empty_kpa=150.0))
RESERVES: list[Reserve] = [NMinusOne(), HardwareShed(date(2026, 10, 1)), ReserveKw(3.0)]


def recorded(seconds: int = 60, reserve: Reserve | None = None) -> list[dict[str, Any]]:
    """Return a trace of a site that is capped, with joiners, and with a second head halfway."""
    fake = Fake(8, site(10, reserve=reserve), noise=0.005)
    governor = Governor(fake.site, devices(8), CURVES, SOME)
    entries = [head(governor, "1.0")]
    for second in range(seconds):
        if second == 20:
            governor.join(devices(2))
            entries.append(join(devices(2)))
            wider = Fake(10, fake.site, noise=0.005, seed=1)
            wider.now, fake = fake.now, wider
        if second == seconds // 2:
            fake.instructions = Instructions(cap_w=9000.0, cap_name="capped")
            entries.append(head(governor, "1.0"))
        readings = fake.step()
        plan = governor.step(fake.now, readings)
        entries.append(ticked(fake.now, readings, plan))
        fake.obey(plan)
    told: list[dict[str, Any]] = msgpack.unpackb(msgpack.packb(entries))
    return told


def differences(entries: list[dict[str, Any]]) -> list[str]:
    return [each.difference for each in compare(entries) if each is not None]


@pytest.mark.parametrize("reserve", RESERVES)
def test_every_plan_is_the_recorded_one(reserve: Reserve) -> None:
    assert differences(recorded(reserve=reserve)) == [""] * 60


def test_what_follows_a_head_stands_by_itself() -> None:
    entries = recorded()
    second = max(place for place, entry in enumerate(entries) if "head" in entry)
    assert differences(entries[second:]) == [""] * 30
    found = list(compare(entries[1:]))
    assert found[:30] == [None] * 30, "nothing is known before it"
    assert [each.difference for each in found[30:] if each is not None] == [""] * 30


def test_a_plan_that_is_another_is_shown_with_both() -> None:
    entries = recorded()
    entries[10]["plan"]["budget_w"] += 1.0
    (place,) = (n for n, text in enumerate(differences(entries)) if text)
    assert place == 9
    text = differences(entries)[place]
    assert text.startswith("budget_w: recorded ")
    assert ", replayed " in text


def test_a_reading_that_is_another_makes_another_plan() -> None:
    entries = recorded()
    assert entries[40]["readings"]["instructions"]["cap_w"] == 9000.0
    entries[40]["readings"]["instructions"]["stopped"] = True
    assert any(differences(entries))


def test_a_head_of_another_version_is_refused() -> None:
    (first, *_) = recorded(1)
    with pytest.raises(ValueError, match="of format 2, not 1"):
        begun({**first["head"], "format": 2})
    with pytest.raises(ValueError, match="version"):
        begun({**first["head"], "state": {**first["head"]["state"], "version": 0}})


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from(["head", "join", "readings"]),
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_nonsense_is_a_value_error_and_nothing_else(key: str, value: object) -> None:
    first = recorded(1)[0]
    for before in ([], [first]):
        try:
            list(compare([*before, {key: value}]))
        except ValueError:
            continue
