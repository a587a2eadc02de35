"""The preloaded disk (disk.c): made once, and told what to do."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from tests.conftest import need

SOURCE = Path(__file__).with_name("disk.c")


def compiled(folder: Path) -> Path:
    """Compile the shim into ``folder``; skip where there is no compiler."""
    compiler = shutil.which("cc")
    need("a C compiler", compiler is not None)
    assert compiler is not None
    shim = folder / "disk.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(shim), str(SOURCE)]
    subprocess.run([*words, "-ldl", "-pthread"], check=True)
    return shim


@dataclass(frozen=True)
class Disk:
    """What a process must be started with, and the switches of its disk."""

    shim: Path
    folder: Path
    """Below it the disk is ours."""
    control: Path
    log: Path

    @classmethod
    def below(cls, folder: Path, shim: Path) -> "Disk":
        """Return a disk for ``folder`` that does no harm yet."""
        aside = Path(mkdtemp(prefix="disk-", dir=shim.parent))
        (aside / "control").mkdir()
        return cls(shim, folder.resolve(), aside / "control", aside / "log")

    def environment(self, *, recorded: bool = False) -> dict[str, str]:
        """Return what goes into the environment of the process."""
        log = {"DISK_LOG": str(self.log)} if recorded else {}
        return {
            "LD_PRELOAD": str(self.shim),
            "DISK_FOLDER": str(self.folder),
            "DISK_CONTROL": str(self.control),
            **log,
        }

    def set(self, name: str, value: int | None) -> None:
        """Set a switch (disk.c lists them); None takes it away."""
        path = self.control / name
        if value is None:
            path.unlink(missing_ok=True)
            return
        # In one step: the process may be reading it.
        fresh = path.with_suffix(".new")
        fresh.write_text(str(value))
        fresh.replace(path)

    def has(self, name: str) -> bool:
        """Return whether a switch is set; a flush that was to fail takes its own away."""
        return (self.control / name).exists()
