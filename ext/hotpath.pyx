# cython: language_level=3
"""The compiled twin of ``proxy.hotpath.reference``, which is its specification: same names, same errors.

``PUMPJACK_SHA=portable`` in the environment at import keeps the processor's SHA instructions unused.
"""

import math
import os

from proxy.hotpath import evidence as evidence_reference
from proxy.hotpath import shares as shares_reference
from proxy.hotpath import names, reasons

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_CheckSignals
from cpython.long cimport PyLong_CheckExact
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    bint PyUnicode_IS_COMPACT_ASCII(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    void *PyUnicode_DATA(object text)

cdef extern from "sha256d.h" nogil:
    enum:
        SHA256D_MAX_EXTRANONCE
        SHA256D_MAX_BRANCHES
    int sha256d_select(const char *name)
    const char *sha256d_selected()
    const char *sha256d_available(size_t i)
    void double_sha256 "sha256d"(const uint8_t *data, size_t size, uint8_t *digest)
    void sha256d_bytes_of(const uint32_t *hash, uint8_t *digest)
    void sha256d_words_of(const uint8_t *digest, uint32_t *hash)
    ctypedef struct sha256d_target:
        pass
    void sha256d_target_set(sha256d_target *target, const uint8_t *little_endian)
    bint sha256d_meets(const uint32_t *hash, const sha256d_target *target)
    ctypedef struct sha256d_job:
        pass
    sha256d_job *sha256d_job_new(
        const uint8_t *coinb1, size_t coinb1_size, const uint8_t *coinb2, size_t coinb2_size,
        size_t extranonce_size, const uint8_t *branches, size_t branch_count,
        uint32_t version, const uint8_t *prevhash, uint32_t nbits)
    void sha256d_job_free(sha256d_job *job)
    void sha256d_job_root(const sha256d_job *job, const uint8_t *extranonce, uint32_t *root)
    void sha256d_job_header(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                            uint32_t version, uint8_t *header)
    void sha256d_job_share(const sha256d_job *job, const uint8_t *extranonce, uint32_t ntime, uint32_t nonce,
                           uint32_t version, uint32_t *hash)
    ctypedef struct sha256d_search:
        pass
    void sha256d_search_start(sha256d_search *search, const sha256d_job *job, const uint8_t *extranonce,
                              uint32_t ntime, uint32_t version)
    int64_t sha256d_search_run(const sha256d_search *search, uint32_t first, uint64_t count,
                               const sha256d_target *target)

cdef enum:
    # Below this a search is over sooner (0.5 ms at worst) than another thread would miss the lock.
    GIL_HELD_NONCES = 512
    # Between two slices Ctrl-C is heard: 1 s with portable C, 0.1 s with SHA instructions.
    SLICE_NONCES = 1 << 20

MAX_EXTRANONCE_SIZE = SHA256D_MAX_EXTRANONCE
MAX_BRANCHES = SHA256D_MAX_BRANCHES


cdef int _demand_bytes(object value, str name, Py_ssize_t size) except -1:
    """Raise unless ``value`` is bytes, of ``size`` if that is not negative."""
    if not PyBytes_CheckExact(value):
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}")
    if size >= 0 and PyBytes_GET_SIZE(value) != size:
        raise ValueError(f"{name} must have {size} bytes, not {PyBytes_GET_SIZE(value)}")
    return 0


cdef int64_t _number(object value, str name, int64_t greatest) except -1:
    """Return an integer of 0..greatest, or raise."""
    cdef int overflow = 0
    cdef long long number
    if not PyLong_CheckExact(value):
        raise TypeError(f"{name} must be int, not {type(value).__name__}")
    number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or number < 0 or number > greatest:
        raise ValueError(f"{name} must be in 0..{greatest}")
    return number


cdef inline int64_t _word(object value, str name) except -1:
    return _number(value, name, 0xFFFFFFFF)


cdef inline uint8_t *_data(object value):
    return <uint8_t *>PyBytes_AS_STRING(value)


cdef bytes _digest(const uint32_t *words):
    digest = PyBytes_FromStringAndSize(NULL, 32)
    sha256d_bytes_of(words, _data(digest))
    return digest


def sha256d(data):
    _demand_bytes(data, "data", -1)
    digest = PyBytes_FromStringAndSize(NULL, 32)
    double_sha256(_data(data), PyBytes_GET_SIZE(data), _data(digest))
    return digest


@cython.final
cdef class Target:
    """See ``reference.Target``."""

    cdef readonly object value
    cdef sha256d_target words

    def __cinit__(self, value):
        if not PyLong_CheckExact(value):
            raise TypeError(f"value must be int, not {type(value).__name__}")
        if value < 0 or value >> 256:
            raise ValueError("value must be in 0..2**256-1")
        self.value = value
        little_endian = value.to_bytes(32, "little")
        sha256d_target_set(&self.words, _data(little_endian))

    def met_by(self, digest):
        cdef uint32_t words[8]
        _demand_bytes(digest, "digest", 32)
        sha256d_words_of(_data(digest), words)
        return sha256d_meets(words, &self.words)

    def __eq__(self, other):
        return self.value == other.value if type(other) is Target else NotImplemented

    def __hash__(self):
        return hash((self.value,))

    def __repr__(self):
        return f"Target(value={self.value!r})"


@cython.final
cdef class PreparedJob:
    """See ``reference.PreparedJob``."""

    cdef sha256d_job *job
    cdef readonly bytes coinb1
    cdef readonly bytes coinb2
    cdef readonly Py_ssize_t extranonce_size
    cdef readonly tuple branches
    cdef readonly uint32_t version
    cdef readonly bytes prevhash
    cdef readonly uint32_t nbits

    def __cinit__(self, coinb1, coinb2, extranonce_size, branches, version, prevhash, nbits):
        cdef Py_ssize_t i
        _demand_bytes(coinb1, "coinb1", -1)
        _demand_bytes(coinb2, "coinb2", -1)
        self.coinb1 = coinb1
        self.coinb2 = coinb2
        self.extranonce_size = _number(extranonce_size, "extranonce_size", SHA256D_MAX_EXTRANONCE)
        self.branches = tuple(branches)
        if len(self.branches) > SHA256D_MAX_BRANCHES:
            raise ValueError(f"at most {SHA256D_MAX_BRANCHES} branches, not {len(self.branches)}")
        for i in range(len(self.branches)):
            _demand_bytes(self.branches[i], f"branches[{i}]", 32)
        self.version = _word(version, "version")
        _demand_bytes(prevhash, "prevhash", 32)
        self.prevhash = prevhash
        self.nbits = _word(nbits, "nbits")
        joined = b"".join(self.branches)
        self.job = sha256d_job_new(
            _data(coinb1), PyBytes_GET_SIZE(coinb1), _data(coinb2), PyBytes_GET_SIZE(coinb2),
            self.extranonce_size, _data(joined), len(self.branches), self.version, _data(prevhash),
            self.nbits)
        if self.job is NULL:
            raise MemoryError

    def __dealloc__(self):
        sha256d_job_free(self.job)

    def coinbase(self, extranonce):
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        return self.coinb1 + extranonce + self.coinb2

    def merkle_root(self, extranonce):
        cdef uint32_t root[8]
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        sha256d_job_root(self.job, _data(extranonce), root)
        return _digest(root)

    def header(self, extranonce, ntime, nonce, version):
        cdef uint32_t rolled_time, rolled_nonce, rolled_version
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        rolled_time = _word(ntime, "ntime")
        rolled_nonce = _word(nonce, "nonce")
        rolled_version = _word(version, "version")
        header = PyBytes_FromStringAndSize(NULL, 80)
        sha256d_job_header(
            self.job, _data(extranonce), rolled_time, rolled_nonce, rolled_version, _data(header))
        return header

    def share_hash(self, extranonce, ntime, nonce, version):
        cdef uint32_t words[8]
        cdef uint32_t rolled_time, rolled_nonce, rolled_version
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        rolled_time = _word(ntime, "ntime")
        rolled_nonce = _word(nonce, "nonce")
        rolled_version = _word(version, "version")
        sha256d_job_share(self.job, _data(extranonce), rolled_time, rolled_nonce, rolled_version, words)
        return _digest(words)

    def search(self, extranonce, ntime, version, first_nonce, count, target):
        cdef sha256d_search search
        cdef uint32_t rolled_time, rolled_version
        cdef int64_t nonce, end, slice_end, found
        cdef Target goal
        _demand_bytes(extranonce, "extranonce", self.extranonce_size)
        rolled_time = _word(ntime, "ntime")
        rolled_version = _word(version, "version")
        nonce = _word(first_nonce, "first_nonce")
        end = min(nonce + _number(count, "count", 1LL << 32), 1LL << 32)
        if not isinstance(target, Target):
            raise TypeError(f"target must be Target, not {type(target).__name__}")
        goal = target
        sha256d_search_start(&search, self.job, _data(extranonce), rolled_time, rolled_version)
        if end - nonce <= GIL_HELD_NONCES:
            found = sha256d_search_run(&search, <uint32_t>nonce, end - nonce, &goal.words)
            return None if found < 0 else found
        while nonce < end:
            slice_end = min(nonce + SLICE_NONCES, end)
            with nogil:
                found = sha256d_search_run(&search, <uint32_t>nonce, slice_end - nonce, &goal.words)
            if found >= 0:
                return found
            PyErr_CheckSignals()
            nonce = slice_end
        return None


include "shares.pxi"
include "lane.pxi"
include "deal.pxi"
include "bulk.pxi"
include "fold.pxi"
include "audit.pxi"


def implementation():
    return sha256d_selected().decode("ascii")


def _implementations():
    """Return the names that ``_select`` takes on this processor, slowest first."""
    names = []
    while sha256d_available(len(names)) is not NULL:
        names.append(sha256d_available(len(names)).decode("ascii"))
    return tuple(names)


def _select(name):
    """Use the implementation of that name, or the fastest if None; for tests, which compare them."""
    cdef bytes encoded
    if name is None:
        sha256d_select(NULL)
        return
    encoded = name.encode("ascii")
    if sha256d_select(encoded) != 0:
        raise ValueError(f"this processor has no implementation {name!r}")


def _select_by_environment(wish):
    if wish == "portable":
        _select("portable-c")
        _bulk_select("portable-c")
    elif not wish:
        _select(None)
        _bulk_select(None)
    else:
        # A misspelt wish must not end in the instructions that somebody wanted to avoid.
        raise ValueError(f"PUMPJACK_SHA may be 'portable' or unset, not {wish!r}")


_select_by_environment(os.environ.get("PUMPJACK_SHA"))
