"""Print shares with the results that the Python reference computes for them: what check.c reads."""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from proxy.hotpath.reference import PreparedJob

RECORDED = Path(__file__).parents[2] / "vectors" / "stratum-shares.json"
Share = tuple[PreparedJob, bytes, int, int, int]


def noise(seed: str, size: int) -> bytes:
    """Return bytes that no two seeds share, the same on every run."""
    return hashlib.shake_256(seed.encode()).digest(size)


def word(seed: str) -> int:
    return int.from_bytes(noise(seed, 4), "little")


def drawn(number: int) -> Share:
    """Return a share: the extranonce walks through a block, the sizes around the border of one."""
    seed = f"{number} "
    job = PreparedJob(
        coinb1=noise(seed + "coinb1", number * 13 % 200),
        coinb2=noise(seed + "coinb2", 64 * (number % 4) + number % 64),
        extranonce_size=number % 33,
        branches=[noise(f"{seed}branch {i}", 32) for i in range(number % 14)],
        version=word(seed + "version"),
        prevhash=noise(seed + "prevhash", 32),
        nbits=word(seed + "nbits"),
    )
    return job, noise(seed + "en", number % 33), word(seed + "t"), word(seed + "n"), word(seed + "v")


def recorded() -> Iterator[Share]:
    """Yield the shares that a pool and miners agreed on."""
    for share in json.loads(RECORDED.read_text()):
        _, swapped, coinb1, coinb2, branches, version, nbits, _, _ = share["notify"]
        extranonce = bytes.fromhex(share["extranonce1"] + share["extranonce2"])
        words = bytes.fromhex(swapped)
        job = PreparedJob(
            coinb1=bytes.fromhex(coinb1),
            coinb2=bytes.fromhex(coinb2),
            extranonce_size=len(extranonce),
            branches=[bytes.fromhex(branch) for branch in branches],
            version=int(version, 16),
            prevhash=b"".join(words[i : i + 4][::-1] for i in range(0, 32, 4)),
            nbits=int(nbits, 16),
        )
        rolled = int(share["computed"]["version"], 16)
        yield job, extranonce, int(share["ntime"], 16), int(share["nonce"], 16), rolled


def line(share: Share) -> str:
    job, extranonce, *rolled = share
    results = [job.merkle_root(extranonce), job.header(*share[1:]), job.share_hash(*share[1:])]
    fields: list[bytes | int] = [job.coinb1, job.coinb2, extranonce, b"".join(job.branches)]
    fields += [job.version, job.prevhash, job.nbits, *rolled, *results]
    return " ".join(str(field) if isinstance(field, int) else field.hex() or "-" for field in fields)


def main() -> None:
    shares = [*recorded(), *map(drawn, range(80))]
    sys.stdout.write(f"{len(shares)}\n" + "".join(line(share) + "\n" for share in shares))


if __name__ == "__main__":
    main()
