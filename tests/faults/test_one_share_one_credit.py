"""One share in many thousand spellings is credited once, whichever of them comes first."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from proxy.hotpath import Assignment, Job
from proxy.mining.verdict import Claim, Judgement, Reason, Standing, Terms, judge
from proxy.relay import share_path
from proxy.stratum import downstream
from tests.fakes.pool import FakePool
from tests.faults.mutations import Mutator
from tests.faults.ways import RARE, both_ways, credited, heard_by, rare_pool, records, site_of

SEGMENT = 64
"""Lines that come in one read."""


def told(*, lanes: bool, count: int, bits: int | None) -> tuple[Counter[str], Any, FakePool]:
    """Send so many spellings of one share; return the answers by code, the site and the pool."""
    pool = rare_pool()
    site = site_of(pool, lanes=lanes)
    miner = site.miner(rolls=bits is not None)
    mutator = Mutator(miner.find(bits=bits), miner.worker, seed=count)
    same: set[int] = set()
    with heard_by(miner) as answers:
        for _ in range(count // SEGMENT):
            lines = []
            for _ in range(SEGMENT):
                line, is_same = mutator.draw()
                lines.append(line)
                if is_same:
                    same.add(mutator.last_id)
            miner.raw(b"\n".join(lines) + b"\n")
    assert answers.counts.total() == count // SEGMENT * SEGMENT, "each one is answered, once"
    for identity, code in answers.codes.items():
        assert code in ({"accepted", "22"} if identity in same else {"20", "21", "24"}), identity
    assert not miner.wire.closed
    return answers.counts, site, pool


@both_ways
@pytest.mark.parametrize("bits", [0, None], ids=["rolls", "never-rolls"])
def test_a_share_in_many_spellings_is_credited_once(lanes: bool, bits: int | None) -> None:
    counts, site, pool = told(lanes=lanes, count=20_000, bits=bits)
    assert counts["accepted"] == 1
    assert counts["22"] > 5_000
    assert credited(site) == (1, RARE)
    assert len(records(site)) == len(pool.received) == 1
    assert pool.faults == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@both_ways
def test_a_share_in_a_million_spellings_is_credited_once(lanes: bool) -> None:
    counts, site, pool = told(lanes=lanes, count=1_000_000, bits=0)
    assert counts["accepted"] == 1
    assert credited(site) == (1, RARE)
    assert len(records(site)) == len(pool.received) == 1


@both_ways
def test_lines_that_are_no_json_earn_nothing_before_or_behind_the_share(lanes: bool) -> None:
    pool = rare_pool()
    site = site_of(pool, lanes=lanes)
    miner = site.miner()
    found = miner.find()
    mutator = Mutator(found, miner.worker, seed=7)
    for _ in range(1000):
        miner.raw(mutator.broken() + b"\n")
    assert credited(site) == (0, 0.0)
    # Whatever stood in the lines before, the next one is read as what it is.
    assert miner.submit(found) == "accepted"
    for _ in range(1000):
        miner.raw(mutator.broken() + b"\n")
    assert credited(site) == (1, RARE)
    assert len(pool.received) == 1


@both_ways
@pytest.mark.parametrize("seed", range(4))
def test_however_the_bytes_are_cut_there_is_one_credit(lanes: bool, seed: int) -> None:
    site = site_of(rare_pool(), lanes=lanes)
    miner = site.miner()
    mutator = Mutator(miner.find(), miner.worker, seed)
    data = b"".join(mutator.draw()[0] + b"\n" for _ in range(500))
    chance = random.Random(seed)
    with heard_by(miner) as answers:
        while data:
            size = chance.choice([1, 7, 100, 4000])
            miner.raw(data[:size])
            data = data[size:]
    assert answers.counts["accepted"] == 1
    assert credited(site) == (1, RARE)


def test_two_calls_under_one_id_are_both_answered_and_one_is_credited() -> None:
    """An id is the miner's own affair: it makes no share another one."""
    site = site_of(rare_pool(), lanes=True)
    miner = site.miner()
    line, identity = miner.line("mining.submit", miner.find().params(miner.worker))
    miner.raw(line * 3)
    assert miner.order[-3:] == [identity] * 3
    assert miner.outcome(identity) == "22"
    assert credited(site) == (1, RARE)


def _textual(job: Job, claim: Claim, terms: Terms | Assignment, standing: Standing) -> Judgement:
    """Judge as a filter does that compares texts: whatever is written otherwise counts again."""
    judgement = judge(job, claim, terms, standing)
    return replace(judgement, reason=None) if judgement.reason is Reason.DUPLICATE else judgement


def test_a_filter_that_compares_texts_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share_path, "judge", _textual)
    counts, _, _ = told(lanes=False, count=1_000, bits=0)
    assert counts["accepted"] > 100


def _as_python_reads_it(text: Any) -> int | None:
    try:
        return int(text, 16) & 0xFFFFFFFF
    except (ValueError, TypeError):
        return None


def test_hex_that_python_takes_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downstream, "hex_u32", _as_python_reads_it)
    with pytest.raises(AssertionError):
        told(lanes=False, count=1_000, bits=0)
