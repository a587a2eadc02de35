# cython: language_level=3
"""Makes a batch durable without Python's lock: see ``proxy.adapters.stores.ledger.commits``.

A thread that returns from a flush to Python waits for the lock as long as the loop has something to do, up to a
switch interval of 5 ms, before it can tell anybody. This one tells the loop first, by a descriptor.
"""

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close, read, write

cdef extern from "<poll.h>" nogil:
    enum:
        POLLIN
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, unsigned long count, int timeout)

cdef extern from "<sys/eventfd.h>" nogil:
    enum:
        EFD_CLOEXEC
        EFD_NONBLOCK
    int eventfd(unsigned int initial, int flags)

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    /* struct sched_attr of linux/sched/types.h, which glibc does not have before 2.41. */
    struct pumpjack_sched {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    };

    static int pumpjack_slice(uint64_t nanoseconds)
    {
    #if defined(__linux__) && defined(SYS_sched_setattr)
        struct pumpjack_sched how;
        memset(&how, 0, sizeof how);
        if (syscall(SYS_sched_getattr, 0, &how, sizeof how, 0) != 0 || how.policy != 0)
            return -1;
        how.size = sizeof how;
        how.runtime = nanoseconds;
        return (int)syscall(SYS_sched_setattr, 0, &how, 0);
    #else
        (void)nanoseconds;
        return -1;
    #endif
    }
    """
    int pumpjack_slice(uint64_t nanoseconds) nogil

cdef enum:
    # Nanoseconds. A commit sleeps three times, and each time it would wait for another's slice, 3 ms by default.
    SLICE = 100_000

cdef enum:
    # Of sqlite3.h: numbers that SQLite promises never to change.
    SQLITE_OK = 0
    SQLITE_DONE = 101
    SQLITE_OPEN_READWRITE = 2
    SQLITE_PREPARE_PERSISTENT = 1

cdef enum:
    NOTHING, ASKED, DONE, FAILED

cdef enum:
    COLUMNS = 7

ctypedef int (*open_function)(const char *, void **, int, const char *) noexcept nogil
ctypedef int (*exec_function)(void *, const char *, void *, void *, char **) noexcept nogil
ctypedef int (*prepare_function)(void *, const char *, int, unsigned int, void **, const char **) noexcept nogil
ctypedef int (*blob_function)(void *, int, const void *, int, void *) noexcept nogil
ctypedef int (*number_function)(void *, int, int64_t) noexcept nogil
ctypedef int (*plain_function)(void *) noexcept nogil
ctypedef const char *(*text_function)(void *) noexcept nogil

cdef struct SQLite:
    open_function open
    exec_function execute
    prepare_function prepare
    blob_function bind_blob
    number_function bind_number
    plain_function step
    plain_function reset
    plain_function finalize
    plain_function close
    plain_function error_code
    text_function error_text

NAMES = (
    "sqlite3_open_v2", "sqlite3_exec", "sqlite3_prepare_v3", "sqlite3_bind_blob", "sqlite3_bind_int64",
    "sqlite3_step", "sqlite3_reset", "sqlite3_finalize", "sqlite3_close_v2", "sqlite3_extended_errcode",
    "sqlite3_errmsg",
)
"""What ``Commits`` needs the addresses of, in this order."""


cdef double _now() noexcept nogil:
    cdef timespec time
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec + time.tv_nsec * 1e-9


cdef void _signal(int descriptor) noexcept nogil:
    """Make a descriptor readable. Cannot fail: its count would have to reach 2**64."""
    cdef uint64_t one = 1
    while write(descriptor, &one, sizeof(one)) < 0 and errno == EINTR:
        pass


cdef bint _heard(int descriptor) noexcept nogil:
    """Return whether a descriptor was readable; now it is not."""
    cdef uint64_t count
    cdef Py_ssize_t got = read(descriptor, &count, sizeof(count))
    while got < 0 and errno == EINTR:
        got = read(descriptor, &count, sizeof(count))
    return got > 0


cdef class Commits:
    """See ``commits.Commits``. One row at a time: ``put`` by the loop, the rest by the writer's thread."""

    cdef SQLite sqlite
    cdef void *connection
    cdef void *insert
    cdef int called
    cdef readonly int told
    cdef int state
    cdef double spent
    cdef object row  # keeps alive what the pointers point at
    cdef int64_t numbers[3]
    cdef const char *blobs[4]
    cdef int sizes[4]

    def __cinit__(self, addresses):
        self.called = self.told = -1
        if len(addresses) != len(NAMES):
            raise ValueError(f"{len(NAMES)} addresses are needed, not {len(addresses)}")
        cdef void **at = <void **>&self.sqlite
        for place, address in enumerate(addresses):
            at[place] = <void *><size_t>address
        self.called = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        self.told = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
        if self.called < 0 or self.told < 0:
            raise OSError(errno, "no descriptor for the ledger's writer")

    def __dealloc__(self):
        self._close()
        if self.called >= 0:
            close(self.called)
        if self.told >= 0:
            close(self.told)

    # --- the loop's side --------------------------------------------------------------------------------

    def put(self, tuple row not None):
        """Have a row appended; only when the one before has been answered."""
        seq, run, at, count, notes, shares, digest = row
        self.numbers[0], self.numbers[1], self.numbers[2] = seq, at, count
        cdef int place = 0
        for blob in (run, notes, shares, digest):
            if type(blob) is not bytes:
                raise TypeError(f"a row's blobs are bytes, not {type(blob).__name__}")
            self.blobs[place] = <const char *>blob
            self.sizes[place] = len(blob)
            place += 1
        self.row = row
        self.state = ASKED
        _signal(self.called)

    def call(self):
        """Have ``serve`` return."""
        _signal(self.called)

    def confirmed(self):
        """Return the seconds that the row took, or None if it has not become durable yet."""
        if not _heard(self.told) or self.state != DONE:
            return None
        self.state = NOTHING
        self.row = None
        return self.spent

    # --- the thread's side ------------------------------------------------------------------------------

    def hurry(self):
        """Let this thread come in before who computes for long; return whether the kernel does so.

        Its share of the processor stays what it was. Kernels before 6.12 know of no slice of a thread's own.
        """
        return pumpjack_slice(SLICE) == 0

    def open(self, path, statements, insert):
        """Open a file, for this thread. Returns None, or the code and text of SQLite's error."""
        self._close()
        name = path.encode() if isinstance(path, str) else path
        if self.sqlite.open(name, &self.connection, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK:
            return self._failed()
        for statement in statements:
            if self.sqlite.execute(self.connection, statement.encode(), NULL, NULL, NULL) != SQLITE_OK:
                return self._failed()
        text = insert.encode()
        if self.sqlite.prepare(
            self.connection, text, -1, SQLITE_PREPARE_PERSISTENT, &self.insert, NULL
        ) != SQLITE_OK:
            return self._failed()
        return None

    def close(self):
        """Give up the file."""
        self._close()

    @property
    def is_open(self):
        return self.insert != NULL

    def serve(self, double seconds):
        """Append rows as they are put, until there is something else to do; return the error, if it is one.

        Returns None after so many seconds or a ``call``; (code, text) if a row was not appended.
        """
        cdef double until = _now() + seconds
        cdef bint went_well = True
        with nogil:
            while went_well and self._wait(until):
                if self.state != ASKED:
                    break
                went_well = self._append()
        return None if went_well else self._failed()

    cdef bint _wait(self, double until) noexcept nogil:
        """Wait for a call; return False if there is none in time."""
        cdef pollfd each
        cdef double left
        each.fd, each.events = self.called, POLLIN
        while not _heard(self.called):
            left = until - _now()
            if left <= 0:
                return False
            # What a poll fails with is a signal: then it waits again.
            poll(&each, 1, <int>(left * 1000) + 1)
        return True

    cdef bint _append(self) noexcept nogil:
        cdef double began = _now()
        cdef int found = self._bind()
        if found == SQLITE_OK:
            found = self.sqlite.step(self.insert)
        if found != SQLITE_DONE:
            self.state = FAILED
            return False
        # What a reset returns is the step's result once more, and that is known.
        self.sqlite.reset(self.insert)
        self.spent = _now() - began
        self.state = DONE
        _signal(self.told)
        return True

    cdef int _bind(self) noexcept nogil:
        cdef int found = self.sqlite.bind_number(self.insert, 1, self.numbers[0])
        if found == SQLITE_OK:
            found = self.sqlite.bind_blob(self.insert, 2, self.blobs[0], self.sizes[0], NULL)
        if found == SQLITE_OK:
            found = self.sqlite.bind_number(self.insert, 3, self.numbers[1])
        if found == SQLITE_OK:
            found = self.sqlite.bind_number(self.insert, 4, self.numbers[2])
        cdef int place
        for place in range(1, 4):
            if found == SQLITE_OK:
                found = self.sqlite.bind_blob(self.insert, 4 + place, self.blobs[place], self.sizes[place], NULL)
        return found

    cdef _failed(self):
        """Return the last error, and give up the file."""
        code = self.sqlite.error_code(self.connection)
        text = self.sqlite.error_text(self.connection).decode(errors="replace")
        self._close()
        return code, text

    cdef void _close(self) noexcept:
        if self.insert != NULL:
            self.sqlite.finalize(self.insert)
            self.insert = NULL
        if self.connection != NULL:
            self.sqlite.close(self.connection)
            self.connection = NULL
