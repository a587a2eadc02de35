"""What the simulation's tests share."""

import pytest

from proxy.plant.parameters import Parameters
from tests.simulation.worlds import nominal


@pytest.fixture
def parameters() -> Parameters:
    """Return the nominal plant."""
    return nominal()
