"""A08: shares that are nothing but work for us."""

import asyncio
from pathlib import Path

import pytest

from tests.adapters.simulated.raw import RawClient
from tests.faults.hostile import attacked, honest, logged_in

SUBMIT = '{"id":5,"method":"mining.submit","params":["%s","%s","%s","%s","%s"]}\n'


def garbage(kind: str, worker: str, job: str, notify: bytes) -> bytes:
    """Return some three hundred submits of one kind."""
    size = int(notify.split(b'"mining.notify",')[1].split(b"]],")[1].split(b",")[1].split(b"]")[0])
    ntime = notify.split(b'","')[-1][:8].decode()
    if kind == "unknown job":
        lines = [SUBMIT % (worker, f"{n:x}", "00" * size, ntime, f"{n:08x}") for n in range(300)]
    elif kind == "low":
        lines = [SUBMIT % (worker, job, f"{n:0{2 * size}x}", ntime, "00000000") for n in range(300)]
    elif kind == "not hex":
        lines = [SUBMIT % (worker, job, "zz" * size, ntime, "00000000")] * 300
    else:
        lines = [SUBMIT % (f"{worker}x", job, "00" * size, ntime, f"{n:08x}") for n in range(300)]
    return "".join(lines).encode()


@pytest.mark.parametrize("kind", ["unknown job", "low", "not hex", "unknown name"])
async def test_a08_garbage_shares_end_the_connection_and_close_the_door_to_its_name(
    tmp_path: Path, kind: str
) -> None:
    async with attacked(tmp_path) as (pumpjack, _), honest(pumpjack.port) as miner:
        peer, job = await logged_in(pumpjack.port, "127.0.0.1", "acme.bad")
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(20):
            await peer.flood(garbage(kind, "acme.bad", job, bytes(peer.heard)))
        assert loop.time() - began < 10  # the bar is 5 s, on a quiet machine
        await peer.leave()
        state = await pumpjack.status_when(lambda state: state["connections"] == 1)
        rejected = state["shares"]["rejected"]
        # The hard cost, or twice fifty shares, and one read beyond; half of it was never hashed.
        assert 50 <= rejected <= 1_500
        async with RawClient(pumpjack.port) as client:
            await client.ask("mining.subscribe", "again")
            assert (await client.ask("mining.authorize", "acme.bad", "x"))["error"][0] == 24
            assert (await client.ask("mining.authorize", "acme.other", "x"))["result"] is True
        assert miner.accepted >= 3
