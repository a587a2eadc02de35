# cython: language_level=3
"""The compiled twin of ``proxy.adapters.tcp``'s ``halves`` and ``transport``: what runs for each read and write."""

import asyncio
import os

cimport cython
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport uint32_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL
    Py_ssize_t send(int fd, const void *data, size_t size, int flags)
    Py_ssize_t recv(int fd, void *data, size_t size, int flags)

cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLLOUT
        EPOLLERR
        EPOLLHUP
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
    ctypedef union epoll_data_t:
        int fd
    struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll, epoll_event *events, int most, int timeout_ms)

cdef extern from "<unistd.h>" nogil:
    int close(int fd)


cdef enum:
    AT_ONCE = 2048  # bytes; see halves
    SERVED_AT_ONCE = 64  # sockets; see transport
    READ = 4096  # bytes; see transport


cdef object failure():
    """What ``errno`` says."""
    return OSError(errno, os.strerror(errno))


@cython.final
cdef class Poller:
    """See ``transport.Poller``."""

    cdef readonly object loop
    cdef int epoll
    cdef list watched
    cdef Py_ssize_t count

    def __cinit__(self):
        self.epoll = -1

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.watched = []
        self.epoll = epoll_create1(EPOLL_CLOEXEC)
        if self.epoll < 0:
            raise failure()

    def __dealloc__(self):
        if self.epoll >= 0:
            close(self.epoll)

    cdef int change(self, Transport transport, uint32_t before, uint32_t events) except -1:
        cdef epoll_event wanted
        cdef int fd = transport.fd
        wanted.events = events
        wanted.data.fd = fd
        if events and not before and fd >= len(self.watched):
            self.watched.extend([None] * (fd + 1 - len(self.watched)))
        if epoll_ctl(
            self.epoll,
            EPOLL_CTL_DEL if not events else EPOLL_CTL_MOD if before else EPOLL_CTL_ADD,
            fd,
            &wanted,
        ) != 0:
            raise failure()
        if not events:
            self.watched[fd] = None
            self.count -= 1
            if self.count == 0:
                self.loop.remove_reader(self.epoll)
        elif not before:
            self.watched[fd] = transport
            self.count += 1
            if self.count == 1:
                self.loop.add_reader(self.epoll, self.serve)
        return 0

    def serve(self):
        cdef epoll_event ready[SERVED_AT_ONCE]
        cdef int i, count = epoll_wait(self.epoll, ready, SERVED_AT_ONCE, 0)
        cdef object transport
        for i in range(count):
            transport = self.watched[ready[i].data.fd]
            if transport is not None:
                (<Transport>transport).happened(ready[i].events)


@cython.final
cdef class Transport:
    """See ``transport.Transport``."""

    cdef readonly int fd
    cdef Poller poller
    cdef object owner
    cdef Connection connection  # the owner, if it is one: then it is told without a call
    cdef object host
    cdef bytearray queue
    cdef Py_ssize_t high
    cdef uint32_t events
    cdef unsigned short port
    cdef bint is_full
    cdef bint closing
    cdef bint has_ended

    def __init__(self, Poller poller not None, int fd, owner, host, int port):
        self.fd = fd
        self.poller = poller
        self.owner = owner
        if isinstance(owner, Connection):
            self.connection = owner
        self.host = host
        self.port = port
        self.high = 1 << 16

    def get_extra_info(self, name, default=None):
        return (self.host, self.port) if name == "peername" else default

    def is_closing(self):
        return self.closing

    def set_write_buffer_limits(self, Py_ssize_t high):
        self.high = high

    cdef inline Py_ssize_t queued(self):
        return PyByteArray_GET_SIZE(self.queue) if self.queue is not None else 0

    def get_write_buffer_size(self):
        return self.queued()

    cpdef write(self, data):
        if self.closing or not data:
            return
        if self.queue is None:
            self.queue = bytearray()
        self.queue += data
        self.watch(self.events | EPOLLOUT)
        if PyByteArray_GET_SIZE(self.queue) > self.high and not self.is_full:
            self.is_full = True
            self.owner.pause_writing()

    def pause_reading(self):
        self.watch(self.events & ~<uint32_t>EPOLLIN)

    def resume_reading(self):
        if not self.closing:
            self.watch(self.events | EPOLLIN)

    cpdef close(self):
        if not self.closing:
            self.closing = True
            self.watch(self.events & ~<uint32_t>EPOLLIN)
            if self.queue is None:
                self.end(None)

    def abort(self):
        self.end(None)

    cdef int happened(self, uint32_t events) except -1:
        try:
            if self.events & EPOLLIN and events & (EPOLLIN | EPOLLERR | EPOLLHUP):
                self.receive()
            if self.events & EPOLLOUT and events & (EPOLLOUT | EPOLLERR | EPOLLHUP):
                self.flush()
        except Exception as error:
            context = {"message": "a miner's connection failed", "exception": error, "transport": self}
            self.poller.loop.call_exception_handler(context)
            self.end(error)
        return 0

    cdef int receive(self) except -1:
        cdef char data[READ]
        cdef Py_ssize_t received = recv(self.fd, data, READ, MSG_DONTWAIT)
        if received < 0:
            if errno != EAGAIN and errno != EINTR:
                self.end(failure())
        elif received == 0:
            self.close()
        elif self.connection is not None:
            self.connection.take(PyBytes_FromStringAndSize(data, received))
        else:
            self.owner.data_received(PyBytes_FromStringAndSize(data, received))
        return 0

    cdef int flush(self) except -1:
        cdef Py_ssize_t sent = send(
            self.fd, PyByteArray_AS_STRING(self.queue), PyByteArray_GET_SIZE(self.queue), MSG_DONTWAIT | MSG_NOSIGNAL
        )
        if sent < 0:
            if errno != EAGAIN and errno != EINTR:
                self.end(failure())
            return 0
        del self.queue[:sent]
        if self.is_full and PyByteArray_GET_SIZE(self.queue) <= self.high // 4:
            self.is_full = False
            self.owner.resume_writing()
        if self.queue is not None and PyByteArray_GET_SIZE(self.queue) == 0:
            self.queue = None
            self.watch(self.events & ~<uint32_t>EPOLLOUT)
            if self.closing:
                self.end(None)
        return 0

    cdef int watch(self, uint32_t events) except -1:
        cdef uint32_t before = self.events
        if events != before:
            self.poller.change(self, before, events)
            self.events = events
        return 0

    cdef int end(self, error) except -1:
        if not self.has_ended:
            self.has_ended = self.closing = True
            self.queue = None
            self.poller.loop.call_soon(self._lost, error)
            self.watch(0)
        return 0

    def _lost(self, error):
        cdef int fd = self.fd
        owner, self.owner, self.connection = self.owner, None, None
        try:
            if owner is not None:
                owner.connection_lost(error)
        finally:
            self.fd = -1
            close(fd)


cdef class Sender:
    """See ``halves.Sender``."""

    cdef readonly object transport
    cdef Transport plain  # the transport, if it is ours: then it is asked without a call
    cdef readonly Py_ssize_t limit
    cdef public bint prompt
    cdef public bint stalled
    cdef public object error
    cdef public object resuming
    cdef readonly int fd
    cdef bint waits

    def __init__(self, int fd):
        self.fd = fd

    def attach(self, transport, Py_ssize_t limit):
        self.transport = transport
        if isinstance(transport, Transport):
            self.plain = transport
        self.limit = limit
        if transport.get_extra_info("sslcontext") is not None:
            self.fd = -1

    cdef inline bint closes(self) except -1:
        return self.transport.is_closing() if self.plain is None else self.plain.closing

    cdef inline Py_ssize_t queued(self) except -1:
        return self.transport.get_write_buffer_size() if self.plain is None else self.plain.queued()

    def write(self, bytes data not None):
        cdef Py_ssize_t sent = 0, size = PyBytes_GET_SIZE(data), queued
        if self.closes():
            return
        if self.waits:
            self.waits = self.queued() > 0
        if self.fd >= 0 and not self.waits:
            # The lock is kept: this never blocks, and giving it away costs as much as a third of the call.
            sent = send(self.fd, PyBytes_AS_STRING(data), size, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent == size:
                return
            if sent < 0 and errno != EAGAIN and errno != EINTR:
                # The socket tells it once: the transport would only hear of a broken pipe.
                self.error = failure()
                self.transport.abort()
                return
        self.waits = True  # if the next line raises, something may wait
        self.transport.write(data[sent:] if sent > 0 else data)
        queued = self.queued()
        self.waits = queued > 0
        if queued > self.limit:
            self.cut()

    def cut(self):
        self.stalled = True
        self.transport.abort()


cdef double _greatest_gap = 0.0


def set_greatest_gap(double seconds):
    """Let every clock leave out gaps that are longer: the number stands where its reason does."""
    global _greatest_gap
    _greatest_gap = seconds


@cython.final
cdef class SteadyClock:
    """See ``app.clock.SteadyClock``."""

    cdef object source
    cdef double seen
    cdef readonly double slept

    def __init__(self, source=None):
        self.source = source
        self.seen = self._read()

    cdef double _read(self) except? -1.0:
        cdef timespec now
        if self.source is not None:
            return self.source()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec + now.tv_nsec * 1e-9

    cdef double now(self) except? -1.0:
        cdef double now = self._read()
        if now - self.seen > _greatest_gap:
            self.slept += now - self.seen
        self.seen = now
        return now - self.slept

    def __call__(self):
        return self.now()


cdef class Connection(Sender):
    """See ``halves.Connection``."""

    cdef public object key
    cdef readonly bytes pending
    cdef object feed
    cdef object clock
    cdef SteadyClock steady  # the clock, if it is one: then it is read without a call

    def __init__(self, int fd, feed, clock):
        self.fd = fd
        self.feed = feed
        self.clock = clock
        if isinstance(clock, SteadyClock):
            self.steady = clock

    def data_received(self, data):
        self.take(data)

    cdef int take(self, bytes data) except -1:
        if self.key is None:
            return 0
        if self.pending is not None:
            self.pending += data
        elif self.prompt and PyBytes_GET_SIZE(data) <= AT_ONCE:
            self.feed(self.key, data, self.clock() if self.steady is None else self.steady.now())
        else:
            self.pending = data
            self.hold()
        return 0

    def work(self, Py_ssize_t most):
        cdef bytes data = self.pending
        if self.key is None or data is None:
            return
        self.pending = data[most:] or None
        try:
            self.feed(self.key, data[:most], self.clock())
        except Exception:
            self.pending = None
            raise
        finally:
            if self.pending is None:
                self.emptied()

    def read(self, Py_ssize_t most, Py_ssize_t at_once):
        cdef Py_ssize_t received
        cdef bytes data
        if self.key is None or self.closes():
            return False
        data = PyBytes_FromStringAndSize(NULL, most)
        received = recv(self.fd, PyBytes_AS_STRING(data), most, MSG_DONTWAIT)
        if received < 0:
            if errno == EAGAIN or errno == EINTR:
                return True
            self.error = failure()
            self.transport.abort()
            return False
        if received == 0:
            self.transport.close()
            return False
        data = data[:received]
        if received <= at_once:
            self.feed(self.key, data, self.clock())
        else:
            self.pending = data
            self.hold()
        return True

    def hold(self):
        pass

    def emptied(self):
        pass
