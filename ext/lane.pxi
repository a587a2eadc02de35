# A session's lane: the twin of proxy/hotpath/lane.py, and the one that takes lines.

cdef extern from "submit.h" nogil:
    enum:
        SUBMIT_MOST_EXTRANONCE2
    ctypedef struct submit_text:
        const uint8_t *at
        size_t size
    ctypedef struct submit_line:
        submit_text id
        submit_text worker
        submit_text job_id
        uint8_t extranonce2[SUBMIT_MOST_EXTRANONCE2]
        size_t extranonce2_size
        uint32_t ntime
        uint32_t nonce
        uint32_t bits
        bint has_bits
    bint submit_scan(const uint8_t *line, size_t size, submit_line *out)

cdef extern from "record.h" nogil:
    enum:
        RECORD_MOST
    ctypedef struct record:
        uint64_t number
        uint64_t session
        const uint8_t *worker
        const uint8_t *job_id
        const uint8_t *extranonce
        size_t worker_size
        size_t job_id_size
        size_t extranonce_size
        uint32_t ntime
        uint32_t nonce
        uint32_t version
        double credit
        double achieved
        uint8_t flags
    size_t record_pack(const record *r, uint8_t *out)

cdef extern from "replies.h" nogil:
    ctypedef struct replies:
        pass
    int replies_begin(replies **waiting, uint64_t window)
    int replies_append(replies **waiting, const void *data, size_t size)
    size_t replies_size(const replies *waiting, uint64_t window)
    void replies_release(replies **waiting, uint64_t window, uint8_t *out)
    void replies_clear(replies **waiting)

cdef enum:
    RECORD_FORWARDED = 1
    RECORD_BLOCK = 2

cdef size_t _MOST_WORKER = names.MOST_WORKER
cdef bytes _REPLY_HEAD = b'{"id":'
cdef bytes _TRUE_TAIL = b',"result":true,"error":null}\n'
cdef tuple _FALSE_TAILS = tuple([
    b',"result":false,"error":[%d,"%b",null]}\n' % (reason.code, reason.text.encode("ascii"))
    for reason in _REASONS
])


cdef int _append(bytearray out, const void *data, Py_ssize_t size) except -1:
    cdef Py_ssize_t before = PyByteArray_GET_SIZE(out)
    PyByteArray_Resize(out, before + size)
    memcpy(PyByteArray_AS_STRING(out) + before, data, size)
    return 0


cdef submit_text _plain_worker(const submit_text *user):
    """Return the worker in a user name, as ``names.worker_of`` does; of no size if that would change it."""
    cdef submit_text worker = user[0]
    cdef const uint8_t *dot = <const uint8_t *>memchr(user.at, b".", user.size)
    cdef size_t i
    if dot is not NULL and dot + 1 < user.at + user.size:
        worker.at = dot + 1
        worker.size = user.at + user.size - worker.at
    if worker.size > _MOST_WORKER:
        worker.size = 0
    for i in range(worker.size):
        if not 0x20 <= worker.at[i] <= 0x7E or worker.at[i] in (b'"', b"'", b"<", b">", b"&", b"`", b"\\"):
            worker.size = 0
            break
    return worker


cdef inline bint _is_text(object text, const submit_text *bytes):
    return (PyUnicode_IS_COMPACT_ASCII(text) and <size_t>PyUnicode_GET_LENGTH(text) == bytes.size
            and memcmp(PyUnicode_DATA(text), bytes.at, bytes.size) == 0)


@cython.final
cdef class Window:
    """See ``lane.Window``."""

    cdef readonly uint64_t number
    cdef readonly bytearray records
    cdef public Py_ssize_t count
    cdef readonly list holders

    def __init__(self, number):
        self.number = number
        self.records = bytearray()
        self.holders = []


cdef class Lane:
    """See ``lane.Lane``."""

    cdef readonly object key
    cdef public double heard_at
    cdef public double last_write_at
    cdef public bint is_subscribed
    cdef public bint due
    cdef public bint owes
    cdef public uint32_t mask
    cdef public uint32_t masks_ever
    cdef public uint32_t first_mask
    cdef public int extranonce2_size
    cdef public bytes extranonce1
    cdef public tuple workers
    cdef public tuple assignments
    cdef readonly Tally tally
    cdef public Tally route_tally
    cdef public Evidence evidence
    cdef public object wire
    cdef public object outbox
    cdef public object quirk
    cdef public object asked_mask
    cdef public object issued_work
    cdef public uint64_t issued_ntime
    cdef public bint has_work
    cdef replies *waiting
    # The user name found last, nearly always the next one's, too, and the worker in it.
    cdef object user
    cdef submit_text worker

    def __init__(self, key, double now):
        self.key = key
        self.heard_at = self.last_write_at = now
        self.extranonce1 = b""
        self.workers = ()
        self.assignments = ()
        self.tally = Tally()

    def __dealloc__(self):
        replies_clear(&self.waiting)

    # --- jobs --------------------------------------------------------------------------------------

    def assigned(self, str job_id not None):
        cdef Py_ssize_t size
        cdef const char *text
        if not job_id.isascii():
            return None  # ours are; and a lone surrogate has no UTF-8
        text = PyUnicode_AsUTF8AndSize(job_id, &size)
        return self._assigned(<const uint8_t *>text, size)

    cdef Assignment _assigned(self, const uint8_t *job_id, Py_ssize_t size):
        cdef Assignment each
        cdef Py_ssize_t i
        for i in range(len(self.assignments) - 1, -1, -1):
            each = <Assignment>self.assignments[i]
            if each.id_size == size and memcmp(each.id, job_id, size) == 0:
                return None if each.job.is_forgotten else each
        return None

    def assign(self, Assignment assignment not None):
        self._assign(assignment)

    cdef int _assign(self, Assignment assignment) except -1:
        cdef Assignment each
        cdef bint any_forgotten = False
        for each in self.assignments:
            any_forgotten = any_forgotten or each.job.is_forgotten
        if any_forgotten:
            self.assignments = tuple([each for each in self.assignments if not (<Assignment>each).job.is_forgotten])
        self.assignments += (assignment,)
        return 0

    # --- counts ------------------------------------------------------------------------------------

    def credit(self, double credit, double now):
        self._credit(credit, now)

    cdef inline void _credit(self, double credit, double now):
        self.tally._accept(credit)
        if self.route_tally is not None:
            self.route_tally._accept(credit)
        if self.evidence is not None:
            evidence_count(&self.evidence.c, credit, now)
            if not evidence_is_calm(&self.evidence.c):
                self.due = True

    def refuse(self, reason, double difficulty):
        self._count_refused(_REASON_NUMBERS[reason], difficulty)

    cdef inline void _count_refused(self, int reason, double difficulty):
        self.owes = True
        self.tally._reject(reason, difficulty)
        if self.route_tally is not None:
            self.route_tally._reject(reason, difficulty)

    # --- replies -----------------------------------------------------------------------------------

    def hold(self, line, Window window not None):
        _demand_bytes(line, "line", -1)
        self._begin(window)
        self._hold(_data(line), PyBytes_GET_SIZE(line))

    cdef int _begin(self, Window window) except -1:
        """Let what is held from now on wait for ``window``."""
        cdef int is_first = replies_begin(&self.waiting, window.number)
        if is_first < 0:
            raise MemoryError
        if is_first:
            window.holders.append(self)
        return 0

    cdef int _hold(self, const uint8_t *data, size_t size) except -1:
        if replies_append(&self.waiting, data, size) != 0:
            raise MemoryError
        return 0

    def queue(self, line, bytearray outbox not None, double now):
        _demand_bytes(line, "line", -1)
        if self.waiting is not NULL:
            self._hold(_data(line), PyBytes_GET_SIZE(line))
        else:
            _append(outbox, _data(line), PyBytes_GET_SIZE(line))
            self.last_write_at = now

    @property
    def holds(self):
        return replies_size(self.waiting, <uint64_t>-1)

    def release(self, uint64_t window):
        released = PyBytes_FromStringAndSize(NULL, replies_size(self.waiting, window))
        replies_release(&self.waiting, window, _data(released))
        return released

    # --- submits -----------------------------------------------------------------------------------

    def take(self, bytes data not None, Py_ssize_t start, Py_ssize_t limit, double now, Window window not None,
             bytearray outbox not None):
        cdef const uint8_t *base = _data(data)
        cdef const uint8_t *newline
        cdef Py_ssize_t end = PyBytes_GET_SIZE(data), at = start, size
        cdef submit_line line
        if not 0 <= start <= end:
            raise ValueError(f"start must be in 0..{end}")
        while at < end:
            newline = <const uint8_t *>memchr(base + at, b"\n", end - at)
            if newline is NULL:
                break
            size = newline - (base + at)
            if size > limit:
                break
            while size > 0 and base[at + size - 1] == b"\r":
                size -= 1
            if not submit_scan(base + at, size, &line):
                break
            if not self._take(&line, now, window, outbox):
                break
            at = newline - base + 1
            if self.due:
                break
        return at

    cdef bint _take(self, const submit_line *line, double now, Window window, bytearray outbox) except -1:
        """Judge one submit; returns False, with nothing done, if it must take the long way."""
        cdef bint is_known
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.extranonce1)
        cdef uint8_t extranonce[SHA256D_MAX_EXTRANONCE]
        cdef Assignment assignment
        cdef verdict_claim claim
        cdef verdict_standing standing
        cdef verdict found
        if not self.is_subscribed:
            return False
        is_known = self._find_worker(&line.worker)
        if is_known and self.worker.size == 0:
            return False
        assignment = self._assigned(line.job_id.at, line.job_id.size)
        if assignment is None:
            self._refuse(line, REASON_STALE if is_known else REASON_UNAUTHORIZED, 0.0, now, outbox)
            return True
        if <Py_ssize_t>line.extranonce2_size != self.extranonce2_size:
            self._refuse(line, REASON_SHAPE, 0.0, now, outbox)
            return True
        if size + self.extranonce2_size != assignment.job.prepared.extranonce_size:
            return False
        memcpy(extranonce, _data(self.extranonce1), size)
        memcpy(extranonce + size, line.extranonce2, line.extranonce2_size)
        claim.extranonce = extranonce
        claim.ntime, claim.nonce, claim.bits, claim.has_bits = line.ntime, line.nonce, line.bits, line.has_bits
        standing.granted = assignment.mask
        standing.mask, standing.masks_ever = self.mask, self.masks_ever
        standing.first_mask = self.first_mask
        standing.authorized = is_known
        standing.stale = now > assignment.job.stale_at
        verdict_judge(&assignment.job.c, &claim, &assignment.target.words, &standing, &found)
        self._settle(line, assignment, &claim, &found, is_known, now, window, outbox)
        return True

    cdef bint _find_worker(self, const submit_text *name) except -1:
        """Return whether the line's user name is authorised: then it is ``user``, and its ``worker`` known.

        A name that is not ASCII cannot be the one of a plain submit.
        """
        cdef submit_text text
        if self.user is not None and _is_text(self.user, name):
            return True
        for each in self.workers:
            if _is_text(each, name):
                self.user = each
                text.at, text.size = <const uint8_t *>PyUnicode_DATA(each), name.size
                self.worker = _plain_worker(&text)
                return True
        return False

    cdef int _settle(self, const submit_line *line, Assignment assignment, const verdict_claim *claim,
                     const verdict *found, bint is_known, double now, Window window,
                     bytearray outbox) except -1:
        """Do what follows from a verdict."""
        cdef bint accepted = found.reason == REASON_NONE
        cdef uint64_t number = 0
        if accepted:
            assignment.job._remember(found.hash)
        # A block that is a duplicate has gone up before.
        if (found.is_block and found.reason != REASON_DUPLICATE) or (accepted and found.meets_upstream):
            number = self.found(
                assignment,
                PyBytes_FromStringAndSize(<const char *>claim.extranonce, assignment.job.prepared.extranonce_size),
                claim.ntime,
                claim.nonce,
                found.version,
                _digest(found.hash),
                self.user if is_known else None,
                is_block=bool(found.is_block),
                now=now,
            )
        if not accepted:
            self._refuse(line, found.reason, assignment.credit, now, outbox)
            return 0
        self._credit(assignment.credit, now)
        self._record(number, assignment, claim, found, window)
        self._reply(line, window)
        return 0

    cdef int _record(self, uint64_t number, Assignment assignment, const verdict_claim *claim,
                     const verdict *found, Window window) except -1:
        cdef record r
        cdef uint8_t packed[RECORD_MOST]
        r.number, r.session = number, self.key
        r.worker, r.worker_size = self.worker.at, self.worker.size
        r.job_id, r.job_id_size = assignment.id, assignment.id_size
        r.extranonce, r.extranonce_size = claim.extranonce, assignment.job.prepared.extranonce_size
        r.ntime, r.nonce, r.version = claim.ntime, claim.nonce, found.version
        r.credit, r.achieved = assignment.credit, verdict_achieved(found.hash)
        r.flags = (RECORD_FORWARDED if number else 0) | (RECORD_BLOCK if found.is_block else 0)
        window.count += 1
        return _append(window.records, packed, record_pack(&r, packed))

    cdef int _reply(self, const submit_line *line, Window window) except -1:
        self._begin(window)
        return self._hold_reply(line, _TRUE_TAIL)

    cdef int _hold_reply(self, const submit_line *line, bytes tail) except -1:
        self._hold(_data(_REPLY_HEAD), PyBytes_GET_SIZE(_REPLY_HEAD))
        self._hold(line.id.at, line.id.size)
        return self._hold(_data(tail), PyBytes_GET_SIZE(tail))

    cdef int _refuse(self, const submit_line *line, int reason, double difficulty, double now,
                     bytearray outbox) except -1:
        cdef bytes tail = <bytes>_FALSE_TAILS[reason]
        self._count_refused(reason, difficulty)
        if self.waiting is not NULL:
            self._hold_reply(line, tail)  # replies to submits keep the order of the submits
        else:
            _append(outbox, _data(_REPLY_HEAD), PyBytes_GET_SIZE(_REPLY_HEAD))
            _append(outbox, line.id.at, line.id.size)
            _append(outbox, _data(tail), PyBytes_GET_SIZE(tail))
            self.last_write_at = now
        return 0
