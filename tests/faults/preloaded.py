"""Libraries that stand between the program and the C library: made of the sources beside this file."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

from tests.conftest import Require

HERE = Path(__file__).resolve().parent


async def preloadable(folder: Path, name: str, require: Require) -> Path:
    """Return the library of that name, for LD_PRELOAD."""
    compiler = shutil.which("cc")
    require("a C compiler", compiler is not None)
    assert compiler is not None
    made = folder / f"{name}.so"
    words = [compiler, "-shared", "-fPIC", "-o", str(made), str(HERE / f"{name}.c"), "-ldl"]
    await asyncio.to_thread(subprocess.run, words, check=True)
    return made
