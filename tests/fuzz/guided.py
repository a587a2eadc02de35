"""Runs one target under atheris: ``python -m tests.fuzz.guided TARGET [options and folders of libFuzzer]``.

Started by the driver, in a copy of the tree whose core was built with sanitizers and coverage.
"""

import shlex
import sys
from importlib import import_module

from tests.fuzz.targets import module_of


def main() -> None:
    """Hand the process over to libFuzzer; it does not come back."""
    name, *words = sys.argv[1:]
    atheris = import_module("atheris")  # Has no types of its own, and is here only for the fuzzer.
    with atheris.instrument_imports(
        include=["proxy.hotpath", "proxy.mining", "proxy.relay", "proxy.stratum"]
    ):
        run = import_module(module_of(name)).run
    # libFuzzer starts itself again to merge, through a shell.
    itself = f"{shlex.quote(sys.executable)} -m tests.fuzz.guided {name}"
    atheris.Setup([itself, *words], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
