"""Asks a running program by its control socket. The standard library alone: a command is there at once."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from typing_extensions import override

from proxy.errors import OrderRefused

SOCKET_NAME = "control.sock"
MOST_ANSWER = 64 << 20
TIMEOUT = 5.0


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


def ask(folder: Path, *, sessions: bool = False) -> dict[str, Any]:
    """Return the state of the program that runs with this data directory.

    Raises:
        OSError: nobody answers there.

    """
    return _asked(folder, "GET", "/status?sessions" if sessions else "/status", None)


def ask_power(folder: Path, name: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a view of power, or what holds after an order was given.

    Raises:
        OSError: nobody answers there.
        OrderRefused: it cannot be done; says why.

    """
    answer = _asked(folder, "GET" if order is None else "POST", f"/power/{name}", order)
    if "error" in answer:
        raise OrderRefused(str(answer["error"]))
    return answer


def _asked(folder: Path, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    connection = _UnixConnection(folder / SOCKET_NAME)
    try:
        content = None if body is None else json.dumps(body).encode()
        connection.request(method, path, body=content, headers={"Content-Type": "application/json"})
        answer: dict[str, Any] = json.loads(connection.getresponse().read(MOST_ANSWER))
    finally:
        connection.close()
    return answer
