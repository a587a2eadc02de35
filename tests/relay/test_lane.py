"""Lane plus long way equals long way alone: for every sequence of operations and every chunking."""

import json
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from typing_extensions import override

from proxy import hotpath
from proxy.hotpath import Lane, Window
from tests.conftest import Require
from tests.fakes.miner import FakeMiner, Found
from tests.fakes.mirror import Mirror, mirrored
from tests.fakes.pool import FakePool
from tests.fakes.site import FIXED, Site
from tests.relay.test_machine import Relaying, which

TRANSCRIPTS = sorted((Path(__file__).parents[1] / "vectors" / "transcripts").glob("*.jsonl"))

# --- submits as no two firmwares write them -----------------------------------------------------------------

JSON_IDS = ["1", "0", "-1", "-0", "01", "1.5", "1e3", "null", "true", "[]", "{}", ""]
JSON_TEXTS = ['"a"', '""', '"\\u0041"', '"\\""', '"é"', '"\x7f"', json.dumps("x" * 62), json.dumps("x" * 63)]
NINES = [sign + "9" * digits for digits in (18, 19, 30) for sign in ("", "-")]
EXTRAS = [
    '"jsonrpc":"2.0",',
    '"jsonrpc":2,',
    '"id":777,',
    '"worker":"x",',
    '"params":[],',
    '"jsonrpc":"\\u0032",',
]
MUTATIONS = [
    "upper",
    "null-bits",
    "no-bits",
    "seven",
    "short",
    "long",
    "space",
    "escape",
    "worker",
    "job",
    "nine",
]
MUTATIONS += ["number", "object", "unicode", "twice", "ntime", "last", "late", "bits"]


def changed_params(found: Found, worker: str, mutation: str) -> list[Any]:
    """Return a share's parameters, changed so."""
    params = found.params(worker)
    worker, job_id, extranonce2, ntime, nonce, *_ = params
    changes: dict[str, list[Any]] = {
        "upper": [worker, job_id, *(text.upper() for text in params[2:])],
        "null-bits": [*params[:5], None],
        "no-bits": params[:5],
        "seven": [*params[:5], "00000000", "x"],
        "short": [worker, job_id, extranonce2[2:], *params[3:]],
        "long": [worker, job_id, extranonce2 + "00", *params[3:]],
        "space": [*params[:4], " " + nonce[1:], *params[5:]],
        "worker": ["acme.nobody", *params[1:]],
        "job": [worker, "0" + job_id, *params[2:]],
        "nine": [*params[:3], ntime + "0", *params[4:]],
        "number": [*params[:4], int(nonce, 16), *params[5:]],
        "object": [worker, {"job": job_id}, *params[2:]],
        "unicode": [worker, job_id, extranonce2[:-1] + "\uff10", *params[3:]],
        "ntime": [*params[:3], "ffffffff", *params[4:]],
        "last": [*params[:3], f"{found.job.ntime + 600:08x}", *params[4:]],
        "late": [*params[:3], f"{found.job.ntime + 601:08x}", *params[4:]],
        "bits": [*params[:5], "ffffffff"],
    }
    return changes.get(mutation, params)


@dataclass(frozen=True)
class Odd:
    """How a submit is written."""

    mutation: str
    identity: str
    order: list[str]
    blank: str
    extra: str
    end: str
    misses: bool
    kept: int | None
    """One of the shares found before, so that duplicates and stale ones come."""

    def line(self, found: Found, worker: str) -> bytes:
        """Return the line."""
        params = json.dumps(changed_params(found, worker, self.mutation), ensure_ascii=False)
        if self.mutation == "escape":
            params = params.replace("0", "\\u0030", 1)
        members = {"id": self.identity, "method": '"mining.submit"', "params": params}
        gap = self.blank
        body = f"{gap},{gap}".join(f'"{key}"{gap}:{gap}{members[key]}' for key in self.order)
        line = f"{gap}{{{self.extra}{gap}{body}{gap}}}{self.end}"
        return (line * 2 if self.mutation == "twice" else line).encode()


odd_submits = st.builds(
    Odd,
    mutation=st.just("none") | st.sampled_from(MUTATIONS),
    identity=st.integers(10_000, 99_999).map(str) | st.sampled_from(JSON_IDS + JSON_TEXTS + NINES),
    order=st.permutations(["id", "method", "params"]),
    blank=st.sampled_from(["", " ", "  ", "\t", " \t "]),
    extra=st.just("") | st.sampled_from(EXTRAS),
    end=st.sampled_from(["\n", "\r\n", "\r\r\n", " \n", "\n\n"]),
    misses=st.booleans(),
    kept=st.none() | which,
)


class Laning(Relaying):
    """The site of the other test, its relay beside one without lanes, and miners that write oddly."""

    mirror: Mirror

    @override
    @initialize(sizes=st.sampled_from([(4, 3), (8, 16), (2, 2), (4, 2)]))
    def a_site_starts(self, sizes: tuple[int, int]) -> None:
        super().a_site_starts(sizes)

    @override
    def make_site(self, *pools: FakePool, **how: Any) -> Site:
        site = super().make_site(*pools, **how)
        self.mirror = mirrored(site)
        return site

    @rule(
        index=which,
        submits=st.lists(odd_submits, min_size=1, max_size=8),
        cuts=st.lists(st.integers(0, 3000), max_size=4),
        at_once=st.booleans(),
    )
    def a_miner_writes_oddly(self, index: int, submits: list[Odd], cuts: list[int], at_once: bool) -> None:
        miner = self._miner(index)
        if miner is None or not miner.jobs or self.site.session(miner).malformed > 4:
            return
        self.is_odd, self.site.commits = True, at_once
        data = b"".join(self._odd_line(miner, odd) for odd in submits)
        edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for start, stop in pairwise(edges):
            miner.raw(data[start:stop])

    def _odd_line(self, miner: FakeMiner, odd: Odd) -> bytes:
        kept = [found for sender, found in self.found if sender is miner]
        if odd.kept is not None and kept:
            found = kept[odd.kept % len(kept)]
        else:
            found = miner.find(misses=odd.misses)
            self.found.append((miner, found))
        return odd.line(found, miner.worker)

    @invariant()
    def both_ways_come_to_the_same(self) -> None:
        self.mirror.compare_all(self.site.now)


TestLaning = Laning.TestCase
TestLaning.settings = settings(
    max_examples=120, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


# --- what the lane takes ------------------------------------------------------------------------------------


def recorded_submits() -> list[tuple[str, bytes]]:
    """Return the submits of real miners, as they stood on the wire."""
    found = []
    for path in TRANSCRIPTS:
        entries = map(json.loads, path.read_text().splitlines())
        found += [(path.name, e["line"].encode()) for e in entries if "mining.submit" in e["line"]]
    return found


def test_there_are_recorded_submits_of_real_miners() -> None:
    assert len({name for name, _ in recorded_submits()}) >= 3


@pytest.mark.parametrize(("name", "line"), recorded_submits())
def test_the_lane_takes_what_real_miners_sent(name: str, line: bytes, require: Require) -> None:
    require("the compiled core", hotpath.COMPILED)
    lane = Lane(1, 0.0)
    lane.is_subscribed = True
    outbox = bytearray()
    data = line + b"\n"
    assert lane.take(data, 0, 4096, 0.0, Window(1), outbox) == len(data)
    assert outbox.endswith(b"\n")


def test_the_lane_really_takes_shares(require: Require) -> None:
    """Or the comparison would compare the long way with itself."""
    require("the compiled core", hotpath.COMPILED)
    site = Site(FakePool("one", difficulty=2.0**-20), vardiff=FIXED).start()
    miner = site.miner()
    session = site.session(miner)
    line = miner.line("mining.submit", miner.find().params(miner.worker))[0]
    window, outbox = Window(7), bytearray()
    taken = session.take(line * 3 + line[:40], 0, 4096, site.now, window, outbox)
    assert taken in {len(line), 3 * len(line)}  # the first may be due for vardiff
    assert session.tally.accepted == 1
    assert len(window.records) > 50
    assert window.holders == [session]


@pytest.mark.parametrize("size", [1, 63, 64, 200])
def test_a_lane_stops_before_a_line_that_is_too_long_or_unfinished(size: int, require: Require) -> None:
    require("the compiled core", hotpath.COMPILED)
    lane = Lane(1, 0.0)
    lane.is_subscribed = True
    params = f'["w","j","00000000","00000000","00000000"]{" " * size}'
    line = f'{{"id":1,"method":"mining.submit","params":{params}}}'.encode()
    for data, limit in ((line, 4096), (line + b"\n", len(line) - 1)):
        assert lane.take(data, 0, limit, 0.0, Window(1), bytearray()) == 0
    assert lane.take(line + b"\n", 0, len(line), 0.0, Window(1), bytearray()) == len(line) + 1
    assert lane.tally.judged == 1


def test_a_miner_is_answered_alike_on_both_ways() -> None:
    """One case told in full, for who reads the comparison for the first time."""
    answers = []
    for uses_lanes in (True, False):
        site = Site(FakePool("one")).start()
        site.relay.uses_lanes = uses_lanes
        miner: FakeMiner = site.miner()
        good = miner.find()
        outcomes = [miner.submit(good), miner.submit(good), miner.submit(miner.find(misses=True))]
        outcomes.append(miner.submit(miner.find(), "acme.nobody"))
        answers.append((outcomes, miner.lines, site.journal.batches))
    assert answers[0][0] == ["accepted", "22", "23", "24"]
    assert answers[0] == answers[1]
