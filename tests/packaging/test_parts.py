"""A test that lacks its part is never silently green."""

import pytest
from _pytest.outcomes import Failed, Skipped

from tests import conftest
from tests.conftest import Require


def test_a_present_part_lets_the_test_go_on(require: Require) -> None:
    require("nothing at all", True)


def test_a_missing_part_skips_by_name_on_a_developers_machine(
    require: Require, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "IN_CI", False)
    with pytest.raises(Skipped, match="needs minerd"):
        require("minerd", False)


def test_a_missing_part_fails_in_ci(require: Require, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "IN_CI", True)
    with pytest.raises(Failed, match="CI lacks minerd"):
        require("minerd", False)
