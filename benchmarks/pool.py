"""A simulated pool in a process of its own, so that its work is not taken for the proxy's.

Prints {"port": N}. On the line "block" it says when it began and gives everyone a new, clean job; at the end
of its input it ends.
"""

import asyncio
import json
import sys
import time

from proxy.adapters.simulated.pool import PoolSettings, SimulatedPool
from proxy.units import Difficulty

SETTINGS = PoolSettings(
    difficulty=Difficulty(2.0**40),  # nothing that is measured here is ever forwarded
    network_difficulty=Difficulty(2.0**60),
    honour_suggestion=False,
    coinbase_bytes=260,
    branches=12,  # a full block: with a coinbase of five blocks, 45 compressions a share
    notify_interval=None,
)


async def serve() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    async with SimulatedPool(SETTINGS, seed=1) as pool:
        say({"port": pool.port})
        while await loop.run_in_executor(None, sys.stdin.readline):
            began = time.monotonic_ns()
            pool.new_block()
            say({"began_ns": began})


def say(answer: dict[str, int]) -> None:
    """Print one line of JSON."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
