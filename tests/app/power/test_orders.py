"""Operators' orders: judged, on the disk before they are obeyed, and still there after a restart."""

import math
from pathlib import Path

import pytest

from proxy.app.power.orders import FILE_NAME, PowerOrders, Request
from proxy.errors import OrderRefused
from proxy.events import Event, PowerOrdered


class Desk:
    """A book of orders with a clock of its own."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_700_000_000.0
        self.events: list[Event] = []
        self.orders = PowerOrders(folder, lambda: self.now, self.events.append)


async def test_a_cap_bounds_until_its_time_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="well work", who="ann"))
    said = desk.orders.instructions(95_000.0, None)
    assert said.cap_w == 40_000.0
    assert "ann" in said.cap_name
    assert "well work" in said.cap_name
    assert desk.orders.state()["cap"]["left_s"] == 7200
    desk.now += 7200
    said = desk.orders.instructions(95_000.0, None)
    assert (said.cap_w, desk.orders.state()["cap"]) == (95_000.0, None)
    assert desk.events == [PowerOrdered("cap", 40.0, 7200.0, "well work", "ann")]


async def test_the_strictest_cap_holds_and_says_whose_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=60.0, reason="x"))
    assert "cap_kw" in desk.orders.instructions(95_000.0, 30.0).cap_name
    assert "nominal" in desk.orders.instructions(20_000.0, 30.0).cap_name
    await desk.orders.give("release", Request(reason="x"))
    assert desk.orders.instructions(math.inf, None).cap_w == math.inf


async def test_orders_outlive_the_program(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="x"))
    await desk.orders.give("hold", Request(reason="y"))
    await desk.orders.give("stop", Request(reason="z"))
    again = Desk(tmp_path)
    again.orders.load()
    said = again.orders.instructions(math.inf, None)
    assert (said.cap_w, said.held, said.stopped) == (40_000.0, True, True)
    await again.orders.give("release", Request(reason="done"))
    third = Desk(tmp_path)
    third.orders.load()
    assert third.orders.book.cap is None
    assert not third.orders.instructions(math.inf, None).stopped


async def test_an_order_that_cannot_be_kept_is_not_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "gone")
    with pytest.raises(OrderRefused, match="not taken"):
        await desk.orders.give("hold", Request(reason="x"))
    assert not desk.orders.instructions(math.inf, None).held
    assert desk.events == []


def test_orders_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"cap": 5}')
    with pytest.raises(OrderRefused, match="cannot be read"):
        Desk(tmp_path).orders.load()


@pytest.mark.parametrize(
    ("order", "request_"),
    [
        ("cap", Request(kw=None, seconds=60.0, reason="x")),
        ("cap", Request(kw=-1.0, seconds=60.0, reason="x")),
        ("cap", Request(kw=math.nan, seconds=60.0, reason="x")),
        ("cap", Request(kw=1.0, seconds=0.0, reason="x")),
        ("cap", Request(kw=1.0, seconds=1e9, reason="x")),
        ("cap", Request(kw=1.0, seconds=60.0, reason=" ")),
        ("hold", Request(reason="x\ny")),
        ("hold", Request(reason="x" * 201)),
        ("hold", Request(reason="x", who="y" * 65)),
        ("dance", Request(reason="x")),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(tmp_path: Path, order: str, request_: Request) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(OrderRefused):
        await desk.orders.give(order, request_)
    assert not (tmp_path / FILE_NAME).exists()
