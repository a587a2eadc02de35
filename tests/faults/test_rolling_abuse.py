"""ntime and version bits beyond what was granted: every share is refused, and told why."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.pool import EASY_NBITS
from tests.faults.rolling import ROWS, Row, answer_to
from tests.faults.ways import both_ways, credited, rare_pool, site_of

ROOT = Path(__file__).resolve().parents[2]


@both_ways
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_table(lanes: bool, row: Row) -> None:
    assert answer_to(row, lanes=lanes) == row.answer


def test_the_pure_core_says_the_same() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "tests.faults.rolling"],
        cwd=ROOT,
        env={**os.environ, "PUMPJACK_PURE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(said.stdout)
    assert told["core"] == "python"
    assert told["answers"] == {row.name: row.answer for row in ROWS}


@both_ways
@pytest.mark.parametrize("place", [3, 4, 5], ids=["ntime", "nonce", "version-bits"])
def test_what_is_no_word_is_a_malformed_share(lanes: bool, place: int) -> None:
    site = site_of(rare_pool(), lanes=lanes)
    miner = site.miner()
    params = miner.find().params(miner.worker)
    for text in ("", "0", "1234567", "123456789", "-1234567", "0x123456", "1234 567", "zzzzzzzz"):
        code, words, _ = miner.call("mining.submit", [*params[:place], text, *params[place + 1 :]])["error"]
        assert code == 20
        assert "hex" in words
    assert credited(site) == (0, 0.0)


@both_ways
def test_a_block_with_an_ntime_of_tomorrow_goes_up_and_earns_nothing(lanes: bool) -> None:
    """The network decides about blocks, not we."""
    pool = rare_pool(nbits=EASY_NBITS)
    site = site_of(pool, lanes=lanes)
    miner = site.miner()
    assert miner.submit(miner.find(ntime=miner.job.ntime + 86_400)) == "20"
    assert len(pool.received) == 1
    assert credited(site) == (0, 0.0)
