"""How a header's version comes of the bits that a miner submits: three conventions are in the field.

Masked *replace* (BIP 310), *OR* (ckpool, DATUM) and *XOR* (ESP-Miner). Versions, masks and bits are 32-bit
unsigned integers.
"""

_ALL = 0xFFFFFFFF


def header_version(job_version: int, mask: int, bits: int) -> int:
    """Return the header's version by BIP 310: ``bits`` replace those of the job inside ``mask``."""
    return ((job_version & ~mask) | (bits & mask)) & _ALL


def candidates(job_version: int, upstream_mask: int, bits: int) -> tuple[int, ...]:
    """Return the versions that a miner may have hashed to submit ``bits``: by replace, OR, XOR; no repeats.

    The one whose hash meets the target proves itself. OR and XOR take the bits as they came, also those
    outside the mask, so that a miner that rolls what it may not is told so and not "low difficulty": the
    caller holds the version that proved itself to ``is_permitted``.
    """
    replaced = header_version(job_version, upstream_mask, bits)
    return tuple(dict.fromkeys((replaced, (job_version | bits) & _ALL, (job_version ^ bits) & _ALL)))


def is_permitted(header_version: int, job_version: int, mask: int) -> bool:
    """Return True if the version differs from the job's only inside ``mask``."""
    return (header_version ^ job_version) & ~mask & _ALL == 0
