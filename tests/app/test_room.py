"""What the system is asked for before miners come."""

import resource
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from proxy.app import room
from proxy.app.room import (
    FILES_IN_RESERVE,
    StartError,
    affordable_sessions,
    spread_out,
    tell_bounds,
)
from proxy.config.limits import StratumLimits

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


# --- how many miners the limit of open files allows -------------------------------------------------------


class Files:
    """The system's limit of open files, as a process may ask for it and raise it."""

    def __init__(self, soft: int, hard: int) -> None:
        self.soft, self.hard = soft, hard

    def getrlimit(self, which: int) -> tuple[int, int]:
        assert which == resource.RLIMIT_NOFILE
        return self.soft, self.hard

    def setrlimit(self, which: int, limits: tuple[int, int]) -> None:
        assert which == resource.RLIMIT_NOFILE
        assert limits[1] == self.hard
        assert self.soft < limits[0]
        assert limits[0] <= self.hard or self.hard == resource.RLIM_INFINITY
        self.soft = limits[0]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Files:
    system = Files(1024, 1024)
    monkeypatch.setattr(resource, "getrlimit", system.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", system.setrlimit)
    return system


@pytest.mark.parametrize(
    ("wanted", "hard", "given"),
    [
        (50_000, 524_288, 50_000),
        (50_000, resource.RLIM_INFINITY, 50_000),
        (50_000, 65_536, 29_491),  # 0.45 of it
        (50_000, 1024, 460),
        (50_000, 120, 54),
        (50_000, 100, 36),  # 64 are kept
        (50_000, 80, 16),
        (400, 1024, 400),
        (5, 70, 5),
    ],
)
def test_miners_get_their_share_of_the_open_files(files: Files, wanted: int, hard: int, given: int) -> None:
    files.hard = hard
    files.soft = min(1024, hard) if hard != resource.RLIM_INFINITY else 1024
    assert affordable_sessions(StratumLimits(max_sessions=wanted)) == given
    assert files.soft >= given + FILES_IN_RESERVE
    assert given <= 0.45 * files.soft


@pytest.mark.parametrize("hard", [20, 64, 65, 79])
def test_a_limit_that_leaves_room_for_a_few_miners_only_is_no_start(files: Files, hard: int) -> None:
    files.soft = files.hard = hard
    room_left = max(0, hard - FILES_IN_RESERVE)
    with pytest.raises(StartError, match=f"{hard}\\) leaves room for {room_left} miners: raise it"):
        affordable_sessions(StratumLimits())
    if room_left:
        assert affordable_sessions(StratumLimits(max_sessions=1)) == 1, "who wants no more gets it"


def test_what_the_system_does_not_give_is_told(
    files: Files, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(room, "SOMAXCONN", tmp_path / "somaxconn")
    room.SOMAXCONN.write_text("128\n")
    limits = StratumLimits(max_sessions=500)
    with capture_logs() as told:
        tell_bounds(limits, affordable_sessions(limits), structlog.get_logger())
    assert [(each["event"].partition(":")[0], each["wanted"], each["allowed"]) for each in told] == [
        ("max_sessions lowered", 500, 460),
        ("backlog shortened", 4096, 128),
    ]
    files.hard = 65_536
    room.SOMAXCONN.write_text("4096\n")
    with capture_logs() as told:
        tell_bounds(limits, affordable_sessions(limits), structlog.get_logger())
    assert told == []
