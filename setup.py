"""Build the compiled core, ``proxy.hotpath._compiled``, the front of its sockets and the ledger's commits.

The core is optional: without a C compiler the installation goes on, loudly, with the Python reference.
PUMPJACK_COMPILED=required makes a failing build an error, PUMPJACK_COMPILED=no does not try.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

WANTED = os.environ.get("PUMPJACK_COMPILED", "optional")
if WANTED not in {"optional", "required", "no"}:
    sys.exit(f"PUMPJACK_COMPILED must be optional, required or no, not {WANTED!r}")


def warn_pure() -> None:
    """Say on stderr that what is being built checks shares with the slow core."""
    bar = "!" * 100
    print(
        f"{bar}\n!!  PURE PYTHON: the compiled core could not be built (the error is above).\n"
        "!!  Shares would be checked by the slow core, which `pumpjack run` refuses unless told\n"
        f"!!  --allow-pure-python. Install a C compiler and Python's headers, then install again.\n{bar}",
        file=sys.stderr,
    )


class BuildCore(build_ext):
    """Builds the core, always afresh, and does not keep quiet when it is left out."""

    def finalize_options(self) -> None:
        """Trust no date: old generated C can look newer than its edited source (copies, archives)."""
        super().finalize_options()
        self.force = True
        self.cython_c_in_temp = True  # and not into ext/, where the sdist would take it along

    def run(self) -> None:
        """Build every extension; warn of one that was optional and failed."""
        super().run()
        if any(not Path(self.get_ext_fullpath(extension.name)).exists() for extension in self.extensions):
            warn_pure()


C_FILES = sorted(
    path.as_posix() for path in Path("ext").glob("*.c") if path.name not in {"hotpath.c", "tcp.c", "ledger.c"}
)

# setuptools hands .pyx sources to Cython itself, when it builds and not each time this file is read.
# cythonize() here would return other Extensions, which have lost `optional` (Cython 3.3.1).
# Instruction sets are chosen at run time, function by function, so no file needs flags of its own.
CORE = Extension(
    "proxy.hotpath._compiled",
    ["ext/hotpath.pyx", *C_FILES],
    include_dirs=["ext"],
    depends=sorted(path.as_posix() for path in Path("ext").iterdir() if path.suffix in {".h", ".pxi"}),
    # No fused multiply-add: what vardiff counts must come to the same bits as in the reference.
    extra_compile_args=["-O3", "-ffp-contract=off"],
    optional=WANTED == "optional",
)

FRONT = Extension(
    "proxy.adapters.tcp._compiled",
    ["ext/tcp.pyx"],
    extra_compile_args=["-O3"],
    optional=WANTED == "optional",
)

LEDGER = Extension(
    "proxy.adapters.stores.ledger._compiled",
    ["ext/ledger.pyx"],
    extra_compile_args=["-O3"],
    optional=WANTED == "optional",
)

setup(ext_modules=[] if WANTED == "no" else [CORE, FRONT, LEDGER], cmdclass={"build_ext": BuildCore})
