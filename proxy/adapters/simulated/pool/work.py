"""Blocks under construction: seeded, but with everything that a real template has."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from proxy.adapters.simulated.pool.header import header, merkle_root, swapped_words
from proxy.adapters.simulated.pool.settings import PoolSettings
from proxy.mining.difficulty import target_of
from proxy.units import Difficulty

_FIRST_HEIGHT = 800_000
_TAG = b"/simulated/"
_REWARD = 312_500_000
_PAY_TO_WITNESS_BYTES = 31
"""Size of one P2WPKH output: 8 bytes of value, a length, 22 bytes of script."""


@dataclass(frozen=True, slots=True)
class Template:
    """A block on the tip of its time, complete but for what a miner rolls."""

    height: int
    previous: bytes
    """Digest of the block before, in header order."""
    script_head: bytes
    """Input script before the extranonce."""
    outputs: bytes
    """Count and outputs of the coinbase transaction."""
    branches: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int

    def coinbase_halves(self, hole: int) -> tuple[bytes, bytes]:
        """Return the coinbase transaction, without witness, before and behind ``hole`` free bytes."""
        script_size = len(self.script_head) + hole + len(_TAG)
        head = (
            b"\x01\x00\x00\x00\x01"
            + bytes(32)
            + b"\xff\xff\xff\xff"
            + bytes([script_size])
            + self.script_head
        )
        return head, _TAG + b"\xff\xff\xff\xff" + self.outputs + bytes(4)

    def header(self, extranonce: bytes, ntime: int, nonce: int, version: int) -> bytes:
        """Return the 80 header bytes that a share with this extranonce (1 and 2 together) claims."""
        head, tail = self.coinbase_halves(len(extranonce))
        root = merkle_root(head + extranonce + tail, self.branches)
        return header(version, self.previous, root, ntime, self.nbits, nonce)

    def notify(self, job_id: str, hole: int, clean: bool) -> list[object]:
        """Return the nine parameters of mining.notify."""
        head, tail = self.coinbase_halves(hole)
        return [
            job_id,
            swapped_words(self.previous).hex(),
            head.hex(),
            tail.hex(),
            [branch.hex() for branch in self.branches],
            f"{self.version:08x}",
            f"{self.nbits:08x}",
            f"{self.ntime:08x}",
            clean,
        ]


def nbits_of(target: int) -> int:
    """Return the compact form of a target, rounded down to the 23 bits that it holds."""
    size = (target.bit_length() + 7) // 8
    mantissa = target >> 8 * (size - 3) if size > 3 else target << 8 * (3 - size)
    if mantissa & 0x800000:  # the sign bit of the compact form
        mantissa, size = mantissa >> 8, size + 1
    return size << 24 | mantissa


def _outputs(random: Random, least_size: int) -> bytes:
    """Return the count and the outputs: payouts of ``least_size`` bytes or more, a witness commitment."""
    payouts = max(1, -(-least_size // _PAY_TO_WITNESS_BYTES))
    each = _REWARD // payouts
    paid = b"".join(
        each.to_bytes(8, "little") + b"\x16\x00\x14" + random.randbytes(20) for _ in range(payouts)
    )
    commitment = bytes(8) + b"\x26\x6a\x24\xaa\x21\xa9\xed" + random.randbytes(32)
    return bytes([payouts + 1]) + paid + commitment


class Chain:
    """The block chain as this pool sees it, seeded.

    Args:
        settings: Version, network difficulty and sizes.
        seed: Two chains of one seed and one clock are alike.
        clock: Unix time, for ntime.

    """

    def __init__(self, settings: PoolSettings, seed: int, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._random = Random(f"{seed}/chain")
        self.nbits = nbits_of(target_of(Difficulty(settings.network_difficulty)))
        self.height = _FIRST_HEIGHT
        self._ntime = 0
        self._previous = self._foreign_block()

    def _foreign_block(self) -> bytes:
        """Return the digest of a block that someone else found, with the zeros such a hash has."""
        return self._random.randbytes(22) + bytes(10)

    def advance(self, found: bytes | None = None) -> None:
        """Put a block on the chain: the digest of our own, or one from elsewhere."""
        self.height += 1
        self._previous = found if found is not None else self._foreign_block()

    def template(self) -> Template:
        """Return a new block on the tip: other transactions, so another coinbase, branches and ntime."""
        settings, random = self._settings, self._random
        self._ntime = max(self._ntime, int(self._clock()))
        hole = settings.extranonce1_size + settings.extranonce2_size
        head = b"\x03" + self.height.to_bytes(3, "little") + b"\x04" + self._ntime.to_bytes(4, "little")
        head += random.randbytes(20)
        fixed = 4 + 1 + 36 + 1 + len(head) + hole + len(_TAG) + 4 + 1 + 47 + 4
        count = settings.branches if settings.branches is not None else random.randint(0, 12)
        return Template(
            height=self.height,
            previous=self._previous,
            script_head=head,
            outputs=_outputs(random, settings.coinbase_bytes - fixed),
            branches=tuple(random.randbytes(32) for _ in range(count)),
            version=settings.base_version ^ (random.getrandbits(32) & settings.toggled_version_bits),
            nbits=self.nbits,
            ntime=self._ntime,
        )
