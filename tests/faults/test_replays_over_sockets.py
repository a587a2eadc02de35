"""Cheats against the real program: spellings of one share, and shares sent again after a restart."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.adapters.simulated.pool import SimulatedPool
from tests.adapters.simulated.raw import RawClient, mined
from tests.fakes.header import target_at
from tests.fakes.miner import Found, Told
from tests.faults.mutations import Mutator
from tests.faults.ways import RARE
from tests.system.mine import EASY, POOL
from tests.system.pumpjack import Pumpjack, running
from tests.system.site import site, tenant, upstream, written

WORKER = "acme.cheat"


async def a_share(client: RawClient, extranonce2: str = "0badcafe") -> tuple[str, list[Any]]:
    """Log in and find a share; return extranonce1 and what a submit carries behind the worker."""
    _, extranonce1, size = await client.shake_hands(WORKER)
    notify = await client.notification("mining.notify")
    return extranonce1, mined(notify, extranonce1, extranonce2[: 2 * size], target_at(EASY))


def code(answer: dict[str, Any]) -> int | str:
    return "accepted" if answer["result"] is True else int(answer["error"][0])


async def test_a_thousand_spellings_are_one_credit_and_one_submit_to_the_pool(tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        path = written(tmp_path, site(tenant(upstream(pool))))
        async with (
            running(["-c", str(path)], tmp_path / "data") as pumpjack,
            RawClient(pumpjack.port) as client,
        ):
            _, words = await a_share(client)
            job_id, extranonce2, ntime, nonce, _ = words
            told = Told([job_id], EASY, "", 4, 0)
            found = Found(told, extranonce2, int(ntime, 16), int(nonce, 16), 0, b"")
            mutator = Mutator(found, WORKER, seed=3)
            lines = [mutator.draw()[0] for _ in range(1000)]
            client.write(b"\n".join(lines) + b"\n")
            answers = accepted = 0
            # Whoever cuts such a peer off may do so: what counts is what was credited.
            while answers < len(lines) and (line := await client.line()):
                answers += b'"result":' in line
                accepted += b'"result":true' in line
            shares = (await pumpjack.settled())["shares"]
            assert (accepted, shares["accepted"], shares["accepted_difficulty"]) == (1, 1, EASY)
            assert shares["forwarded"] == pool.truth.submits == pool.accepted == 1


async def replayed(pumpjack: Pumpjack, words: list[Any], session_id: str) -> list[int | str]:
    """Come back with the session's id, and send the same words under the old job id and under a new one."""
    async with RawClient(pumpjack.port) as client:
        await client.ask("mining.configure", ["version-rolling"], {"version-rolling.mask": "1fffe000"})
        await client.ask("mining.subscribe", "raw", session_id)
        await client.ask("mining.authorize", WORKER, "x")
        (job_id, *_) = await client.notification("mining.notify")
        return [
            code(await client.ask("mining.submit", WORKER, each, *words[1:])) for each in (words[0], job_id)
        ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_what_was_credited_before_a_restart_is_not_credited_after_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with SimulatedPool(replace(POOL, difficulty=RARE)) as pool:
        words = ["-c", str(written(tmp_path, site(tenant(upstream(pool)))))]
        async with running(words, tmp_path / "data") as before:
            async with RawClient(before.port) as client:
                subscription = await client.shake_hands(WORKER)
                notify = await client.notification("mining.notify")
                extranonce2 = "0badcafe"[: 2 * subscription[2]]
                share = mined(notify, subscription[1], extranonce2, target_at(RARE))
                assert code(await client.ask("mining.submit", WORKER, *share)) == "accepted"
            await before.settled()
            before.send(number)
            assert await before.ended() == (0 if number is signal.SIGTERM else -number)
        async with running(words, tmp_path / "data") as after:
            session_id = subscription[0][0][1]
            under_the_old_id, under_a_new_id = await replayed(after, share, session_id)
            assert under_the_old_id == 21
            # The pool gave another extranonce1: the same words make a header that nobody searched for.
            assert under_a_new_id in (21, 22, 23), json.dumps(await after.status())
            shares = (await after.settled())["shares"]
            assert (shares["accepted"], shares["forwarded"]) == (0, 0)
        assert pool.truth.submits == 1
