"""What is shed when memory is short, in which order, and how it is known."""

import resource
from pathlib import Path

import pytest

from proxy.app.memory import Marks, MemoryWatch, cgroup_limits, memory_limit, resident


@pytest.mark.parametrize(
    ("held", "shed"),
    [(0, ""), (84, ""), (85, "t"), (91, "t"), (92, "tn"), (94, "tn"), (95, "tnc"), (120, "tnc")],
)
def test_telemetry_goes_first_then_newcomers_then_the_costliest(held: int, shed: str) -> None:
    watch = MemoryWatch(100, Marks(), lambda: held)
    assert watch.use == 0.0
    watch.look()
    found = "t" * watch.sheds_telemetry + "n" * watch.refuses_new + "c" * watch.drops_costliest
    assert found == shed


def test_this_process_holds_something_and_less_than_its_limit() -> None:
    assert 1 << 20 < resident() < memory_limit()


def test_to_look_again_takes_no_descriptor() -> None:
    """Else the watch, and what the same tick has to tell, would fail just where descriptors are short."""
    before = resident()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            Path("/proc/self/statm").read_text()
        again = resident()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    held = bytearray(64 << 20)
    assert resident() > max(before, again) + len(held) / 2


def test_the_limit_of_a_service_and_of_a_container_are_both_looked_for(tmp_path: Path) -> None:
    two = cgroup_limits("0::/system.slice/pumpjack.service\n", tmp_path)
    assert tmp_path / "memory.max" in two
    assert tmp_path / "system.slice/pumpjack.service/memory.max" in two
    one = cgroup_limits("5:cpu,memory:/box\n4:pids:/x\n", tmp_path)
    assert tmp_path / "memory/box/memory.limit_in_bytes" in one
    assert not any("x" in file.parts for file in one)
