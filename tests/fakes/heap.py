"""What this process holds of the system's heap, which Python's own books do not show."""

from __future__ import annotations

import ctypes
import gc
import sys

PLACES = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks"]
PLACES += ["fordblks", "keepcost"]


class _Mallinfo2(ctypes.Structure):
    """``struct mallinfo2`` of glibc's malloc.h."""

    _fields_ = [(place, ctypes.c_size_t) for place in PLACES]


def is_countable() -> bool:
    """Return whether the C library counts what it gave out: glibc from 2.33 on."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")


def heap_bytes() -> int:
    """Return the bytes that C code of this thread has asked for and not given back.

    Objects of Python up to 512 bytes are not among them: they stand in arenas that Python maps itself.
    """
    gc.collect()
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)
