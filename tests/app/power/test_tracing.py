"""A trace of a running governor: in two files at most, each by itself, and whole again after a loss."""

from pathlib import Path

from click.testing import CliRunner

from proxy.adapters.stores.trace_file import MOST_WAITING, TraceFile, entries
from proxy.app.power.tracing import REST, Tracing
from proxy.cli import main
from proxy.governor.engine import Governor
from proxy.governor.replay import compare
from tests.governor.fake import CURVES, QUIET, Fake, devices, site


class Traced:
    """A governor whose ticks are written, and the fake that it steers."""

    def __init__(self, folder: Path, most_bytes: float) -> None:
        self.file = TraceFile(folder)
        self.tracing = Tracing(self.file, most_bytes)
        self.fake = Fake(6, site(6), noise=0.005)
        self.governor = Governor(self.fake.site, devices(6), CURVES, QUIET)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            readings = self.fake.step()
            self.fake.obey(self.tracing.step(self.governor, self.fake.now, readings))


def equal(path: Path) -> int:
    """Return how many ticks are the recorded ones: all of them, or it fails."""
    found = list(compare(entries(path)))
    assert all(each is not None and not each.difference for each in found)
    return len(found)


def test_files_take_turns_and_each_is_replayed_by_itself(tmp_path: Path) -> None:
    traced = Traced(tmp_path, 60_000.0)
    while traced.file.begun < 3:
        traced.run(1)
    traced.run(5)
    traced.tracing.close()
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["power-trace.bin", "power-trace.old.bin"]
    assert equal(files[0]) >= 5
    assert equal(files[1]) > 5
    # Here ticks take no second, and the thread that writes may be behind by all that can wait for it.
    sizes = [path.stat().st_size for path in files]
    behind = MOST_WAITING * sizes[1] / equal(files[1])
    assert sum(sizes) < 60_000 * 1.3 + behind


def test_after_a_loss_a_minute_is_left_out_and_it_begins_again(tmp_path: Path) -> None:
    traced = Traced(tmp_path, 1e9)
    traced.run(10)
    traced.file.lose()
    traced.run(REST + 10)
    traced.tracing.close()
    assert traced.tracing.state()["lost"] == REST
    assert equal(traced.file.path) == 10 + 11
    assert traced.file.begun == 1, "the history before is kept"


def test_joiners_are_in_it(tmp_path: Path) -> None:
    traced = Traced(tmp_path, 1e9)
    traced.run(5)
    traced.governor.join(devices(2))
    traced.tracing.joined(devices(2))
    wider = Fake(8, traced.fake.site, noise=0.005)
    wider.now, traced.fake = traced.fake.now, wider
    traced.run(5)
    traced.tracing.close()
    assert equal(traced.file.path) == 10


def test_replay_ends_with_0_if_all_are_equal_and_else_with_1(tmp_path: Path) -> None:
    traced = Traced(tmp_path, 1e9)
    traced.run(10)
    traced.tracing.close()

    def replayed(path: Path) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["power", "replay", str(path)])
        return result.exit_code, result.output

    assert replayed(traced.file.path) == (0, "10 ticks: every plan is the recorded one\n")
    changed = TraceFile(tmp_path / "..")
    changed.path = tmp_path / "changed.bin"
    for number, entry in enumerate(entries(traced.file.path)):
        if number == 4:
            entry["plan"]["proven_w"] = 1.0
        changed.put(entry, first=number == 0)
    changed.close()
    code, text = replayed(changed.path)
    assert (code, text.splitlines()[0].startswith("tick 4, at "), "proven_w: recorded 1.0" in text) == (
        1,
        True,
        True,
    )
    nothing = tmp_path / "nothing"
    nothing.write_bytes(b"x")
    code, text = replayed(nothing)
    assert (code, "cannot be replayed" in text) == (1, True)
