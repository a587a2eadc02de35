"""Every input of the fuzzers' corpus goes through its target: each bug that was found stays mended."""

from pathlib import Path

import pytest

from proxy import hotpath
from tests.conftest import Require
from tests.fuzz.planted import BUGS, Bug
from tests.fuzz.prove import BUILDS
from tests.fuzz.stored import CORPUS, inputs, path_of
from tests.fuzz.submits import NAMES
from tests.fuzz.targets import TARGETS, submit_scan, target
from tests.fuzz.workshop import natives

ROOT = Path(__file__).parents[2]
SMALL = 4096
"""Bytes."""


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_of_the_corpus_is_a_fault(name: str) -> None:
    run, found = target(name), inputs(name)
    for data in found.values():
        run(data)
    assert found


@pytest.mark.parametrize("name", TARGETS)
def test_an_input_means_the_same_each_time_and_may_end_anywhere(name: str) -> None:
    run = target(name)
    for data in list(inputs(name).values())[:8]:
        for end in range(0, len(data), 1 + len(data) // 8):
            run(data[:end])


def test_every_file_of_the_corpus_is_of_a_target() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {path_of(name).name for name in (*TARGETS, *natives())}


@pytest.mark.parametrize("name", [*TARGETS, *natives()])
def test_the_corpus_is_small_and_no_input_stands_in_it_twice(name: str) -> None:
    found = inputs(name)
    assert max(map(len, found.values())) <= SMALL
    assert sum(map(len, found.values())) < 100_000
    assert len(set(found.values())) == len(path_of(name).read_text().splitlines())


def test_the_scanner_takes_the_plain_and_leaves_the_odd(require: Require) -> None:
    require("the compiled core", hotpath.COMPILED)
    plain = b'{"params":["acme","80","00","65000000","0000000a"],"id":1,"method":"mining.submit"}'
    assert submit_scan.check(plain)
    assert not submit_scan.check(plain.replace(b"acme", NAMES[8].encode()))


@pytest.mark.checkout
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_still_has_its_place(bug: Bug) -> None:
    assert (ROOT / bug.path).read_text().count(bug.right) == 1
    assert bug.wrong != bug.right
    assert bug.target in {*TARGETS, *natives()}
    assert bug.build in BUILDS
