# Credited shares summed up: the twin of proxy/hotpath/share_fold.py, for bytes as record.c writes them.
# Whatever is not laid out so, to the byte, goes to the reference's decoder: it may still be right.

from libc.stdlib cimport free, malloc

from proxy.hotpath import share_fold as fold_reference

cdef double _MOST_DIFFICULTY = fold_reference.MOST_DIFFICULTY


cdef struct plain_share:
    const uint8_t *key      # session, worker and job id as they stand, which is how sums are found
    Py_ssize_t key_size
    uint64_t number
    double credit
    double achieved


cdef inline const uint8_t *_take_number(const uint8_t *p, const uint8_t *end, uint64_t *value) noexcept nogil:
    """Read an unsigned integer in its shortest form; returns NULL if it is not one."""
    cdef int size, i
    if p >= end:
        return NULL
    if p[0] < 0x80:
        value[0] = p[0]
        return p + 1
    if not 0xCC <= p[0] <= 0xCF:
        return NULL
    size = 1 << (p[0] - 0xCC)
    if end - p <= size:
        return NULL
    value[0] = 0
    for i in range(1, size + 1):
        value[0] = value[0] << 8 | p[i]
    if value[0] < 0x80 or (size > 1 and value[0] >> (4 * size) == 0):
        return NULL
    return p + 1 + size


cdef inline const uint8_t *_skip_text(const uint8_t *p, const uint8_t *end) noexcept nogil:
    """Skip an ASCII text of at most 255 bytes in its shortest form; returns NULL if it is not one."""
    cdef Py_ssize_t size, i
    cdef uint8_t bits = 0
    if p >= end:
        return NULL
    if 0xA0 <= p[0] <= 0xBF:
        size = p[0] & 0x1F
        p += 1
    elif p[0] == 0xD9 and end - p >= 2 and p[1] >= 32:
        size = p[1]
        p += 2
    else:
        return NULL
    if end - p < size:
        return NULL
    for i in range(size):
        bits |= p[i]
    return NULL if bits & 0x80 else p + size


cdef inline const uint8_t *_take_difficulty(const uint8_t *p, const uint8_t *end, double *value) noexcept nogil:
    cdef uint64_t bits = 0
    cdef int i
    if end - p < 9 or p[0] != 0xCB:
        return NULL
    for i in range(1, 9):
        bits = bits << 8 | p[i]
    memcpy(value, &bits, 8)
    return p + 9 if 0.0 <= value[0] <= _MOST_DIFFICULTY else NULL


cdef inline const uint8_t *_take_plain(const uint8_t *p, const uint8_t *end, plain_share *share) noexcept nogil:
    """Read one share; returns where the next begins, or NULL if it is not plain."""
    cdef uint64_t ignored, session
    if p >= end or p[0] != 0x9B:
        return NULL
    p = _take_number(p + 1, end, &share.number)
    if p is NULL or share.number >> 63:
        return NULL
    share.key = p
    p = _take_number(p, end, &session)
    if p is NULL or session >> 63:
        return NULL
    p = _skip_text(p, end)
    if p is not NULL:
        p = _skip_text(p, end)
    if p is NULL:
        return NULL
    share.key_size = p - share.key
    if end - p < 2 or p[0] != 0xC4 or end - p - 2 < p[1]:
        return NULL
    p += 2 + p[1]
    for _ in range(3):
        p = _take_number(p, end, &ignored)
        if p is NULL:
            return NULL
    p = _take_difficulty(p, end, &share.credit)
    if p is not NULL:
        p = _take_difficulty(p, end, &share.achieved)
    return NULL if p is NULL else _take_number(p, end, &ignored)


@cython.final
cdef class _Sum:
    """Shares of one session, worker and job."""

    cdef tuple key
    cdef uint64_t count
    cdef double credit
    cdef double square
    cdef double best
    cdef int64_t last

    cdef inline void add(self, double credit, double achieved, int64_t at) noexcept:
        self.count += 1
        self.credit += credit
        self.square += credit * credit
        if achieved > self.best:
            self.best = achieved
        if at > self.last:
            self.last = at


cdef tuple _key_of(const uint8_t *p, Py_ssize_t size):
    """Return session, worker and job id, which are plain."""
    cdef const uint8_t *end = p + size
    cdef const uint8_t *worker
    cdef const uint8_t *job_id
    cdef uint64_t session
    worker = _take_number(p, end, &session)
    job_id = _skip_text(worker, end)
    return session, _text_of(worker, job_id), _text_of(job_id, end)


cdef inline str _text_of(const uint8_t *p, const uint8_t *end):
    p += 2 if p[0] == 0xD9 else 1
    return (<const char *>p)[:end - p].decode("ascii")


cdef class ShareFold:
    """See ``share_fold.ShareFold``."""

    cdef dict _sums

    def __init__(self):
        self._sums = {}

    def __len__(self):
        return len(self._sums)

    def add(self, shares, int64_t at):
        cdef const uint8_t *p
        cdef const uint8_t *end
        cdef plain_share *plain
        cdef Py_ssize_t count, done = 0
        _demand_bytes(shares, "shares", -1)
        p, end = _data(shares), _data(shares) + PyBytes_GET_SIZE(shares)
        if end - p < 5 or p[0] != 0xDD:
            return self._add_decoded(shares, at)
        count = <Py_ssize_t>p[1] << 24 | <Py_ssize_t>p[2] << 16 | <Py_ssize_t>p[3] << 8 | p[4]
        p += 5
        if count > end - p:  # a share has more bytes than one: nothing is reserved for a lie
            return self._add_decoded(shares, at)
        plain = <plain_share *>malloc(max(count, 1) * sizeof(plain_share))
        if plain is NULL:
            raise MemoryError
        try:
            while done < count and p is not NULL:
                p = _take_plain(p, end, &plain[done])
                done += 1
            if p != end:
                return self._add_decoded(shares, at)
            return self._add_plain(plain, count, at)
        finally:
            free(plain)

    cdef list _add_plain(self, plain_share *plain, Py_ssize_t count, int64_t at):
        cdef list forwarded = []
        cdef Py_ssize_t place
        cdef bytes packed
        cdef _Sum found
        for place in range(count):
            packed = PyBytes_FromStringAndSize(<const char *>plain[place].key, plain[place].key_size)
            found = <_Sum>self._sums.get(packed)
            if found is None:
                found = self._begin(packed, _key_of(plain[place].key, plain[place].key_size), at)
            found.add(plain[place].credit, plain[place].achieved, at)
            if plain[place].number:
                forwarded.append((place, plain[place].number, found.key))
        return forwarded

    def _add_decoded(self, bytes shares, int64_t at):
        cdef list forwarded = []
        cdef _Sum found
        cdef Py_ssize_t place
        for place, (number, key, credit, achieved) in enumerate(fold_reference.decoded(shares)):
            packed = fold_reference.packed(key)
            found = <_Sum>self._sums.get(packed)
            if found is None:
                found = self._begin(packed, key, at)
            found.add(credit, achieved, at)
            if number:
                forwarded.append((place, number, found.key))
        return forwarded

    cdef _Sum _begin(self, bytes packed, tuple key, int64_t at):
        cdef _Sum sum_ = _Sum.__new__(_Sum)
        sum_.key, sum_.last = key, at
        self._sums[packed] = sum_
        return sum_

    def drain(self):
        cdef list sums = []
        cdef _Sum each
        for each in self._sums.values():
            sums.append((*each.key, each.count, each.credit, each.square, each.best, each.last))
        self._sums.clear()
        return sums
