"""A job as a simulated miner reads it from the wire, and the search for shares of it."""

from dataclasses import dataclass
from random import Random

from proxy.adapters.simulated.miner.firmware import Firmware, VersionBits
from proxy.adapters.simulated.wire import hex_bytes, hex_word
from proxy.hotpath import PreparedJob, Target
from proxy.mining.difficulty import power_of_two_at_most, target_of
from proxy.units import Difficulty

_NONCES = 1 << 32
_ODD_BITS = (0x40000000, 0x80000000, 0xC0000000)


@dataclass(frozen=True, slots=True)
class Notice:
    """The parameters of a mining.notify, read."""

    job_id: str
    previous: bytes
    """As the header holds it: the word swap of the wire is undone."""
    head: bytes
    tail: bytes
    branches: tuple[bytes, ...]
    version: int
    nbits: int
    ntime: int
    clean: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A notice with what was in force when it came: what shares are made of."""

    notice: Notice
    extranonce1: bytes
    extranonce2_size: int
    mask: int | None
    """Version bits that may be rolled; None if that was never negotiated: five parameters then."""
    difficulty: Difficulty


@dataclass(frozen=True, slots=True)
class Found:
    """A share."""

    order: Order
    extranonce2: bytes
    ntime: int
    nonce: int
    version: int
    bits: int | None
    """Sixth parameter of the submit; None for five parameters."""
    digest: bytes
    """Header hash, little-endian."""


def read_notice(params: object) -> Notice | None:
    """Return the job that ``params`` hold, or None; clean is the last element (ESP-Miner's tests)."""
    if not isinstance(params, list) or len(params) < 9:
        return None
    job_id, branches, clean = params[0], params[4], params[-1]
    previous, head, tail = hex_bytes(params[1], 32), hex_bytes(params[2]), hex_bytes(params[3])
    version, nbits, ntime = (hex_word(word) for word in params[5:8])
    if not isinstance(job_id, str) or not isinstance(clean, bool) or not isinstance(branches, list):
        return None
    if previous is None or head is None or tail is None or version is None or nbits is None or ntime is None:
        return None
    # 64 is more than any block can have, and all that the core takes.
    read = [hex_bytes(branch, 32) for branch in branches[:65]]
    siblings = tuple(branch for branch in read if branch is not None)
    if len(siblings) != len(branches) or len(siblings) > 64:
        return None
    unswapped = b"".join(previous[at : at + 4][::-1] for at in range(0, 32, 4))
    return Notice(job_id, unswapped, head, tail, siblings, version, nbits, ntime, clean)


class Search:
    """Tries nonce after nonce of one order; extranonce2, version and ntime change with each share."""

    def __init__(self, order: Order, firmware: Firmware, random: Random, first_extranonce2: int) -> None:
        self.order = order
        self.extranonce2 = first_extranonce2
        """Counter of the segment under way; its bytes are its low ones."""
        self._firmware = firmware
        self._random = random
        self._prepared: PreparedJob | None = None  # made when first needed: most jobs of a fleet never are
        self.difficulty = (
            power_of_two_at_most(order.difficulty) if firmware.rounds_difficulty else order.difficulty
        )
        """What a share must meet."""
        self._target = Target(target_of(self.difficulty))
        self._begin()

    def _begin(self) -> None:
        """Choose what is fixed until the nonces are used up or a share is found."""
        notice, size = self.order.notice, self.order.extranonce2_size
        order = "little" if self._firmware.little_endian_extranonce2 else "big"
        counter = self.extranonce2 % (1 << 8 * size)
        self._extranonce2 = counter.to_bytes(size, "little" if order == "little" else "big")
        self._ntime = notice.ntime + self._random.getrandbits(self._firmware.ntime_bits)
        self._nonce = self._random.getrandbits(32)
        self._version, self._bits = self._roll(notice.version)

    def _roll(self, job_version: int) -> tuple[int, int | None]:
        """Return a version to hash, and what a submit says of it."""
        habit, mask = self._firmware.version_bits, self.order.mask
        if habit is VersionBits.NONE:
            return job_version, None
        if habit is VersionBits.ODD and self._random.random() < 0.5:
            odd = self._random.choice(_ODD_BITS)
            return job_version | odd, odd
        if mask is None:
            return job_version, None
        rolled = job_version & ~mask | self._random.getrandbits(32) & mask
        return rolled, rolled ^ job_version if habit is VersionBits.XOR else rolled & mask

    def step(self, count: int) -> tuple[Found | None, int]:
        """Try at most ``count`` nonces; return the first share, if any, and how many were tried."""
        notice, first = self.order.notice, self._nonce
        extranonce = self.order.extranonce1 + self._extranonce2
        if self._prepared is None:
            self._prepared = PreparedJob(
                notice.head,
                notice.tail,
                len(extranonce),
                notice.branches,
                notice.version,
                notice.previous,
                notice.nbits,
            )
        job = self._prepared
        nonce = job.search(extranonce, self._ntime, self._version, first, count, self._target)
        if nonce is None:
            self._nonce = first + count
            if self._nonce >= _NONCES:
                self._next()
            return None, min(count, _NONCES - first)
        digest = job.share_hash(extranonce, self._ntime, nonce, self._version)
        found = Found(self.order, self._extranonce2, self._ntime, nonce, self._version, self._bits, digest)
        self._next()
        return found, nonce - first + 1

    def _next(self) -> None:
        self.extranonce2 += 1
        self._begin()
