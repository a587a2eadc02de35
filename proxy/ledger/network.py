"""What the network asks of a block, as the ledger knows it: by the ``nbits`` of each work."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from proxy.hotpath.share_fold import Key
from proxy.ledger.records import Flags, shares_of

ALMOST = 1 - 1e-12
"""A share's difficulty and the network's are doubles made of integers: of equal ones either may be less."""


def network_difficulty(nbits: int) -> float:
    """Return the difficulty that the compact target ``nbits`` stands for; 0.0 if nothing can ever meet it.

    As in ``mining.difficulty``. Nothing meets one with a sign, one of zero [S: Bitcoin Core, SetCompact], or
    one of more than 256 bits.
    """
    exponent, mantissa = nbits >> 24, nbits & 0x7FFFFF
    if exponent <= 3:
        mantissa, exponent = mantissa >> 8 * (3 - exponent), 3
    bits = mantissa.bit_length() + 8 * (exponent - 3)
    if nbits & 0x800000 or not mantissa or bits > 256:
        return 0.0
    return math.ldexp(0xFFFF / mantissa, 208 - 8 * (exponent - 3))


def expected_blocks(count: int, credit: float, network: float) -> float:
    """Return how many blocks are to be expected among ``count`` shares of together ``credit``.

    One that is credited for more than the network asks is a block: there is none more than shares.
    """
    return min(credit / network, float(count)) if network > 0 else 0.0


def blocks_among(messages: Iterable[bytes]) -> Counter[Key]:
    """Return how many shares are flagged as blocks, by session, worker and job.

    Raises:
        LedgerDamaged: these are no shares.

    """
    return Counter(
        (share.session, share.worker, share.job_id)
        for message in messages
        for share in shares_of(message)
        if share.flags & Flags.BLOCK
    )
