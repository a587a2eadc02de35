"""What real miners and a real pool said to each other is read, hashed and judged as they judged it.

The recordings and the programs that made them are described in tests/vectors/README.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from proxy.hotpath import Target
from proxy.mining.difficulty import target_of
from proxy.mining.job import Job, prepare
from proxy.mining.verdict import Claim, Standing, Terms, judge
from proxy.stratum import downstream, upstream
from proxy.stratum.jsonrpc import Malformed
from proxy.units import Difficulty

FOLDER = Path(__file__).parent.parent / "vectors" / "transcripts"


@dataclass
class Reading:
    """One connection, read with the parsers of both sides."""

    extranonce1: bytes = b""
    mask: int | None = None
    difficulty: Difficulty = Difficulty(1.0)
    jobs: dict[str, tuple[upstream.Notify, Difficulty]] = field(default_factory=dict)
    submits: list[downstream.Submit] = field(default_factory=list)
    accepted: list[bool] = field(default_factory=list)
    waiting: dict[bytes, list[str]] = field(default_factory=dict)


def read(name: str) -> Reading:
    reading = Reading()
    for speaker, line in lines(name):
        if speaker == "miner":
            request = downstream.parse(line)
            assert not isinstance(request, Malformed | downstream.BadSubmit | downstream.Unknown)
            identity = bytes(getattr(request, "id", b"null"))
            reading.waiting.setdefault(identity, []).append(type(request).__name__)
            if isinstance(request, downstream.Submit):
                reading.submits.append(request)
        else:
            hear(reading, upstream.parse(line))
    return reading


def lines(name: str) -> Iterator[tuple[str, bytes]]:
    for record in (FOLDER / f"{name}.jsonl").read_text().splitlines():
        entry = json.loads(record)
        yield entry["from"], entry["line"].encode()


def hear(reading: Reading, message: upstream.PoolMessage) -> None:
    match message:
        case upstream.SetDifficulty(difficulty):
            reading.difficulty = Difficulty(difficulty)
        case upstream.Notify():
            reading.jobs[message.job_id] = (message, reading.difficulty)
        case upstream.Reply(identity, result, refusal):
            match reading.waiting[str(identity).encode()].pop(0):
                case "Subscribe":
                    reading.extranonce1 = upstream.subscribed(result).extranonce1
                case "Configure":
                    reading.mask = upstream.granted_mask(result)
                case "Submit":
                    reading.accepted.append(refusal is None and result is True)


def job_of(reading: Reading, submit: downstream.Submit) -> Job:
    notify, difficulty = reading.jobs[submit.job_id]
    return prepare(
        coinb1=notify.coinb1 + reading.extranonce1,
        coinb2=notify.coinb2,
        extranonce_size=len(submit.extranonce2),
        branches=notify.branches,
        version=notify.version,
        prevhash=notify.prevhash,
        nbits=notify.nbits,
        ntime=notify.ntime,
        upstream_difficulty=difficulty,
        version_mask=reading.mask,
    )


def digest_of(reading: Reading, submit: downstream.Submit) -> bytes:
    """Judge a submit on its own and return the header hash, if it counts."""
    job = job_of(reading, submit)
    mask = reading.mask or 0
    claim = Claim(submit.extranonce2, submit.ntime, submit.nonce, submit.version_bits)
    terms = Terms(Target(target_of(job.upstream_difficulty)), job.upstream_difficulty, mask)
    standing = Standing(authorized=True, stale=False, mask=mask, masks_ever=mask)
    judgement = judge(job, claim, terms, standing)
    assert judgement.accepted, judgement.reason
    return judgement.digest


@pytest.mark.parametrize(
    "name", ["minerd-ckpool", "minerd-ckpool-vardiff", "cgminer-ckpool", "through-ckpool"]
)
def test_what_ckpool_accepted_counts(name: str) -> None:
    reading = read(name)
    judged = [
        digest_of(reading, submit)
        for submit, accepted in zip(reading.submits, reading.accepted, strict=False)
        if accepted
    ]
    assert len(judged) > 3
    assert len(set(judged)) == len(judged)


@pytest.mark.parametrize("name", ["through-minerd", "through-cgminer"])
def test_what_pumpjack_accepted_was_worth_it(name: str) -> None:
    reading = read(name)
    assert all(reading.accepted)
    assert len({digest_of(reading, submit) for submit in reading.submits}) == len(reading.submits) > 3


def test_shares_went_up_as_the_very_headers_that_the_miners_hashed() -> None:
    found = {
        digest_of(reading, submit)
        for reading in (read("through-minerd"), read("through-cgminer"))
        for submit in reading.submits
    }
    up = read("through-ckpool")
    forwarded = [digest_of(up, submit) for submit in up.submits]
    assert set(forwarded) <= found
    assert len(set(forwarded)) == len(forwarded)
    met = Target(target_of(next(iter(up.jobs.values()))[1]))
    assert {digest for digest in found if met.met_by(digest)} == set(forwarded)


def test_cgminer_rolled_versions_through_pumpjack() -> None:
    bits = {submit.version_bits for submit in read("through-cgminer").submits}
    assert len(bits - {0, None}) > 1
