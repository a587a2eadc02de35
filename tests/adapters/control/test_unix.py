"""The control socket: for the owner alone, gone when the program is."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from proxy.adapters.control.asking import SOCKET_NAME, ask, ask_power
from proxy.adapters.control.unix import PART, ControlSocket
from proxy.errors import OrderRefused


async def snapshot(sessions: bool) -> dict[str, Any]:
    return {"uptime_s": 1.5, "name": "Grüße", "sessions_asked": sessions}


async def test_it_tells_the_state_with_sessions_only_if_asked(tmp_path: Path) -> None:
    control = ControlSocket(tmp_path / SOCKET_NAME, snapshot)
    await control.start()
    try:
        plain = await asyncio.to_thread(ask, tmp_path)
        full = await asyncio.to_thread(ask, tmp_path, sessions=True)
    finally:
        await control.close()
    assert plain == {"uptime_s": 1.5, "name": "Grüße", "sessions_asked": False}
    assert full["sessions_asked"] is True


async def test_a_long_list_is_told_whole_with_turns_for_others_in_between(tmp_path: Path) -> None:
    rows = [{"key": number, "name": "Grüße, [] {}"} for number in range(10 * PART + 1)]
    loop = asyncio.get_running_loop()
    told: dict[str, Any] = {}
    turns, turns_seen = 0, []

    async def every_session(sessions: bool) -> dict[str, Any]:
        loop.call_soon(turn)
        return {"empty": [], "session_list": rows, "last": None}

    def turn() -> None:
        nonlocal turns
        turns += 1
        if not told:
            loop.call_soon(turn)

    def dumps(value: object) -> str:
        if isinstance(value, list) and value:
            assert len(value) <= PART
            turns_seen.append(turns)
        return real(value)

    real = json.dumps
    control = ControlSocket(tmp_path / SOCKET_NAME, every_session)
    await control.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("proxy.adapters.control.unix.json.dumps", dumps)
            told |= await asyncio.to_thread(ask, tmp_path, sessions=True)
    finally:
        await control.close()
    assert told == {"empty": [], "session_list": rows, "last": None}
    assert len(set(turns_seen)) == 11


async def test_only_the_owner_may_open_it_and_it_goes_with_the_program(tmp_path: Path) -> None:
    path = tmp_path / SOCKET_NAME
    control = ControlSocket(path, snapshot)
    await control.start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await control.close()
    assert not path.exists()


async def test_what_a_dead_program_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / SOCKET_NAME
    path.write_text("not even a socket")
    control = ControlSocket(path, snapshot)
    await control.start()
    assert (await asyncio.to_thread(ask, tmp_path))["name"] == "Grüße"
    await control.close()


async def test_a_path_too_long_for_a_socket_is_an_os_error(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    control = ControlSocket(folder / SOCKET_NAME, snapshot)
    with pytest.raises(OSError, match="too long"):
        await control.start()
    await control.close()


def test_where_nobody_listens_asking_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ask(tmp_path)


async def test_another_program_behind_the_socket_is_an_error_that_status_knows(tmp_path: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_unix_server(answer, tmp_path / SOCKET_NAME)
    with pytest.raises(json.JSONDecodeError):
        await asyncio.to_thread(ask, tmp_path)
    server.close()


# --- power ------------------------------------------------------------------------------------------------


async def serving_power(tmp_path: Path, given: list[tuple[str, object]]) -> ControlSocket:
    def view(name: str) -> dict[str, Any]:
        if name != "status":
            raise OrderRefused(f"no {name}")
        return {"budget_kw": 5.0}

    async def order(name: str, body: object) -> dict[str, Any]:
        if name == "dance":
            raise OrderRefused("nobody dances here")
        given.append((name, body))
        return {"cap": None}

    control = ControlSocket(tmp_path / SOCKET_NAME, snapshot, view, order)
    await control.start()
    return control


async def test_power_is_shown_and_orders_are_taken(tmp_path: Path) -> None:
    given: list[tuple[str, object]] = []
    control = await serving_power(tmp_path, given)
    try:
        assert await asyncio.to_thread(ask_power, tmp_path, "status") == {"budget_kw": 5.0}
        assert await asyncio.to_thread(ask_power, tmp_path, "cap", {"kw": 1.5}) == {"cap": None}
        with pytest.raises(OrderRefused, match="no weather"):
            await asyncio.to_thread(ask_power, tmp_path, "weather")
        with pytest.raises(OrderRefused, match="nobody dances"):
            await asyncio.to_thread(ask_power, tmp_path, "dance", {})
    finally:
        await control.close()
    assert given == [("cap", {"kw": 1.5})]


async def test_an_order_of_any_size_is_not_taken(tmp_path: Path) -> None:
    given: list[tuple[str, object]] = []
    control = await serving_power(tmp_path, given)
    try:
        with pytest.raises((OrderRefused, ValueError, OSError)):
            await asyncio.to_thread(ask_power, tmp_path, "cap", {"reason": "x" * 10_000})
    finally:
        await control.close()
    assert given == []


@pytest.mark.parametrize("order", [None, {"reason": "x"}])
async def test_where_nothing_is_governed_that_is_said(tmp_path: Path, order: dict[str, Any] | None) -> None:
    control = ControlSocket(tmp_path / SOCKET_NAME, snapshot)
    await control.start()
    try:
        with pytest.raises(OrderRefused, match=r"no \[power\]"):
            await asyncio.to_thread(ask_power, tmp_path, "cap", order)
    finally:
        await control.close()
