"""The core three times over: the reference, and the compiled twin with each of its implementations."""

from collections.abc import Iterator
from importlib import import_module, util
from types import ModuleType

import pytest

from proxy.hotpath import reference
from tests.conftest import Require

COMPILED_NAME = "proxy.hotpath._compiled"


@pytest.fixture(name="compiled", scope="module")
def _compiled(require: Require) -> ModuleType:
    require(f"the compiled core, {COMPILED_NAME}", util.find_spec(COMPILED_NAME) is not None)
    return import_module(COMPILED_NAME)


def _with(compiled: ModuleType, implementation: str) -> Iterator[ModuleType]:
    # Not `require`: a CI machine without these instructions is no mistake of ours.
    if implementation not in compiled._implementations():
        pytest.skip(f"this processor cannot run {implementation}")
    before = compiled.implementation()
    compiled._select(implementation)
    assert compiled.implementation() == implementation
    yield compiled
    compiled._select(before)


@pytest.fixture(name="native", params=["portable-c", "sha-ni"], scope="module")
def _native(request: pytest.FixtureRequest, compiled: ModuleType) -> Iterator[ModuleType]:
    yield from _with(compiled, request.param)


@pytest.fixture(name="twin", params=["python", "portable-c", "sha-ni"], scope="module")
def _twin(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    if request.param == "python":
        yield reference
    else:
        yield from _with(request.getfixturevalue("compiled"), request.param)
