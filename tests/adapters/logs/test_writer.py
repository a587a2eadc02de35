"""The log's writer: in order, never waited for, and what is lost is counted."""

import errno
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest
import structlog

from proxy.adapters.logs import writer as module
from proxy.adapters.logs.events import configure
from proxy.adapters.logs.writer import MOST_WAITING, Writer

PATIENCE = 20.0


@contextmanager
def piped() -> Iterator[tuple[int, TextIO]]:
    """Give both ends of a pipe; the reading one may be closed by the body."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as stream:
        yield read, stream


def drained(read: int) -> bytes:
    """Read to the end, and close."""
    with os.fdopen(read, "rb") as rest:
        return rest.read()


def test_lines_come_whole_and_in_their_order() -> None:
    with piped() as (read, stream):
        with Writer(stream) as out:
            for number in range(500):
                out.write(f"line {number} \ud800 é\n")
        stream.close()
        told = drained(read).decode().splitlines()
    assert told == [f"line {number} \\ud800 é" for number in range(500)]
    assert out.lost == 0


def test_a_reader_that_does_not_read_is_not_waited_for_and_its_losses_are_counted() -> None:
    with piped() as (read, stream), Writer(stream) as out:
        told = 20 * MOST_WAITING
        for number in range(told):
            out.write(f"{number:>99}\n")
        lost = out.lost
        got = bytearray()
        while got.count(b"\n") < told - lost:
            got += os.read(read, 1 << 16)
        assert out.lost == lost
        assert 0 < told - lost <= MOST_WAITING + (1 << 20) // 100
        numbers = [int(line) for line in got.splitlines()]
        assert numbers == sorted(numbers)
        os.close(read)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EPIPE, errno.EIO])
def test_what_goes_wrong_is_counted_and_told_in_the_first_line_that_comes_through(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, seen, real = True, threading.Semaphore(0), os.write

    def write(fd: int, data: bytes) -> int:
        if threading.current_thread().name == "log" and failing:
            seen.release()
            raise OSError(code, "planted")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with piped() as (read, stream):
        with Writer(stream) as out:
            configure(out)
            for number in range(3):
                structlog.get_logger().info("lost", number=number)
                assert seen.acquire(timeout=PATIENCE)
            failing = False
            structlog.get_logger().info("heard")
            structlog.get_logger().info("heard too")
        structlog.reset_defaults()
        stream.close()
        first, second = map(json.loads, drained(read).splitlines())
    assert (first["event"], second["event"]) == ("heard", "heard too")
    assert out.lost == 3
    # The third may be counted a moment after the line behind it was made: then that one's successor tells.
    assert max(first.get("lines_lost", 0), second.get("lines_lost", 0)) in {2, 3}


def test_a_line_that_was_torn_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, real = [0], os.write

    def write(fd: int, data: bytes) -> int:
        if threading.current_thread().name == "log":
            calls[0] += 1
            if calls[0] == 1:
                return real(fd, bytes(data)[:4])
            if calls[0] == 2:
                raise OSError(errno.ENOSPC, "planted")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with piped() as (read, stream):
        with Writer(stream) as out:
            out.write("a torn line\n")
            out.write("a whole one\n")
        stream.close()
        assert drained(read) == b"a to\na whole one\n"
    assert out.lost == 1


def test_a_stream_that_is_not_blocking_is_waited_for_by_the_thread() -> None:
    with piped() as (read, stream):
        os.set_blocking(stream.fileno(), False)
        with Writer(stream) as out:
            for number in range(MOST_WAITING):
                out.write(f"{number:>499}\n")
            got = b"".join(os.read(read, 1 << 16) for _ in range(4))
            while got.count(b"\n") < MOST_WAITING:
                got += os.read(read, 1 << 16)
        assert [int(line) for line in got.splitlines()] == list(range(MOST_WAITING))
        os.close(read)
    assert out.lost == 0


def test_who_does_not_read_keeps_nobody_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FAREWELL", 0.01)
    with piped() as (read, stream):
        with Writer(stream) as out:
            for _ in range(MOST_WAITING):
                out.write("x" * 499 + "\n")
        os.close(read)
