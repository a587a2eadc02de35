"""``./dev simulate-long``: thousands of plants that nobody chose; a fault is printed with its seed.

It goes on where another run left off with --from; each plant is one seed. With --faults each plant has an
instrument that says anything at any time, beside the panic reference.
"""

import argparse
import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.random_faults import Faulty, look_at_fault
from tests.simulation.random_plants import Found, look


def main() -> int:
    """Return 1 if the governor went on swinging on any plant, or gave power that was not proven."""
    parser = argparse.ArgumentParser(prog="./dev simulate-long", description=__doc__)
    parser.add_argument("--plants", type=int, default=10_000, help="how many (10,000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (one for each core)")
    parser.add_argument("--faults", action="store_true", help="instruments that lie, instead of swings")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.plants)
    bad, what = 0, "give what is not there" if asked.faults else "oscillate"
    looks: Callable[[int], Found | Faulty] = look_at_fault if asked.faults else look
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(looks, seeds, chunksize=4), start=1):
            if found.wrong:
                bad += 1
                print(f"WRONG: {found}", flush=True)
            if number % 100 == 0:
                print(f"{number:,} of {asked.plants:,} plants, {bad} {what}", file=sys.stderr, flush=True)
    print(f"{asked.plants:,} plants from seed {asked.first}, {bad} {what}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
