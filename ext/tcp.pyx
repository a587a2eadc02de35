# cython: language_level=3
"""The compiled twin of ``proxy.adapters.tcp.halves``: what runs for each read and each write of a miner."""

import os

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE

from libc.errno cimport EAGAIN, EINTR, errno
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec

cdef extern from "<sys/socket.h>" nogil:
    enum:
        MSG_DONTWAIT
        MSG_NOSIGNAL
    Py_ssize_t send(int fd, const void *data, size_t size, int flags)
    Py_ssize_t recv(int fd, void *data, size_t size, int flags)


cdef enum:
    AT_ONCE = 2048  # bytes; see halves


cdef class Sender:
    """See ``halves.Sender``."""

    cdef readonly object transport
    cdef readonly Py_ssize_t limit
    cdef public bint prompt
    cdef public bint stalled
    cdef readonly object error
    cdef public object resuming
    cdef readonly int fd
    cdef bint waits

    def __init__(self, int fd):
        self.fd = fd

    def attach(self, transport, Py_ssize_t limit):
        self.transport = transport
        self.limit = limit
        if transport.get_extra_info("sslcontext") is not None:
            self.fd = -1

    def write(self, bytes data not None):
        cdef Py_ssize_t sent = 0, size = PyBytes_GET_SIZE(data), queued
        if self.transport.is_closing():
            return
        if self.waits:
            self.waits = self.transport.get_write_buffer_size() > 0
        if self.fd >= 0 and not self.waits:
            # The lock is kept: this never blocks, and giving it away costs as much as a third of the call.
            sent = send(self.fd, PyBytes_AS_STRING(data), size, MSG_DONTWAIT | MSG_NOSIGNAL)
            if sent == size:
                return
            if sent < 0 and errno != EAGAIN and errno != EINTR:
                # The socket tells it once: the transport would only hear of a broken pipe.
                self.error = OSError(errno, os.strerror(errno))
                self.transport.abort()
                return
        self.transport.write(data[sent:] if sent > 0 else data)
        queued = self.transport.get_write_buffer_size()
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
        if self.key is None:
            return
        if self.pending is not None:
            self.pending += data
        elif self.prompt and len(data) <= AT_ONCE:
            self.feed(self.key, data, self.clock() if self.steady is None else self.steady.now())
        else:
            self.pending = data
            self.hold()

    def work(self, Py_ssize_t most):
        cdef bytes data = self.pending
        if self.key is None or data is None:
            return
        self.pending = data[most:] or None
        try:
            self.feed(self.key, data[:most], self.clock())
        finally:
            if self.pending is None:
                self.emptied()

    def read(self, Py_ssize_t most, Py_ssize_t at_once):
        cdef Py_ssize_t received
        cdef bytes data
        if self.key is None or self.transport.is_closing():
            return False
        data = PyBytes_FromStringAndSize(NULL, most)
        received = recv(self.fd, PyBytes_AS_STRING(data), most, MSG_DONTWAIT)
        if received < 0:
            if errno == EAGAIN or errno == EINTR:
                return True
            self.error = OSError(errno, os.strerror(errno))
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
