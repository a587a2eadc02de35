"""What the system is asked for before miners come."""

import resource
from pathlib import Path

import pytest

from proxy.app.room import FILES_IN_RESERVE, spread_out

STATUS = Path("/proc/self/status")


def table() -> int:
    """Return how many descriptors this process's table has room for."""
    (line,) = [line for line in STATUS.read_text().splitlines() if line.startswith("FDSize:")]
    return int(line.split()[1])


@pytest.mark.skipif(not STATUS.exists(), reason="the system does not tell the size of the table")
def test_the_table_of_descriptors_is_as_large_as_it_will_have_to_be() -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    sessions = min(3 * table(), soft) - FILES_IN_RESERVE
    if sessions + FILES_IN_RESERVE <= table():
        pytest.skip("the limit of open files leaves nothing to be made larger")
    spread_out(sessions)
    assert table() >= sessions + FILES_IN_RESERVE


def test_a_table_that_may_not_be_that_large_is_left_as_it_is() -> None:
    before = Path("/proc/self/fd").stat().st_nlink
    spread_out(1 << 40)
    spread_out(1 << 30)
    assert Path("/proc/self/fd").stat().st_nlink == before
