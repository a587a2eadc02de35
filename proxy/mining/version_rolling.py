"""Version rolling (BIP 310, BIP 320): which bits of a header's version a miner may change, which it changed.

Three conventions are in the field for building the version from the submitted bits: masked *replace*
(BIP 310), *OR* (ckpool, DATUM) and *XOR* (ESP-Miner). They agree only where the job's version has no bit
inside the mask, so that is what miners are granted. Versions, masks and bits are 32-bit unsigned integers.
"""

from proxy.hotpath.version_bits import candidates, header_version, is_permitted

__all__ = ["BIP320_MASK", "candidates", "forwarded_bits", "grant", "header_version", "is_permitted"]

BIP320_MASK = 0x1FFFE000
"""The 16 bits that BIP 320 sets aside for miners."""

_ALL = 0xFFFFFFFF


def grant(upstream_mask: int, asked: int, job_version: int | None) -> int:
    """Return the mask to give a miner: what upstream granted and the miner asked, less the job's own bits.

    Upstream's answer is intersected here again, since pools answer more than was asked (AntPool: 5fffe000 for
    00c00000). ``job_version`` is None before the first job; the mask is to be granted again
    whenever a new job makes the result differ.
    """
    taken = 0 if job_version is None else job_version
    return upstream_mask & asked & ~taken & _ALL


def forwarded_bits(header_version: int, upstream_mask: int) -> int:
    """Return the version bits to submit upstream for a hashed version.

    A pool that replaces rebuilds the same version from them; so does one that ORs, unless the miner cleared
    a bit of the job, which the granted mask allows no miner to do.
    """
    return header_version & upstream_mask & _ALL
