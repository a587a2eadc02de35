"""A source of a figure: believed where it makes sense, and never waited for long."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from proxy.adapters.available.source import (
    AVAILABLE,
    FUTURE_S,
    MOST_BYTES,
    PRICE,
    FileSource,
    HttpSource,
    Quantity,
    Told,
    read,
)
from proxy.errors import SourceSilent

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"812.5", Told(812.5, 10.0)),
        (b" 0 \n", Told(0.0, 10.0)),
        (b'{"available_kw": 812.5}', Told(812.5, 10.0)),
        (b'{"available_kw": 5, "at": 1699999970, "who": "plc"}', Told(5.0, 30.0)),
        (b'{"available_kw": 5, "at": 1700000030}', Told(5.0, 0.0)),
    ],
)
def test_a_number_or_an_object_with_one_is_believed(content: bytes, told: Told) -> None:
    assert read(AVAILABLE, content, NOW, NOW - 10) == told


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"lots",
        b"-1",
        b"1e9",
        b"9" * 400,
        b'{"available_kw": 5, "at": ' + b"9" * 400 + b"}",
        b"NaN",
        b"Infinity",
        b"true",
        b"null",
        b"[5]",
        b'{"kw": 5}',
        b'{"available_kw": "5"}',
        b'{"available_kw": 5, "at": "now"}',
        b'{"available_kw": 5, "at": true}',
        b'{"available_kw": 5, "at": 1800000000}',
        b"[" * MOST_BYTES,
        b"5" + b" " * MOST_BYTES,
        b"\xff5",
    ],
)
def test_anything_else_is_silence(content: bytes) -> None:
    with pytest.raises(SourceSilent):
        read(AVAILABLE, content, NOW, NOW)


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_is_told_is_a_power_or_silence(content: bytes) -> None:
    try:
        told = read(AVAILABLE, content, NOW, NOW)
    except SourceSilent:
        return
    assert 0 <= told.value <= AVAILABLE.most
    assert told.age_s >= 0


@pytest.mark.parametrize(
    ("content", "told"), [(b"-12.5", -12.5), (b'{"per_mwh": 41.5}', 41.5), (b'{"available_kw": 5}', None)]
)
def test_a_price_may_be_negative_and_is_told_under_its_own_key(content: bytes, told: float | None) -> None:
    if told is None:
        with pytest.raises(SourceSilent, match="per_mwh"):
            read(PRICE, content, NOW, NOW)
    else:
        assert read(PRICE, content, NOW, NOW) == Told(told, 0.0)


@pytest.mark.parametrize(("quantity", "content"), [(AVAILABLE, b"-0.1"), (PRICE, b"2e5"), (PRICE, b"-2e5")])
def test_what_is_out_of_all_bounds_is_refused_in_its_unit(quantity: Quantity, content: bytes) -> None:
    with pytest.raises(SourceSilent, match=f"{quantity.unit} is no {quantity.what}"):
        read(quantity, content, NOW, NOW)


@given(st.floats(0, AVAILABLE.most), st.floats(-1e6, 1e6))
def test_an_age_is_never_negative_and_a_clock_far_ahead_is_not_believed(kw: float, ahead: float) -> None:
    content = f'{{"available_kw": {kw!r}, "at": {NOW + ahead!r}}}'.encode()
    if ahead > FUTURE_S + 1:
        with pytest.raises(SourceSilent, match="future"):
            read(AVAILABLE, content, NOW, NOW)
    elif ahead < FUTURE_S - 1:
        assert read(AVAILABLE, content, NOW, NOW).age_s == pytest.approx(max(0.0, -ahead), abs=1e-3)


async def test_a_file_is_as_old_as_its_last_change(tmp_path: Path) -> None:
    path = tmp_path / "kw"
    path.write_text("500\n")
    os.utime(path, (NOW - 40, NOW - 40))
    assert await FileSource(AVAILABLE, path, lambda: NOW).ask() == Told(500.0, 40.0)


async def test_a_file_that_is_not_there_is_silence_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SourceSilent, match="kw: No such file"):
        await FileSource(AVAILABLE, tmp_path / "kw", lambda: NOW).ask()


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/kw", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/kw"
    finally:
        await runner.cleanup()


async def test_an_endpoint_is_asked_each_time() -> None:
    told = iter(["100", '{"available_kw": 90}'])

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=next(told))

    async with serving(answer) as url:
        source = HttpSource(AVAILABLE, url, 5.0, lambda: NOW)
        assert [await source.ask(), await source.ask()] == [Told(100.0, 0.0), Told(90.0, 0.0)]


@pytest.mark.parametrize("status", [204, 302, 404, 500])
async def test_other_answers_than_200_are_silence(status: int) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/kw"})

    async with serving(answer) as url:
        with pytest.raises(SourceSilent, match=str(status)):
            await HttpSource(AVAILABLE, url, 5.0, lambda: NOW).ask()


async def test_an_endless_answer_is_cut_off() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 65536)
        except ConnectionError:
            return response

    async with serving(answer) as url:
        with pytest.raises(SourceSilent, match="more than"):
            await HttpSource(AVAILABLE, url, 20.0, lambda: NOW).ask()


async def test_an_endpoint_that_hangs_is_given_up() -> None:
    release = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(text="1")

    async with serving(answer) as url:
        with pytest.raises(SourceSilent, match="no answer within"):
            await HttpSource(AVAILABLE, url, 0.05, lambda: NOW).ask()
        release.set()


async def test_nobody_there_is_silence() -> None:
    with pytest.raises(SourceSilent):
        await HttpSource(AVAILABLE, "http://127.0.0.1:9/kw", 5.0, lambda: NOW).ask()
