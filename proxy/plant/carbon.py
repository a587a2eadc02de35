"""What a run has sent into the air, and what a flare would have: CO2 and the methane that nobody burned."""

from dataclasses import dataclass

from proxy.plant.figures import Engine
from proxy.plant.parameters import Parameters

SM3_NM3 = 288.15 / 273.15
"""Standard cubic metres (15 C) in a normal one (0 C)."""


@dataclass(frozen=True, slots=True)
class Emitted:
    """Kilogrammes of CO2 and of methane as CO2, over a hundred years."""

    co2e_kg: float
    """Of what engines burned and what was flared beside them."""
    co2e_flared_kg: float
    """Of the same gas, had all of it been flared."""


def emitted(parameters: Parameters, engine: Engine, burned_nm3: float, flared_nm3: float) -> Emitted:
    """Return what the methane of so much gas became; heavier parts burn alike in both and are left out.

    A difference is one of methane slip alone: a lean-burn engine loses more than a good flare.
    """
    slip, lost = engine.methane_slip, 1.0 - parameters.carbon.flare_destruction
    flared = _kg(parameters, flared_nm3, lost)
    return Emitted(
        _kg(parameters, burned_nm3, slip) + flared,
        _kg(parameters, burned_nm3, lost) + flared,
    )


def _kg(parameters: Parameters, gas_nm3: float, lost: float) -> float:
    """Return the CO2e of gas of which a part of the methane is lost and the rest burns."""
    carbon = parameters.carbon
    methane_kg = gas_nm3 * SM3_NM3 * carbon.methane_fraction * carbon.methane_kg_sm3
    return methane_kg * ((1.0 - lost) * carbon.co2_kg_kg + lost * carbon.gwp_100)
