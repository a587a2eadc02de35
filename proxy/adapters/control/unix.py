"""The control socket: only who may enter the data directory can reach it.

The later web API is another site of the same application.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from proxy.errors import OrderRefused

Snapshot = Callable[[bool], Awaitable[dict[str, Any]]]
"""Gives the state of the program, with every session if its argument is true."""
View = Callable[[str], dict[str, Any]]
"""Gives what is known of power under a name; raises ``OrderRefused`` where there is nothing of that name."""
Order = Callable[[str, object], Awaitable[dict[str, Any]]]
"""Takes an operator's order about power; raises ``OrderRefused``."""
MOST_ORDER = 4096
PART = 100
"""Rows of a list that are written in one go: every miner of a site at once would hold the loop."""
NOT_GOVERNED = "power is not governed here: the configuration has no [power]"


class ControlSocket:
    """Serves ``GET /status``, ``GET /power/VIEW`` and ``POST /power/ORDER``."""

    def __init__(
        self, path: Path, snapshot: Snapshot, view: View | None = None, order: Order | None = None
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._view = view
        self._order = order
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Open the socket, readable for the owner alone.

        Raises:
            OSError: the path cannot be bound (too long, or not writable).

        """
        app = web.Application(client_max_size=MOST_ORDER)
        app.router.add_get("/status", self._status)
        app.router.add_get("/power/{view}", self._look)
        app.router.add_post("/power/{order}", self._give)
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
        return await _told(await self._snapshot("sessions" in request.query))

    async def _look(self, request: web.Request) -> web.Response:
        if self._view is None:
            return _refused(NOT_GOVERNED)
        try:
            return await _told(self._view(request.match_info["view"]))
        except OrderRefused as error:
            return _refused(str(error))

    async def _give(self, request: web.Request) -> web.Response:
        if self._order is None:
            return _refused(NOT_GOVERNED)
        try:
            body = await request.json()
        except ValueError:
            return _refused("the order is no JSON")
        try:
            return await _told(await self._order(request.match_info["order"], body))
        except OrderRefused as error:
            return _refused(str(error))


def _refused(why: str) -> web.Response:
    return web.json_response({"error": why}, status=409)


async def _told(state: dict[str, Any]) -> web.Response:
    """Answer with a state; its long lists are written part by part, with turns for others in between."""
    members = []
    for key, value in state.items():
        text = await _listed(value) if isinstance(value, list) and len(value) > PART else json.dumps(value)
        members.append(f"{json.dumps(key)}: {text}")
    return web.Response(text="{" + ", ".join(members) + "}", content_type="application/json")


async def _listed(rows: list[Any]) -> str:
    parts = []
    for begin in range(0, len(rows), PART):
        parts.append(json.dumps(rows[begin : begin + PART])[1:-1])
        await asyncio.sleep(0)
    return "[" + ", ".join(parts) + "]"
