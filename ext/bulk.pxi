# Many shares at a time, for audits; part of hotpath.pyx.

from cpython.object cimport PyObject, PyTypeObject
from cpython.tuple cimport PyTuple_CheckExact

cdef extern from "Python.h":
    PyObject *PyTuple_GET_ITEM(PyObject *shares, Py_ssize_t i)
    Py_ssize_t PyTuple_GET_SIZE(PyObject *shares)
    PyTypeObject *Py_TYPE(PyObject *value)

cdef extern from "sha256d.h" nogil:
    ctypedef struct sha256d_share:
        const sha256d_job *job
        const uint8_t *extranonce
        uint32_t ntime
        uint32_t nonce
        uint32_t version
    void sha256d_bulk_shares(const sha256d_share *shares, size_t count, uint8_t *digests)
    int sha256d_bulk_select(const char *name)
    const char *sha256d_bulk_selected()
    const char *sha256d_bulk_available(size_t i)

cdef enum:
    # Between two slices Ctrl-C is heard, and the stack holds one: 1 ms with AVX-512, 15 ms with portable C.
    SLICE_SHARES = 1024


cdef inline int _read_word(PyObject *given, str name, uint32_t *word) except -1:
    """As ``_word``, without a call for what is in order."""
    cdef int overflow = 0
    cdef long long number = -1
    if PyLong_CheckExact(<object>given):
        number = PyLong_AsLongLongAndOverflow(<object>given, &overflow)
    if overflow or number >> 32 != 0:  # negative ones, too
        number = _word(<object>given, name)
    word[0] = <uint32_t>number
    return 0


cdef inline int _read_share(PyObject *given, Py_ssize_t i, sha256d_share *share) except -1:
    """Fill ``share``, whose pointers live as long as the tuple ``given``; raise if it is none."""
    cdef PyObject *job
    cdef PyObject *extranonce
    cdef Py_ssize_t size
    if not PyTuple_CheckExact(<object>given):
        raise TypeError(f"shares[{i}] must be tuple, not {type(<object>given).__name__}")
    if PyTuple_GET_SIZE(given) != 5:
        raise ValueError(f"shares[{i}] must have 5 fields, not {PyTuple_GET_SIZE(given)}")
    job = PyTuple_GET_ITEM(given, 0)
    if Py_TYPE(job) is not <PyTypeObject *>PreparedJob:
        raise TypeError(f"job must be PreparedJob, not {type(<object>job).__name__}")
    extranonce = PyTuple_GET_ITEM(given, 1)
    size = (<PreparedJob>job).extranonce_size
    if not PyBytes_CheckExact(<object>extranonce) or PyBytes_GET_SIZE(<object>extranonce) != size:
        _demand_bytes(<object>extranonce, "extranonce", size)
    share.job = (<PreparedJob>job).job
    share.extranonce = _data(<object>extranonce)
    _read_word(PyTuple_GET_ITEM(given, 2), "ntime", &share.ntime)
    _read_word(PyTuple_GET_ITEM(given, 3), "nonce", &share.nonce)
    _read_word(PyTuple_GET_ITEM(given, 4), "version", &share.version)
    return 0


def share_hashes(shares):
    cdef sha256d_share slice_[SLICE_SHARES]
    cdef Py_ssize_t done = 0, taken, i
    # A tuple, whose items nobody can take away while other threads run.
    cdef tuple held = tuple(shares)
    cdef Py_ssize_t count = len(held)
    cdef bytes digests = PyBytes_FromStringAndSize(NULL, 32 * count)
    cdef uint8_t *written = _data(digests)
    while done < count:
        taken = min(count - done, <Py_ssize_t>SLICE_SHARES)
        for i in range(taken):
            _read_share(PyTuple_GET_ITEM(<PyObject *>held, done + i), done + i, &slice_[i])
        with nogil:
            sha256d_bulk_shares(slice_, taken, written + 32 * done)
        done += taken
        PyErr_CheckSignals()
    return digests


def bulk_implementation():
    return sha256d_bulk_selected().decode("ascii")


def _bulk_implementations():
    """Return the names that ``_bulk_select`` takes on this processor, slowest first."""
    names = []
    while sha256d_bulk_available(len(names)) is not NULL:
        names.append(sha256d_bulk_available(len(names)).decode("ascii"))
    return tuple(names)


def _bulk_select(name):
    """As ``_select``, for ``share_hashes`` alone."""
    cdef bytes encoded
    if name is None:
        sha256d_bulk_select(NULL)
        return
    encoded = name.encode("ascii")
    if sha256d_bulk_select(encoded) != 0:
        raise ValueError(f"this processor has no bulk implementation {name!r}")
