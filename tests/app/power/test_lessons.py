"""What was learned of models outlives the program, stays with its model, and within its bounds."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.app.power import keeping
from proxy.app.power.lessons import FILE_NAME, LessonBook
from proxy.governor.learned import FASTEST, SLOWEST, Learned


def test_lessons_come_back_by_model_whatever_their_order(tmp_path: Path) -> None:
    learned = Learned(2)
    learned.lag[0, 2], learned.residual[1, 1] = 1.5, 0.25
    LessonBook(tmp_path).keep(["old", "kept"], learned)
    book, again = LessonBook(tmp_path), Learned(2)
    assert book.load() == ""
    book.recall(["kept", "new"], again)
    assert again.residual[0].tolist() == [0.0, 0.25, 0.0, 0.0]
    assert (again.lag[0].tolist(), again.lag[1].tolist()) == ([1.0] * 4, [1.0] * 4)
    book.keep(["kept", "new"], again)
    book, third = LessonBook(tmp_path), Learned(1)
    book.load()
    book.recall(["old"], third)
    assert third.lag[0, 2] == 1.5, "who is not configured any more is not forgotten"


def test_what_did_not_change_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = LessonBook(tmp_path)
    book.keep(["a"], Learned(1))
    monkeypatch.setattr(keeping, "keep", lambda path, content: pytest.fail("written again"))
    book.keep(["a"], Learned(1))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"a": {"SLEEP": {"lag": "slow", "residual": 0}}}', b'{"a": {"SLEEP": 1}}']
)
def test_a_file_that_is_none_is_told_and_begun_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    book, learned = LessonBook(tmp_path), Learned(1)
    assert "cannot be read" in book.load()
    book.recall(["a"], learned)
    assert (learned.lag == 1.0).all()
    book.keep(["a"], learned)
    assert LessonBook(tmp_path).load() == ""


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_what_is_recalled_is_within_bounds(lag: float, residual: float) -> None:
    learned = Learned(1)
    learned.recall(0, 2, lag, residual)
    assert FASTEST <= learned.lag[0, 2] <= SLOWEST
    assert 0.0 <= learned.residual[0, 2] <= 1.0
    assert np.delete(learned.lag[0], 2).tolist() == [1.0] * 3
