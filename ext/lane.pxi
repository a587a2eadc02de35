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

cdef enum:
    RECORD_FORWARDED = 1
    RECORD_BLOCK = 2
    FIRST_HELD = 56  # bytes of a reply whose id has 17 digits
    MOST_WORKER = 63  # bytes of a worker name in a record; relay/handshake.py cuts them there

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


cdef inline bint _is_text(object text, const submit_text *bytes):
    return (PyUnicode_IS_COMPACT_ASCII(text) and <size_t>PyUnicode_GET_LENGTH(text) == bytes.size
            and memcmp(PyUnicode_DATA(text), bytes.at, bytes.size) == 0)


@cython.final
cdef class Window:
    """See ``lane.Window``."""

    cdef readonly uint64_t number
    cdef readonly bytearray records
    cdef readonly list holders

    def __init__(self, number):
        self.number = number
        self.records = bytearray()
        self.holders = []


cdef struct held_mark:
    uint64_t window
    size_t end  # of the replies that wait for it, in `held`


cdef void *_grown(void *memory, size_t size, size_t room, bint is_inline) except NULL:
    """Return memory of `room` bytes that begins with the `size` bytes of `memory`, which is given up."""
    cdef void *grown = malloc(room) if is_inline else realloc(memory, room)
    if grown is NULL:
        raise MemoryError
    if is_inline:
        memcpy(grown, memory, size)
    return grown


cdef class Lane:
    """See ``lane.Lane``."""

    cdef public int64_t key
    cdef public double heard_at
    cdef public double last_write_at
    cdef public bint is_subscribed
    cdef public bint due
    cdef public bint owes
    cdef public bytes extranonce1
    cdef public Py_ssize_t extranonce2_size
    cdef public uint32_t mask
    cdef public uint32_t masks_ever
    cdef public uint32_t first_mask
    cdef public dict workers
    cdef public list assignments
    cdef readonly Tally tally
    cdef public Tally route_tally
    cdef public Evidence evidence
    # Replies that wait, and for which windows: mostly one for one, so that has its place here.
    cdef uint8_t *held
    cdef size_t held_size
    cdef size_t held_room
    cdef held_mark *marks
    cdef size_t marks_count
    cdef size_t marks_room
    cdef uint8_t first_held[FIRST_HELD]
    cdef held_mark first_mark
    # The user name found last: nearly always the next one's, too.
    cdef object user
    cdef object worker

    def __init__(self, key, double now):
        self.key = key
        self.heard_at = self.last_write_at = now
        self.extranonce1 = b""
        self.workers = {}
        self.assignments = []
        self.tally = Tally()
        self._hold_nothing()

    def __cinit__(self, *_, **__):
        self._hold_nothing()

    def __dealloc__(self):
        self._let_go()

    cdef void _hold_nothing(self) noexcept:
        self.held, self.held_size, self.held_room = self.first_held, 0, FIRST_HELD
        self.marks, self.marks_count, self.marks_room = &self.first_mark, 0, 1

    cdef void _let_go(self) noexcept:
        if self.held is not self.first_held:
            free(self.held)
        if self.marks is not &self.first_mark:
            free(self.marks)
        self._hold_nothing()

    # --- jobs --------------------------------------------------------------------------------------

    def assigned(self, str job_id not None):
        cdef Py_ssize_t size
        cdef const char *text
        if not job_id.isascii():
            return None  # ours are; and a lone surrogate has no UTF-8
        text = PyUnicode_AsUTF8AndSize(job_id, &size)
        return self._assigned(<const uint8_t *>text, size)

    cdef Assignment _assigned(self, const uint8_t *job_id, Py_ssize_t size):
        cdef Py_ssize_t i = PyList_GET_SIZE(self.assignments)
        cdef Assignment each
        while i > 0:
            i -= 1
            each = <Assignment>PyList_GET_ITEM(self.assignments, i)
            if each.id_size == size and memcmp(each.id, job_id, size) == 0:
                return None if each.job.is_forgotten else each
        return None

    def assign(self, Assignment assignment not None):
        cdef Assignment each
        cdef bint any_forgotten = False
        for each in self.assignments:
            any_forgotten = any_forgotten or each.job.is_forgotten
        if any_forgotten:
            self.assignments = [each for each in self.assignments if not (<Assignment>each).job.is_forgotten]
        self.assignments.append(assignment)

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
        self._mark(window, self._hold(_data(line), PyBytes_GET_SIZE(line)))

    cdef size_t _hold(self, const uint8_t *data, size_t size) except? 0:
        """Append to what waits and return the end of it. The caller marks what it waits for."""
        cdef size_t room = self.held_room
        if self.held_size + size > room:
            room = max(2 * room, self.held_size + size)
            self.held = <uint8_t *>_grown(self.held, self.held_size, room, self.held is self.first_held)
            self.held_room = room
        memcpy(self.held + self.held_size, data, size)
        self.held_size += size
        return self.held_size

    cdef int _mark(self, Window window, size_t end) except -1:
        cdef size_t room
        if self.marks_count > 0 and self.marks[self.marks_count - 1].window == window.number:
            self.marks[self.marks_count - 1].end = end
            return 0
        if self.marks_count == self.marks_room:
            room = 2 * self.marks_room
            self.marks = <held_mark *>_grown(self.marks, self.marks_count * sizeof(held_mark),
                                             room * sizeof(held_mark), self.marks is &self.first_mark)
            self.marks_room = room
        self.marks[self.marks_count].window = window.number
        self.marks[self.marks_count].end = end
        self.marks_count += 1
        window.holders.append(self)
        return 0

    def queue(self, line, bytearray outbox not None, double now):
        _demand_bytes(line, "line", -1)
        if self.marks_count > 0:
            self.marks[self.marks_count - 1].end = self._hold(_data(line), PyBytes_GET_SIZE(line))
        else:
            _append(outbox, _data(line), PyBytes_GET_SIZE(line))
            self.last_write_at = now

    @property
    def holds(self):
        return self.held_size

    def release(self, uint64_t window):
        cdef size_t count = 0, end = 0, i
        while count < self.marks_count and self.marks[count].window <= window:
            end = self.marks[count].end
            count += 1
        released = PyBytes_FromStringAndSize(<const char *>self.held, end)
        self.held_size -= end
        self.marks_count -= count
        if self.marks_count == 0:
            self._let_go()
            return released
        memmove(self.held, self.held + end, self.held_size)
        memmove(self.marks, self.marks + count, self.marks_count * sizeof(held_mark))
        for i in range(self.marks_count):
            self.marks[i].end -= end
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
        cdef PyObject *user = NULL
        cdef PyObject *worker = NULL
        cdef Py_ssize_t size = PyBytes_GET_SIZE(self.extranonce1)
        cdef uint8_t extranonce[SHA256D_MAX_EXTRANONCE]
        cdef Assignment assignment
        cdef verdict_claim claim
        cdef verdict_standing standing
        cdef verdict found
        if not self.is_subscribed:
            return False
        self._find_worker(&line.worker, &user, &worker)
        if worker is not NULL and not self._fits_record(<object>worker):
            return False
        assignment = self._assigned(line.job_id.at, line.job_id.size)
        if assignment is None:
            self._refuse(line, REASON_UNAUTHORIZED if worker is NULL else REASON_STALE, 0.0, now, outbox)
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
        standing.authorized = worker is not NULL
        standing.stale = now > assignment.job.stale_at
        verdict_judge(&assignment.job.c, &claim, &assignment.target.words, &standing, &found)
        self._settle(line, assignment, &claim, &found, user, worker, now, window, outbox)
        return True

    cdef int _find_worker(self, const submit_text *name, PyObject **user, PyObject **worker) except -1:
        """Find the authorised user name that the line gives, and its worker; both NULL if it is none.

        A name that is not ASCII cannot be the one of a plain submit.
        """
        cdef PyObject *key
        cdef PyObject *value
        cdef Py_ssize_t place = 0
        if self.user is None or not _is_text(self.user, name):
            while PyDict_Next(self.workers, &place, &key, &value):
                if _is_text(<object>key, name):
                    self.user, self.worker = <object>key, <object>value
                    break
            else:
                return 0
        user[0], worker[0] = <PyObject *>self.user, <PyObject *>self.worker
        return 0

    cdef bint _fits_record(self, object worker):
        return PyUnicode_IS_COMPACT_ASCII(worker) and PyUnicode_GET_LENGTH(worker) <= MOST_WORKER

    cdef int _settle(self, const submit_line *line, Assignment assignment, const verdict_claim *claim,
                     const verdict *found, PyObject *user, PyObject *worker, double now, Window window,
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
                None if user is NULL else <object>user,
                is_block=bool(found.is_block),
                now=now,
            )
        if not accepted:
            self._refuse(line, found.reason, assignment.credit, now, outbox)
            return 0
        self._credit(assignment.credit, now)
        self._record(number, assignment, claim, found, worker, window)
        self._reply(line, window)
        return 0

    cdef int _record(self, uint64_t number, Assignment assignment, const verdict_claim *claim,
                     const verdict *found, PyObject *worker, Window window) except -1:
        cdef record r
        cdef uint8_t packed[RECORD_MOST]
        r.worker, r.worker_size = <const uint8_t *>PyUnicode_DATA(<object>worker), PyUnicode_GET_LENGTH(<object>worker)
        r.number, r.session = number, self.key
        r.job_id, r.job_id_size = assignment.id, assignment.id_size
        r.extranonce, r.extranonce_size = claim.extranonce, assignment.job.prepared.extranonce_size
        r.ntime, r.nonce, r.version = claim.ntime, claim.nonce, found.version
        r.credit, r.achieved = assignment.credit, verdict_achieved(found.hash)
        r.flags = (RECORD_FORWARDED if number else 0) | (RECORD_BLOCK if found.is_block else 0)
        return _append(window.records, packed, record_pack(&r, packed))

    cdef int _reply(self, const submit_line *line, Window window) except -1:
        self._hold(_data(_REPLY_HEAD), PyBytes_GET_SIZE(_REPLY_HEAD))
        self._hold(line.id.at, line.id.size)
        return self._mark(window, self._hold(_data(_TRUE_TAIL), PyBytes_GET_SIZE(_TRUE_TAIL)))

    cdef int _refuse(self, const submit_line *line, int reason, double difficulty, double now,
                     bytearray outbox) except -1:
        cdef bytes tail = <bytes>_FALSE_TAILS[reason]
        self._count_refused(reason, difficulty)
        if self.marks_count > 0:
            # Replies to submits keep the order of the submits.
            self._hold(_data(_REPLY_HEAD), PyBytes_GET_SIZE(_REPLY_HEAD))
            self._hold(line.id.at, line.id.size)
            self.marks[self.marks_count - 1].end = self._hold(_data(tail), PyBytes_GET_SIZE(tail))
        else:
            _append(outbox, _data(_REPLY_HEAD), PyBytes_GET_SIZE(_REPLY_HEAD))
            _append(outbox, line.id.at, line.id.size)
            _append(outbox, _data(tail), PyBytes_GET_SIZE(tail))
            self.last_write_at = now
        return 0
