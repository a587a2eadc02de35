# What shares are held against and counted by: the twins of proxy/hotpath/shares.py and evidence.py.

cdef extern from "share_set.h" nogil:
    ctypedef struct share_set:
        size_t count
    int share_set_has(const share_set *set, const uint32_t *hash)
    int share_set_add(share_set *set, const uint32_t *hash)
    void share_set_clear(share_set *set)

cdef extern from "verdict.h" nogil:
    enum:
        REASON_NONE
        REASON_SHAPE
        REASON_STALE
        REASON_DUPLICATE
        REASON_UNAUTHORIZED
        REASON_COUNT
    ctypedef struct verdict_job:
        const sha256d_job *prepared
        uint32_t version
        uint32_t ntime
        uint32_t last_ntime
        uint32_t rollable
        sha256d_target upstream
        sha256d_target network
        share_set *credited
    ctypedef struct verdict_claim:
        const uint8_t *extranonce
        uint32_t ntime
        uint32_t nonce
        uint32_t bits
        bint has_bits
    ctypedef struct verdict_standing:
        uint32_t granted
        uint32_t mask
        uint32_t masks_ever
        uint32_t first_mask
        bint authorized
        bint stale
    ctypedef struct verdict:
        int reason
        uint32_t hash[8]
        uint32_t version
        bint meets_upstream
        bint is_block
    void verdict_judge(const verdict_job *job, const verdict_claim *claim, const sha256d_target *target,
                       const verdict_standing *standing, verdict *out)
    double verdict_achieved(const uint32_t *hash)

cdef extern from "evidence.h" nogil:
    ctypedef struct evidence_test:
        double per_share
        double per_interval
    ctypedef struct evidence_drift:
        double score
        double shares
        double intervals
    ctypedef struct evidence:
        double worked
        double wanted
        double per_minute
        double window
        double raise_certainty
        double lower_certainty
        double work
        double intervals
        double last_credited
        double credit
        double credit_square
        evidence_drift upper
        evidence_drift lower
        uint32_t seen
        uint32_t quiet_steps
        uint8_t paused
        uint8_t converged
    evidence_test evidence_upper_test
    evidence_test evidence_lower_test
    void evidence_start(evidence *e, double now)
    void evidence_restart(evidence *e)
    void evidence_pass_time(evidence *e, double now)
    void evidence_count(evidence *e, double credited, double now)
    double evidence_remembered(const evidence *e)
    bint evidence_is_calm(const evidence *e)

_REASONS = reasons.REASONS
if len(_REASONS) != REASON_COUNT:
    raise ImportError("ext/verdict.h and proxy/hotpath/reasons.py do not list the same reasons")
_REASON_NUMBERS = {reason: number for number, reason in enumerate(_REASONS)}

cdef uint64_t _NTIME_WINDOW = shares_reference.NTIME_WINDOW

evidence_upper_test.per_share = math.log(evidence_reference.RAISE_TO / evidence_reference.RAISE_FROM)
evidence_upper_test.per_interval = evidence_reference.RAISE_FROM - evidence_reference.RAISE_TO
evidence_lower_test.per_share = math.log(evidence_reference.LOWER_TO / evidence_reference.LOWER_FROM)
evidence_lower_test.per_interval = evidence_reference.LOWER_FROM - evidence_reference.LOWER_TO


def achieved_difficulty(digest):
    cdef uint32_t words[8]
    _demand_bytes(digest, "digest", 32)
    sha256d_words_of(_data(digest), words)
    return verdict_achieved(words)


@cython.final
cdef class _Credits:
    """The memory of credited shares, which jobs with the same headers have in common."""

    cdef share_set set

    def __dealloc__(self):
        share_set_clear(&self.set)


cdef class Job:
    """See ``shares.Job``."""

    cdef verdict_job c
    cdef _Credits credits
    cdef readonly PreparedJob prepared
    cdef readonly Target upstream_target
    cdef readonly Target network_target
    cdef public double stale_at
    cdef public bint is_forgotten

    def __init__(self, PreparedJob prepared not None, ntime, Target upstream_target not None,
                 Target network_target not None):
        self.prepared = prepared
        self.upstream_target = upstream_target
        self.network_target = network_target
        self.c.prepared = prepared.job
        self.c.version = prepared.version
        self.c.ntime = _word(ntime, "ntime")
        self.c.last_ntime = <uint32_t>min(self.c.ntime + _NTIME_WINDOW, <uint64_t>0xffffffff)
        self.c.rollable = 0
        self.c.upstream = upstream_target.words
        self.c.network = network_target.words
        self.stale_at = math.inf
        self._remember_in(_Credits())

    cdef void _remember_in(self, _Credits credits):
        self.credits = credits
        self.c.credited = &credits.set

    @property
    def ntime(self):
        return self.c.ntime

    @property
    def last_ntime(self):
        return self.c.last_ntime

    @last_ntime.setter
    def last_ntime(self, ntime):
        self.c.last_ntime = _word(ntime, "last_ntime")

    @property
    def rollable(self):
        return self.c.rollable

    @rollable.setter
    def rollable(self, mask):
        self.c.rollable = _word(mask, "rollable")

    def is_stale_at(self, double now):
        return now > self.stale_at

    def is_duplicate(self, digest):
        cdef uint32_t words[8]
        _demand_bytes(digest, "digest", 32)
        sha256d_words_of(_data(digest), words)
        return bool(share_set_has(self.c.credited, words))

    def remember(self, digest):
        cdef uint32_t words[8]
        _demand_bytes(digest, "digest", 32)
        sha256d_words_of(_data(digest), words)
        self._remember(words)

    cdef int _remember(self, const uint32_t *hash) except -1:
        if share_set_add(self.c.credited, hash) != 0:
            raise MemoryError
        return 0

    def share_credits(self, Job other not None):
        self._remember_in(other.credits)

    def forget(self):
        self.is_forgotten = True
        self._remember_in(_Credits())

    @property
    def credited_shares(self):
        return self.c.credited.count


@cython.final
cdef class Assignment:
    """See ``shares.Assignment``."""

    cdef readonly Job job
    cdef readonly str job_id
    cdef readonly Target target
    cdef readonly double credit
    cdef readonly uint32_t mask
    cdef readonly object origin
    cdef const uint8_t *id
    cdef Py_ssize_t id_size

    def __init__(self, Job job not None, str job_id not None, Target target not None, double credit, mask,
                 origin):
        self.job = job
        self.job_id = job_id
        self.target = target
        self.credit = credit
        self.mask = _word(mask, "mask")
        self.origin = origin
        self.id = <const uint8_t *>PyUnicode_AsUTF8AndSize(job_id, &self.id_size)  # lives with job_id


@cython.final
cdef class Tally:
    """See ``shares.Tally``."""

    cdef public uint64_t accepted
    cdef public double accepted_difficulty
    cdef public double accepted_square
    cdef public double rejected_difficulty
    cdef public uint64_t blocks
    cdef uint32_t counts[REASON_COUNT]

    @property
    def rejected(self):
        return {_REASONS[i]: self.counts[i] for i in range(REASON_COUNT) if self.counts[i]}

    @property
    def refused(self):
        cdef uint64_t total = 0
        cdef int i
        for i in range(REASON_COUNT):
            total += self.counts[i]
        return total

    @property
    def judged(self):
        return self.accepted + self.refused

    def accept(self, double credit):
        self._accept(credit)

    def reject(self, reason, double difficulty):
        self._reject(_REASON_NUMBERS[reason], difficulty)

    cdef inline void _accept(self, double credit) noexcept:
        self.accepted += 1
        self.accepted_difficulty += credit
        self.accepted_square += credit * credit

    cdef inline void _reject(self, int reason, double difficulty) noexcept:
        self.counts[reason] += 1
        self.rejected_difficulty += difficulty


def judge(Job job not None, extranonce, ntime, nonce, bits, Target target not None, granted, mask, masks_ever,
          first_mask, *, authorized, stale):
    cdef verdict_claim claim
    cdef verdict_standing standing
    cdef verdict found
    _demand_bytes(extranonce, "extranonce", job.prepared.extranonce_size)
    claim.extranonce = _data(extranonce)
    claim.ntime = _word(ntime, "ntime")
    claim.nonce = _word(nonce, "nonce")
    claim.has_bits = bits is not None
    claim.bits = _word(bits, "bits") if claim.has_bits else 0
    standing.granted = _word(granted, "granted")
    standing.mask = _word(mask, "mask")
    standing.masks_ever = _word(masks_ever, "masks_ever")
    standing.first_mask = _word(first_mask, "first_mask")
    standing.authorized = authorized
    standing.stale = stale
    verdict_judge(&job.c, &claim, &target.words, &standing, &found)
    if found.reason == REASON_NONE:
        job._remember(found.hash)
    reason = None if found.reason == REASON_NONE else _REASONS[found.reason]
    return reason, _digest(found.hash), found.version, bool(found.meets_upstream), bool(found.is_block)


cdef class Evidence:
    """See ``evidence.Evidence``."""

    cdef evidence c

    def __init__(self, double now):
        evidence_start(&self.c, now)

    def restart(self):
        evidence_restart(&self.c)

    def pass_time(self, double now):
        evidence_pass_time(&self.c, now)

    def count(self, double credited, double now):
        evidence_count(&self.c, credited, now)

    def remembered(self):
        return evidence_remembered(&self.c)

    @property
    def is_calm(self):
        return bool(evidence_is_calm(&self.c))

    @property
    def upper(self):
        return self.c.upper.score, self.c.upper.shares, self.c.upper.intervals

    @property
    def lower(self):
        return self.c.lower.score, self.c.lower.shares, self.c.lower.intervals

    # What vardiff may set.

    @property
    def paused(self):
        return bool(self.c.paused)

    @paused.setter
    def paused(self, bint value):
        self.c.paused = value

    @property
    def converged(self):
        return bool(self.c.converged)

    @converged.setter
    def converged(self, bint value):
        self.c.converged = value

    @property
    def wanted(self):
        return self.c.wanted

    @wanted.setter
    def wanted(self, double value):
        self.c.wanted = value

    @property
    def per_minute(self):
        return self.c.per_minute

    @per_minute.setter
    def per_minute(self, double value):
        self.c.per_minute = value

    @property
    def window(self):
        return self.c.window

    @window.setter
    def window(self, double value):
        self.c.window = value

    @property
    def raise_certainty(self):
        return self.c.raise_certainty

    @raise_certainty.setter
    def raise_certainty(self, double value):
        self.c.raise_certainty = value

    @property
    def lower_certainty(self):
        return self.c.lower_certainty

    @lower_certainty.setter
    def lower_certainty(self, double value):
        self.c.lower_certainty = value

    @property
    def last_credited(self):
        return self.c.last_credited

    @last_credited.setter
    def last_credited(self, double value):
        self.c.last_credited = value

    @property
    def quiet_steps(self):
        return self.c.quiet_steps

    @quiet_steps.setter
    def quiet_steps(self, uint32_t value):
        self.c.quiet_steps = value

    # What only shares and time change.

    @property
    def worked(self):
        return self.c.worked

    @property
    def seen(self):
        return self.c.seen

    @property
    def work(self):
        return self.c.work

    @property
    def intervals(self):
        return self.c.intervals

    @property
    def credit(self):
        return self.c.credit

    @property
    def credit_square(self):
        return self.c.credit_square
