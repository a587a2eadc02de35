# Credited shares, hashed again; part of hotpath.pyx, behind fold.pxi, whose readers of numbers it uses.
# proxy/ledger/audit.py says what it computes.

from cpython.dict cimport PyDict_GetItemWithError
from cpython.unicode cimport PyUnicode_DecodeASCII


cdef enum:
    # Between two slices Ctrl-C is heard, and the stack holds one; enough to fill the lanes of one shape.
    AUDIT_SLICE = 256
    RECORD_FIELDS = 0x9b  # an array of eleven
    NTIME_AHEAD = 7000
    # As ``ledger.audit.Finding``.
    FOUND_NO_JOB = 1
    FOUND_NO_SESSION = 2
    FOUND_ENDED = 4
    FOUND_EXTRANONCE = 8
    FOUND_NTIME = 16
    FOUND_CREDIT = 32
    FOUND_ACHIEVED = 64
    FOUND_FORWARDED = 128
    FOUND_BLOCK = 256
    FOUND_DUPLICATE = 512

ctypedef struct recorded:
    uint64_t session
    const uint8_t *job_id
    size_t job_id_size
    const uint8_t *extranonce
    size_t extranonce_size
    uint64_t ntime, nonce, version, flags
    double credit, achieved

ctypedef struct audited:
    recorded share
    sha256d_target target
    bint has_target
    int finding


cdef inline const uint8_t *_plain_run(const uint8_t *p, const uint8_t *end, size_t size, const uint8_t **at) noexcept nogil:
    if <size_t>(end - p) < size:
        return NULL
    at[0] = p
    return p + size


cdef inline const uint8_t *_plain_text(const uint8_t *p, const uint8_t *end, const uint8_t **at, size_t *size) noexcept nogil:
    """Of ASCII alone: what else may be a text is for the specification to say."""
    cdef size_t i
    if p >= end:
        return NULL
    if 0xa0 <= p[0] < 0xc0:
        size[0] = p[0] & 0x1f
        p = _plain_run(p + 1, end, size[0], at)
    elif p[0] == 0xd9 and end - p >= 2:
        size[0] = p[1]
        p = _plain_run(p + 2, end, size[0], at)
    else:
        return NULL
    if p is not NULL:
        for i in range(size[0]):
            if at[0][i] >= 0x80:
                return NULL
    return p


cdef inline const uint8_t *_plain_binary(const uint8_t *p, const uint8_t *end, const uint8_t **at, size_t *size) noexcept nogil:
    if end - p < 2 or p[0] != 0xc4:
        return NULL
    size[0] = p[1]
    return _plain_run(p + 2, end, size[0], at)


cdef const uint8_t *_plain_share(const uint8_t *p, const uint8_t *end, recorded *share) noexcept nogil:
    """Return what follows a share's record, or NULL where there is none as record.c writes them."""
    cdef uint64_t number
    cdef const uint8_t *worker
    cdef size_t worker_size
    if p >= end or p[0] != RECORD_FIELDS:
        return NULL
    p = _take_number(p + 1, end, &number)
    if p is not NULL:
        p = _take_number(p, end, &share.session)
    if p is not NULL:
        p = _plain_text(p, end, &worker, &worker_size)
    if p is not NULL:
        p = _plain_text(p, end, &share.job_id, &share.job_id_size)
    if p is not NULL:
        p = _plain_binary(p, end, &share.extranonce, &share.extranonce_size)
    if p is not NULL:
        p = _take_number(p, end, &share.ntime)
    if p is not NULL:
        p = _take_number(p, end, &share.nonce)
    if p is not NULL:
        p = _take_number(p, end, &share.version)
    if p is not NULL:
        p = _take_difficulty(p, end, &share.credit)
    if p is not NULL:
        p = _take_difficulty(p, end, &share.achieved)
    return NULL if p is NULL else _take_number(p, end, &share.flags)


cdef bint _plain_message(const uint8_t *p, const uint8_t *end, uint64_t *count, double *credit) noexcept nogil:
    """Return whether the whole message is plain; if so, how many shares and what credits it holds."""
    cdef recorded share
    cdef uint64_t i
    credit[0] = 0.0
    if end - p < 5 or p[0] != 0xdd:
        return False
    count[0] = <uint64_t>p[1] << 24 | <uint64_t>p[2] << 16 | <uint64_t>p[3] << 8 | p[4]
    p += 5
    for i in range(count[0]):
        p = _plain_share(p, end, &share)
        if p is NULL:
            return False
        credit[0] += share.credit
    return p is end


def plain_credits(shares):
    cdef uint64_t count = 0
    cdef double credit = 0.0
    _demand_bytes(shares, "shares", -1)
    if not _plain_message(_data(shares), _data(shares) + PyBytes_GET_SIZE(shares), &count, &credit):
        return None
    return count, credit


cdef int _of_session(const recorded *share, dict extranonces) except -1:
    cdef PyObject *told = <PyObject *>PyDict_GetItemWithError(extranonces, share.session)
    cdef bytes each
    if told is NULL:
        return FOUND_NO_SESSION
    for each in <tuple?><object>told:
        if (<size_t>PyBytes_GET_SIZE(each) <= share.extranonce_size
                and memcmp(_data(each), share.extranonce, PyBytes_GET_SIZE(each)) == 0):
            return 0
    return FOUND_EXTRANONCE


cdef int _judge_again(audited *item, Job job, const uint8_t *digest) except -1:
    """Add what a share's hash says; the job remembers it."""
    cdef uint32_t words[8]
    cdef const recorded *share = &item.share
    cdef bint is_block
    sha256d_words_of(digest, words)
    if share.ntime < job.c.ntime or share.ntime - job.c.ntime > NTIME_AHEAD:
        item.finding |= FOUND_NTIME
    if not item.has_target or not sha256d_meets(words, &item.target):
        item.finding |= FOUND_CREDIT
    if verdict_achieved(words) != share.achieved:
        item.finding |= FOUND_ACHIEVED
    is_block = sha256d_meets(words, &job.c.network)
    if is_block != ((share.flags & RECORD_BLOCK) != 0):
        item.finding |= FOUND_BLOCK
    if (is_block or sha256d_meets(words, &job.c.upstream)) != ((share.flags & RECORD_FORWARDED) != 0):
        item.finding |= FOUND_FORWARDED
    if job.is_forgotten:
        item.finding |= FOUND_ENDED
    elif share_set_has(job.c.credited, words):
        item.finding |= FOUND_DUPLICATE
    else:
        job._remember(words)
    return 0


@cython.final
cdef class _Audit:
    """Where an audit is in a message, and what it looked up last: neighbours are often alike."""

    cdef dict jobs
    cdef dict extranonces
    cdef object targets
    cdef const uint8_t *job_id
    cdef size_t job_id_size
    cdef Job job
    cdef double credit
    cdef Target target
    cdef bint has_credit

    cdef Job _job_of(self, const recorded *share):
        """Return the job that a share can be hashed with, or None."""
        cdef Job job
        if (self.job_id is NULL or self.job_id_size != share.job_id_size
                or memcmp(self.job_id, share.job_id, share.job_id_size) != 0):
            self.job = self.jobs.get(PyUnicode_DecodeASCII(<const char *>share.job_id, share.job_id_size, NULL))
            self.job_id, self.job_id_size = share.job_id, share.job_id_size
        job = self.job
        if (job is None or <size_t>job.prepared.extranonce_size != share.extranonce_size
                or (share.ntime | share.nonce | share.version) >> 32 != 0):
            return None
        return job

    cdef int _look_up(self, audited *item) except -1:
        item.finding = _of_session(&item.share, self.extranonces)
        if not self.has_credit or self.credit != item.share.credit:
            self.target = self.targets[item.share.credit]
            self.credit, self.has_credit = item.share.credit, True
        item.has_target = self.target is not None
        if item.has_target:
            item.target = self.target.words
        return 0


cdef int _audit_slice(_Audit audit, const uint8_t **p, const uint8_t *end, int taken, uint64_t first,
                      list findings) except -1:
    """Audit ``taken`` shares from ``p`` on, which is moved behind them."""
    cdef audited items[AUDIT_SLICE]
    cdef sha256d_share hashed[AUDIT_SLICE]
    cdef int places[AUDIT_SLICE]
    cdef uint8_t digests[32 * AUDIT_SLICE]
    cdef list held = []  # the jobs: nobody may free them while other threads run
    cdef int count = 0, i
    cdef Job job
    for i in range(taken):
        p[0] = _plain_share(p[0], end, &items[i].share)
        audit._look_up(&items[i])
        job = audit._job_of(&items[i].share)
        if job is None:
            items[i].finding |= FOUND_NO_JOB
            continue
        held.append(job)
        hashed[count].job = job.c.prepared
        hashed[count].extranonce = items[i].share.extranonce
        hashed[count].ntime = <uint32_t>items[i].share.ntime
        hashed[count].nonce = <uint32_t>items[i].share.nonce
        hashed[count].version = <uint32_t>items[i].share.version
        places[count] = i
        count += 1
    with nogil:
        sha256d_bulk_shares(hashed, count, digests)
    for i in range(count):
        _judge_again(&items[places[i]], <Job>held[i], digests + 32 * i)
    for i in range(taken):
        if items[i].finding != 0:
            findings.append((first + i, items[i].finding))
    return 0


def plain_audit(shares, dict jobs not None, dict extranonces not None, targets):
    cdef uint64_t count = 0, done = 0
    cdef double credit = 0.0
    cdef const uint8_t *p
    cdef const uint8_t *end
    cdef int taken
    cdef _Audit audit
    cdef list findings = []
    _demand_bytes(shares, "shares", -1)
    p = _data(shares)
    end = p + PyBytes_GET_SIZE(shares)
    if not _plain_message(p, end, &count, &credit):
        return None
    audit = _Audit()
    audit.jobs, audit.extranonces, audit.targets = jobs, extranonces, targets
    p += 5
    while done < count:
        taken = <int>min(count - done, <uint64_t>AUDIT_SLICE)
        _audit_slice(audit, &p, end, taken, done, findings)
        done += taken
        PyErr_CheckSignals()
    return count, findings
