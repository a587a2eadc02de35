"""Copies of the tree, built with sanitizers and coverage: the checkout's own core is never touched."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "fuzz"
NATIVE: Final = Path("tests", "fuzz", "native")
GENERATED: Final = ("hotpath.c", "tcp.c")
"""Of Cython, where somebody ran it by hand."""
PARTS: Final = ("proxy", "tests", "ext", "setup.py", "pyproject.toml", "README.md", "LICENSE")
IGNORED: Final = Path("tests", "fuzz", "ignored.txt")
FLAGS: Final = f"-g -fno-omit-frame-pointer -fno-sanitize-recover=all -fsanitize-ignorelist={IGNORED}"
SETTINGS: Final = {
    # Python keeps much to its end; a target that grows is stopped by libFuzzer's limit.
    "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True, slots=True)
class Build:
    """How a copy is built."""

    name: str
    sanitizers: str
    runtime: str
    """A library of atheris: the sanitizer with libFuzzer in it."""
    settings: Mapping[str, str]


SWIFT: Final = Build("swift", "undefined", "ubsan_with_fuzzer.so", {})
"""Many times as many inputs in a second."""
STRICT: Final = Build("strict", "address,undefined", "asan_with_fuzzer.so", {"PYTHONMALLOC": "malloc"})
"""Sees every access outside an object. Python's own allocator would hide from ASan where one ends."""


class CannotBuild(Exception):
    """What is needed is missing, or does not compile: the text says what to do."""


def natives() -> tuple[str, ...]:
    """Return the names of the targets in C."""
    return tuple(f"c-{path.stem.replace('_', '-')}" for path in sorted((ROOT / NATIVE).glob("*.c")))


class Copy:
    """A copy of the checkout in ``folder``, built in one way."""

    def __init__(self, folder: Path, build: Build) -> None:
        self.build = build
        self.tree = folder / build.name / "tree"
        self._folder = folder / build.name
        self._made: dict[str, Path] = {}

    def refresh(self) -> None:
        """Bring the copy to what the checkout holds; what was built stays if it is still right."""
        kept = {path: path.read_bytes() for path in (self.tree / "proxy").rglob("_compiled*.so")}
        shutil.rmtree(self.tree, ignore_errors=True)
        self.tree.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__", "*.so", *GENERATED, "corpus")
        for name in PARTS:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.tree / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, self.tree)
        for path, data in kept.items():
            path.write_bytes(data)

    def build_core(self) -> None:
        """Build the extension with coverage and sanitizers, unless that has been done.

        Raises:
            CannotBuild: it does not compile.

        """
        key, stamp = self._key(), self._folder / "core-of"
        if stamp.exists() and stamp.read_text() == key:
            return
        env = {**os.environ, "CC": "clang", "LDSHARED": "clang -shared", "PUMPJACK_COMPILED": "required"}
        env["CFLAGS"] = f"{FLAGS} -fsanitize={self.build.sanitizers},fuzzer-no-link"
        self._run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], env)
        stamp.write_text(key)

    def build_native(self, name: str) -> Path:
        """Build a target in C and return the program; once for each copy.

        Raises:
            CannotBuild: it does not compile.

        """
        stem = name.removeprefix("c-").replace("-", "_")
        program = self._folder / "native" / stem
        if name not in self._made:
            program.parent.mkdir(parents=True, exist_ok=True)
            sources = sorted(path for path in (self.tree / "ext").glob("*.c") if path.name not in GENERATED)
            warnings = ["-Wall", "-Wextra", "-Werror"]
            sanitizers = f"-fsanitize={STRICT.sanitizers},fuzzer"
            command = ["clang", "-O1", *warnings, *FLAGS.split(), sanitizers, "-Iext", f"-I{NATIVE}"]
            command += [f"{NATIVE}/{stem}.c", *map(str, sources), "-lm", "-o", str(program)]
            self._run(command, dict(os.environ))
            self._made[name] = program
        return program

    def environment(self) -> dict[str, str]:
        """Return the environment in which the copy's core can be loaded."""
        found = util.find_spec("atheris")
        if found is None or found.origin is None:
            raise CannotBuild("atheris is not installed: ./dev fuzz does so")
        runtime = Path(found.origin).parents[1] / self.build.runtime
        if not runtime.exists():
            raise CannotBuild(f"this atheris brings no {runtime.name}")
        own = {key: value for key, value in os.environ.items() if not key.startswith("PUMPJACK_")}
        return {
            **own,
            **SETTINGS,
            **self.build.settings,
            "LD_PRELOAD": str(runtime),
            "PYTHONPATH": str(self.tree),
        }

    def _key(self) -> str:
        """Return the fingerprint of all that the core is made of."""
        sha = hashlib.sha256(f"{sys.version} {FLAGS} {self.build}".encode())
        for path in sorted([*(self.tree / "ext").iterdir(), self.tree / "setup.py", self.tree / IGNORED]):
            sha.update(repr((path.name, path.read_bytes())).encode())
        return sha.hexdigest()

    def _run(self, command: Sequence[str], env: dict[str, str]) -> None:
        run = subprocess.run(command, cwd=self.tree, env=env, capture_output=True, text=True)
        if run.returncode != 0:
            raise CannotBuild(f"does not compile:\n{(run.stdout + run.stderr)[-4000:]}")
