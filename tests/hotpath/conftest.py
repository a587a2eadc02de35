"""The core several times over: the reference, and the compiled twin with each of its implementations."""

from collections.abc import Iterator
from importlib import import_module, util
from types import ModuleType

import pytest

from proxy.hotpath import reference
from tests.conftest import Require

COMPILED_NAME = "proxy.hotpath._compiled"
HERE = import_module(COMPILED_NAME) if util.find_spec(COMPILED_NAME) else None

# Where nothing is compiled a test of portable C remains, to say so. What this processor lacks is not asked
# for: `./dev arm` runs the other architecture.
SINGLE: tuple[str, ...] = HERE._implementations() if HERE else ("portable-c",)
BULK: tuple[str, ...] = HERE._bulk_implementations() if HERE else ("portable-c",)


@pytest.fixture(name="compiled", scope="module")
def _compiled(require: Require) -> ModuleType:
    require(f"the compiled core, {COMPILED_NAME}", HERE is not None)
    assert HERE is not None  # or the line above had left
    return HERE


def _with(compiled: ModuleType, implementation: str) -> Iterator[ModuleType]:
    before = compiled.implementation()
    compiled._select(implementation)
    assert compiled.implementation() == implementation
    yield compiled
    compiled._select(before)


@pytest.fixture(name="native", params=SINGLE, scope="module")
def _native(request: pytest.FixtureRequest, compiled: ModuleType) -> Iterator[ModuleType]:
    yield from _with(compiled, request.param)


@pytest.fixture(name="twin", params=["python", *SINGLE], scope="module")
def _twin(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    if request.param == "python":
        yield reference
    else:
        yield from _with(request.getfixturevalue("compiled"), request.param)


@pytest.fixture(name="bulk", params=BULK, scope="module")
def _bulk(request: pytest.FixtureRequest, compiled: ModuleType) -> Iterator[ModuleType]:
    """Yield the compiled twin with each implementation of ``share_hashes``."""
    before = compiled.bulk_implementation()
    compiled._bulk_select(request.param)
    assert compiled.bulk_implementation() == request.param
    yield compiled
    compiled._bulk_select(before)
