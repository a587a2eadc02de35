"""The plant file: documented, strict, drawn within its bounds; its digest knows every figure."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.errors import ConfigError
from proxy.plant.parameters import DRAWN, load, truth
from tests.plant.sites import NOMINAL, TEXT

KEYS = sorted(key for key in NOMINAL.values if key != "gas.wells")  # wells come whole


def test_every_figure_says_where_it_comes_from() -> None:
    for key, value in NOMINAL.values.items():
        assert value.unit, key
        assert value.basis in {"sourced", "assumed"}, key
        assert value.source or value.low < value.high, key
        assert value.low <= value.value <= value.high, key


def test_what_is_assumed_has_two_ends_to_sweep_to() -> None:
    assumed = NOMINAL.assumed()
    assert len(assumed) > 100
    flat = [key for key in assumed if NOMINAL.values[key].low == NOMINAL.values[key].high]
    assert not flat
    assert "engine.lean.inertia_s" in assumed
    assert "engine.lean.fuel_m3_kwh" not in assumed


def swept() -> list[tuple[str, float]]:
    return [
        (key, end)
        for key in NOMINAL.assumed()
        for end in (NOMINAL.values[key].low, NOMINAL.values[key].high)
        if not key.startswith("fleet.")
    ]


def test_both_ends_of_every_assumed_figure_make_a_possible_plant() -> None:
    for key, end in swept():
        assert NOMINAL.with_value(key, end).values[key].value == end


@given(key=st.sampled_from(KEYS), factor=st.floats(1.0001, 1.01))
def test_any_other_value_is_another_digest(key: str, factor: float) -> None:
    old = NOMINAL.values[key].value
    changed = NOMINAL.with_value(key, old * factor + 1e-6)
    assert changed.digest != NOMINAL.digest
    assert changed.with_value(key, old).values[key].value == old


def test_layout_and_comments_are_no_part_of_the_digest() -> None:
    assert load(re.sub(r"(?m)^#.*$", "", TEXT).replace("\n\n", "\n")).digest == NOMINAL.digest


def test_a_source_is_part_of_the_digest() -> None:
    assert load(TEXT.replace("field-calibrate", "measured")).digest != NOMINAL.digest


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50)
def test_the_truth_is_drawn_within_its_bounds(seed: int) -> None:
    true = truth(NOMINAL, seed)
    for key, value in NOMINAL.values.items():
        low, high = DRAWN[value.drawn]
        drawn = true.values[key].value
        assert low * value.value * 0.999999 <= drawn <= high * value.value * 1.000001, key
        if value.basis == "assumed":
            assert value.low <= drawn <= value.high, key
    assert true.digest == truth(NOMINAL, seed).digest
    assert true.digest != NOMINAL.digest


def test_truths_spread_as_far_as_they_are_said_to() -> None:
    truths = [truth(NOMINAL, seed) for seed in range(200)]
    ratio = [one.asic["s19k-pro"].watts / NOMINAL.asic["s19k-pro"].watts for one in truths]
    assert min(ratio) < 0.955
    assert max(ratio) > 1.045
    step = [one.engine["lean"].step_low_load / NOMINAL.engine["lean"].step_low_load for one in truths]
    assert min(step) < 0.73
    assert max(step) > 1.27
    lag = [one.firmware["luxos"].wake_ramp_s / NOMINAL.firmware["luxos"].wake_ramp_s for one in truths]
    assert min(lag) < 0.53
    assert max(lag) > 1.9


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[gas]", "[gas]\nheat = 3", "gas.heat: must be a table"),
        ("[gas]", "[gas]\nheat = {value = 3, low = 1, high = 4, unit = 'K', basis = 'assumed'}", "gas.heat"),
        ("wells =", "springs =", "gas.wells: missing"),
        ('basis = "sourced"', 'basis = "guessed"', "must be sourced or assumed"),
        ("value = 35.64", "value = true", "gas.lower_heating_value_mj_m3.value: must be a number"),
        ("value = 35.64", "value = nan", "gas.lower_heating_value_mj_m3.value: must be a number"),
        ("value = 35.64", "worth = 35.64", "gas.lower_heating_value_mj_m3"),
        ("value = 400.0, low", "value = 4000.0, low", "gas.normal_kpa: value must lie between"),
        ('drawn = "lag"', 'drawn = "late"', "must be one of curve, lag, step"),
        ("[gas]", "[gas", "no TOML"),
        ("[asic.s21]", "[asic.s22]", "fleet.luxos.s21/luxos: names no asic/firmware"),
        ("low = 1, high = 12, ", "", "gas.wells: an assumed figure needs low and high"),
        ('source = "Cat G3516 LE data sheet"', 'source = ""', "a sourced figure names its source"),
    ],
)
def test_a_mistake_is_named_by_its_key(old: str, new: str, complaint: str) -> None:
    assert old in TEXT
    with pytest.raises(ConfigError, match=re.escape(complaint)):
        load(TEXT.replace(old, new))


def test_a_figure_that_is_not_there_cannot_be_changed() -> None:
    with pytest.raises(ConfigError, match=r"gas\.colour: no such figure"):
        NOMINAL.with_value("gas.colour", 1.0)


def test_figures_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="shut_kpa < derate_kpa"):
        NOMINAL.with_value("gas.shut_kpa", 300.0)
    with pytest.raises(ConfigError, match=r"engine.lean.inertia_s: must be above zero"):
        NOMINAL.with_value("engine.lean.inertia_s", 0.0)
