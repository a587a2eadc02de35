"""Miners that all come at once, as cheap as they can be: ``python -m tests.faults.storm PORT COUNT``.

Raw sockets and one epoll: the crowd shares its processors with the proxy that it measures. Prints JSON.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from typing import Any

HELLO = (
    b'{"id":1,"method":"mining.configure","params":[["version-rolling"],'
    b'{"version-rolling.mask":"1fffe000"}]}\n'
    b'{"id":2,"method":"mining.subscribe","params":["storm/1.0"]}\n'
    b'{"id":3,"method":"mining.authorize","params":["acme.%d","x"]}\n'
)
JOB = b'"method":"mining.notify"'
BIND_ADDRESS_NO_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, when the whole pair of addresses counts."""
ADDRESSES = 50
"""Sources 127.0.0.2 and on: as many sites behind one router each."""
AT_A_TURN = 100
"""Connections that are begun before answers are looked at again."""


class Storm:
    """``count`` connections to a port of this machine, begun within ``spread`` seconds."""

    def __init__(self, port: int, count: int, spread: float) -> None:
        self._port = port
        self._count = count
        self._spread = spread
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._numbers: dict[int, int] = {}
        self._heard: dict[int, bytes] = {}
        self.worked: list[float] = []
        """When each had its first job, in seconds from the beginning."""
        self.order: list[int] = []
        """Who they were, by the order in which they came."""
        self.extranonces: set[bytes] = set()
        self.lost = 0
        self.began_within = 0.0

    def run(self, timeout: float) -> None:
        """Return once each one has a job, or when the time is up."""
        began = time.monotonic()
        begun = 0
        while len(self.worked) + self.lost < self._count:
            passed = time.monotonic() - began
            if passed > timeout:
                return
            due = min(self._count, int(self._count * passed / self._spread) + 1)
            for number in range(begun, min(due, begun + AT_A_TURN)):
                self._begin(number)
                begun += 1
                self.began_within = passed
            for descriptor, events in self._poll.poll(0 if begun < self._count else 0.1, 512):
                self._happened(descriptor, events, began)

    def _begin(self, number: int) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        sock.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{2 + number % ADDRESSES}", 0))
        sock.connect_ex(("127.0.0.1", self._port))
        descriptor = sock.fileno()
        self._sockets[descriptor], self._numbers[descriptor] = sock, number
        self._poll.register(descriptor, select.EPOLLOUT)

    def _happened(self, descriptor: int, events: int, began: float) -> None:
        sock = self._sockets[descriptor]
        try:
            if events & select.EPOLLOUT and descriptor not in self._heard:
                sock.send(HELLO % self._numbers[descriptor])
                self._heard[descriptor] = b""
                self._poll.modify(descriptor, select.EPOLLIN)
            elif events:
                self._read(descriptor, sock, began)
        except OSError:
            self._gone(descriptor)

    def _read(self, descriptor: int, sock: socket.socket, began: float) -> None:
        data = sock.recv(65536)
        if not data:
            self._gone(descriptor)
            return
        heard = self._heard[descriptor] + data
        self._heard[descriptor] = heard
        if JOB in heard:
            self.worked.append(time.monotonic() - began)
            self.order.append(self._numbers[descriptor])
            self.extranonces.add(heard.split(b"]],", 1)[1].split(b'"', 2)[1])
            # It stays, and is heard no more.
            self._poll.unregister(descriptor)

    def _gone(self, descriptor: int) -> None:
        self.lost += 1
        self._poll.unregister(descriptor)
        self._sockets.pop(descriptor).close()

    def retransmitted(self) -> int:
        """Return how many segments had to be sent again: what a full queue of a listener costs."""
        return sum(_retransmits(sock) for sock in self._sockets.values())

    def summary(self) -> dict[str, Any]:
        """Return what came of it."""
        worked = sorted(self.worked)
        displaced = sorted(abs(place - number) for place, number in enumerate(self.order))
        return {
            "displaced_p99": displaced[len(displaced) * 99 // 100] if displaced else None,
            "displaced_most": displaced[-1] if displaced else None,
            "begun_within": round(self.began_within, 3),
            "worked": len(worked),
            "lost": self.lost,
            "extranonces": len(self.extranonces),
            "retransmitted": self.retransmitted(),
            "median": round(worked[len(worked) // 2], 3) if worked else None,
            "p99": round(worked[len(worked) * 99 // 100], 3) if worked else None,
            "last": round(worked[-1], 3) if worked else None,
        }

    def close(self) -> None:
        """Cut every connection at once, as a power failure does."""
        for sock in self._sockets.values():
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        self._poll.close()


def _retransmits(sock: socket.socket) -> int:
    """Return tcpi_total_retrans of struct tcp_info (linux/tcp.h): it stands at byte 100."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("I", info, 100)[0])


def listen_overflows() -> int:
    """Return how often a listener of this machine had no room for a connection, since it was booted."""
    with open("/proc/net/netstat") as file:
        rows = [line.split() for line in file if line.startswith("TcpExt:")]
    counters = dict(zip(rows[0][1:], map(int, rows[1][1:]), strict=True))
    return counters["ListenOverflows"] + counters["ListenDrops"]


def _main() -> None:
    port, count, spread, timeout = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
    storm = Storm(port, count, spread)
    storm.run(timeout)
    print(json.dumps(storm.summary()), flush=True)  # noqa: T201
    sys.stdin.read(1)  # stays until it is told to go
    storm.close()


if __name__ == "__main__":
    _main()
