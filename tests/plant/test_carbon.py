"""What a run is worth as CO2, by the table that the figures were taken from."""

import pytest

from proxy.plant.carbon import SM3_NM3, emitted
from proxy.plant.parameters import Parameters
from tests.plant.sites import NOMINAL

ONE_SM3 = 1.0 / SM3_NM3


def pure(**changes: float) -> Parameters:
    """Return the plant on pure methane."""
    plant = NOMINAL.with_value("carbon.methane_fraction", 1.0)
    for name, value in changes.items():
        plant = plant.with_value(f"carbon.{name}", value)
    return plant


@pytest.mark.parametrize(
    ("destruction", "gwp", "kg"),
    [
        (0.98, 29.8, 2.227),
        (0.98, 82.5, 2.942),
        (0.92, 29.8, 3.328),
        (0.92, 82.5, 6.186),
        (0.911, 29.8, 3.493),
        (0.911, 82.5, 6.673),
    ],
)
def test_a_flare_is_worth_what_the_table_says(destruction: float, gwp: float, kg: float) -> None:
    plant = pure(flare_destruction=destruction, gwp_100=gwp)
    found = emitted(plant, plant.engine["lean"], 0.0, ONE_SM3)
    assert found.co2e_kg == pytest.approx(kg, abs=0.001)
    assert found.co2e_flared_kg == found.co2e_kg


@pytest.mark.parametrize(
    ("engine", "destruction", "kg", "avoided"),
    [
        ("lean", 0.98, 2.407, -0.180),
        ("lean", 0.911, 2.407, 1.086),
        ("rich", 0.98, 1.962, 0.265),
        ("rich", 0.911, 1.962, 1.531),
    ],
)
def test_an_engine_is_worth_what_the_table_says_be_it_worse(
    engine: str, destruction: float, kg: float, avoided: float
) -> None:
    plant = pure(flare_destruction=destruction)
    found = emitted(plant, plant.engine[engine], ONE_SM3, 0.0)
    assert found.co2e_kg == pytest.approx(kg, abs=0.001)
    assert found.co2e_flared_kg - found.co2e_kg == pytest.approx(avoided, abs=0.001)


def test_gas_that_is_half_methane_is_worth_half() -> None:
    half = pure(methane_fraction=0.5)
    whole = pure()
    engine = whole.engine["rich"]
    assert emitted(half, engine, 3.0, 2.0).co2e_kg == pytest.approx(
        0.5 * emitted(whole, engine, 3.0, 2.0).co2e_kg
    )
