"""Work beside the loop rests as long as it took."""

import time

import pytest

from proxy.adapters.stores.ledger.gently import WORK, gently


def test_all_items_come_and_each_stretch_of_work_is_followed_by_a_rest_of_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(time, "sleep", rest)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    seen = []
    for item in gently(range(10)):
        seen.append(item)
        now[0] += WORK / 2
    assert seen == list(range(10))
    assert rests == pytest.approx([1.5 * WORK] * 3)
    assert list(gently([])) == []
