"""The control socket: only who may enter the data directory can reach it.

The later web API is another site of the same application.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from typing_extensions import override

SOCKET_NAME = "control.sock"
Snapshot = Callable[[bool], dict[str, Any]]
"""Gives the state of the program, with every session if its argument is true."""
MOST_ANSWER = 64 << 20
TIMEOUT = 5.0


class ControlSocket:
    """Serves ``GET /status``."""

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self._path = path
        self._snapshot = snapshot
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open the socket, readable for the owner alone.

        Raises:
            OSError: the path cannot be bound (too long, or not writable).

        """
        app = web.Application()
        app.router.add_get("/status", self._status)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        self._path.unlink(missing_ok=True)
        site = web.UnixSite(self._runner, str(self._path))
        before = os.umask(0o177)
        try:
            await site.start()
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Close the socket and remove it."""
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.to_thread(self._path.unlink, missing_ok=True)

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._snapshot("sessions" in request.query))


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
    connection = _UnixConnection(folder / SOCKET_NAME)
    try:
        connection.request("GET", "/status?sessions" if sessions else "/status")
        answer: dict[str, Any] = json.loads(connection.getresponse().read(MOST_ANSWER))
    finally:
        connection.close()
    return answer
