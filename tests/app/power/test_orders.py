"""Operators' orders: judged, on the disk before they are obeyed, and still there after a restart."""

import asyncio
import math
from pathlib import Path

import pytest

from proxy.app.power.book import Request
from proxy.app.power.orders import FILE_NAME, PowerOrders
from proxy.energy.budget import Term
from proxy.errors import OrderRefused
from proxy.events import Event, PowerOrdered
from proxy.governor.readings import Instructions

NOMINAL = Term("nominal", 95_000.0, "the nominal power")


class Desk:
    """A book of orders with a clock of its own."""

    def __init__(
        self, folder: Path, *, circuits: tuple[str, ...] = ("main", "row-a"), acts: bool = True
    ) -> None:
        self.now = 1_700_000_000.0
        self.steady = 500.0
        """What the monotonic clock shows while the wall clock shows the above."""
        self.events: list[Event] = []
        self.orders = PowerOrders(
            folder, lambda: self.now, self.events.append, circuits, acts=acts, steady=lambda: self.steady
        )

    def spend(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.steady += seconds

    def said(self, *terms: Term) -> Instructions:
        return self.orders.instructions([*terms, *self.orders.terms(1000.0, 60.0)])


async def test_a_cap_bounds_until_its_time_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="well work", who="ann"))
    said = desk.said(NOMINAL)
    assert said.cap_w == 40_000.0
    assert "ann" in said.cap_name
    assert "well work" in said.cap_name
    assert desk.orders.state()["cap"]["left_s"] == 7200
    desk.spend(7200)
    said = desk.said(NOMINAL)
    assert (said.cap_w, desk.orders.state()["cap"]) == (95_000.0, None)
    assert desk.events == [PowerOrdered("cap", 40.0, 7200.0, "well work", "ann")]


async def test_the_strictest_cap_holds_and_says_whose_it_is(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=60.0, reason="x"))
    configured = Term("cap_kw", 30_000.0, "power.cap_kw")
    assert "cap_kw" in desk.said(NOMINAL, configured).cap_name
    assert "nominal" in desk.said(Term("nominal", 20_000.0, "nominal"), configured).cap_name
    await desk.orders.give("release", Request(reason="x"))
    assert desk.said().cap_w == math.inf


async def test_orders_outlive_the_program(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="x"))
    await desk.orders.give("hold", Request(reason="y"))
    await desk.orders.give("stop", Request(reason="z"))
    again = Desk(tmp_path)
    again.orders.load()
    said = again.said()
    assert (said.cap_w, said.held, said.stopped) == (40_000.0, True, True)
    await again.orders.give("release", Request(reason="done"))
    third = Desk(tmp_path)
    third.orders.load()
    assert third.orders.book.cap is None
    assert not third.said().stopped


async def test_a_lockout_outlives_the_program_and_a_release_and_ends_by_its_own_order_only(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("lockout", Request(circuit="row-a", reason="new fans", who="ann"))
    await desk.orders.give("stop", Request(reason="x"))
    await desk.orders.give("release", Request(reason="power is back"))
    again = Desk(tmp_path)
    again.orders.load()
    said = again.said()
    assert (said.locked, said.stopped) == ((1,), False)
    assert again.orders.state()["lockouts"] == {"row-a": {"reason": "new fans", "who": "ann"}}
    await again.orders.give("unlock", Request(circuit="row-a", reason="done", who="ann"))
    assert again.said().locked == ()
    assert again.events == [PowerOrdered("unlock", None, None, "done", "ann", "row-a")]


async def test_orders_that_are_given_at_once_do_not_undo_each_other(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await asyncio.gather(
        desk.orders.give("lockout", Request(circuit="row-a", reason="x")),
        desk.orders.give("release", Request(reason="y")),
        desk.orders.give("hold", Request(reason="z")),
    )
    said = desk.said()
    assert (said.locked, said.held) == ((1,), True)


@pytest.mark.parametrize(
    ("order", "circuit", "said"),
    [
        ("lockout", "row-b", "no circuit 'row-b': there are main, row-a"),
        ("lockout", None, "there are main, row-a"),
        ("lockout", "main", "locked out already, by ann: new fans"),
        ("unlock", "row-a", "row-a is not locked out"),
    ],
)
async def test_a_lockout_that_makes_no_sense_is_refused(
    tmp_path: Path, order: str, circuit: str | None, said: str
) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("lockout", Request(circuit="main", reason="new fans", who="ann"))
    with pytest.raises(OrderRefused, match=said):
        await desk.orders.give(order, Request(circuit=circuit, reason="x"))
    assert desk.said().locked == (0,)


async def test_who_only_advises_locks_nobody_out_and_can_end_a_lockout(tmp_path: Path) -> None:
    await Desk(tmp_path).orders.give("lockout", Request(circuit="main", reason="x"))
    advises = Desk(tmp_path, acts=False)
    advises.orders.load()
    with pytest.raises(OrderRefused, match="lock nobody out"):
        await advises.orders.give("lockout", Request(circuit="row-a", reason="x"))
    await advises.orders.give("unlock", Request(circuit="main", reason="x"))
    assert advises.orders.book.lockouts == {}


async def test_who_only_advises_refuses_an_emergency_stop_and_says_what_to_do(tmp_path: Path) -> None:
    advises = Desk(tmp_path, acts=False)
    with pytest.raises(OrderRefused, match=r"NOTHING IS STOPPED.*cut the power.*power.control"):
        await advises.orders.give("stop", Request(reason="fire"))
    assert not advises.said().stopped
    await advises.orders.give("cap", Request(kw=1.0, seconds=60.0, reason="x"))
    assert advises.orders.state()["control"] == "advise"


async def test_stops_and_lockouts_of_before_that_bind_nobody_any_more_are_known(tmp_path: Path) -> None:
    acts = Desk(tmp_path)
    await acts.orders.give("stop", Request(reason="x"))
    await acts.orders.give("lockout", Request(circuit="row-a", reason="x"))
    assert acts.orders.idle == ()
    advises = Desk(tmp_path, acts=False)
    advises.orders.load()
    assert advises.orders.idle == ("the emergency stop", "the lockout of row-a")


@pytest.mark.parametrize("kw", [1e9, -1.0, math.nan])
async def test_a_cap_that_is_refused_tells_its_bounds(tmp_path: Path, kw: float) -> None:
    with pytest.raises(OrderRefused, match="from 0 to 1,000,000"):
        await Desk(tmp_path).orders.give("cap", Request(kw=kw, seconds=60.0, reason="x"))


async def test_a_lockout_of_a_circuit_that_is_not_configured_any_more_stops_the_start(tmp_path: Path) -> None:
    await Desk(tmp_path).orders.give("lockout", Request(circuit="row-a", reason="x"))
    with pytest.raises(OrderRefused, match=r"locks out row-a.*there is main"):
        Desk(tmp_path, circuits=("main",)).orders.load()


async def test_an_order_that_cannot_be_kept_is_not_taken(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "gone")
    with pytest.raises(OrderRefused, match="not taken"):
        await desk.orders.give("hold", Request(reason="x"))
    assert not desk.said().held
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
        ("order", Request(kw=1.0, seconds=60.0, from_s=1_700_000_100.0, reason="x")),
        ("order", Request(kw=1.0, seconds=60.0, from_s=1_600_000_000.0, name="past", reason="x")),
        ("order", Request(kw=1.0, seconds=60.0, from_s=math.nan, name="a", reason="x")),
        ("order", Request(kw=1.0, seconds=60.0, name="a", reason="x")),
        ("order", Request(seconds=60.0, from_s=1_700_000_100.0, name="a", reason="x")),
        ("order", Request(kw=1.0, seconds=60.0, from_s=1_700_000_100.0, name="x" * 65, reason="x")),
        ("release", Request(only="lunch", reason="x")),
        ("release", Request(name="nobody", reason="x")),
        ("release", Request(only="cap", name="nobody", reason="x")),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(tmp_path: Path, order: str, request_: Request) -> None:
    desk = Desk(tmp_path)
    with pytest.raises(OrderRefused):
        await desk.orders.give(order, request_)
    assert not (tmp_path / FILE_NAME).exists()


async def test_a_curtailment_is_prepared_for_met_and_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    begins = desk.now + 360
    order = Request(kw=10.0, seconds=3600.0, from_s=begins, name="grid", reason="asked to", who="ann")
    await desk.orders.give("order", order)
    # 300 s of way down at 1 kW a second, then 60 s in which firmware idles.
    assert desk.said(NOMINAL).cap_w == 95_000.0
    desk.spend(260)
    assert desk.said(NOMINAL).cap_w == 50_000.0
    assert "grid begins in 100 s" in desk.said(NOMINAL).cap_name
    for seconds in (40, 60, 3599):
        desk.spend(seconds)
        assert desk.said(NOMINAL).cap_w == 10_000.0
    again = Desk(tmp_path)
    again.orders.load()
    again.spend(begins - again.now)
    assert again.said(NOMINAL).cap_w == 10_000.0, "it outlives the program"
    assert list(again.orders.state()["curtailments"]) == ["grid"]
    again.spend(3600)
    assert again.said(NOMINAL).cap_w == 95_000.0
    assert again.orders.state()["curtailments"] == {}


async def test_a_release_ends_what_it_names_and_else_cap_hold_and_stop(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="x"))
    await desk.orders.give("hold", Request(reason="x"))
    await desk.orders.give("stop", Request(reason="x"))
    for name in ("a", "b"):
        order = Request(kw=50.0, seconds=60.0, from_s=desk.now, name=name, reason="x")
        await desk.orders.give("order", order)
    await desk.orders.give("release", Request(only="stop", reason="x"))
    assert (desk.said().stopped, desk.said().held, desk.said().cap_w) == (False, True, 40_000.0)
    await desk.orders.give("release", Request(reason="x"))
    assert (desk.said().held, desk.said().cap_w) == (False, 50_000.0)
    await desk.orders.give("release", Request(name="a", reason="x"))
    assert list(desk.orders.book.curtailments) == ["b"]
    with pytest.raises(OrderRefused, match="there are b"):
        await desk.orders.give("release", Request(name="a", reason="x"))
    assert desk.events[-1] == PowerOrdered("release", None, None, "x", "somebody", name="a")


async def test_two_orders_at_once_both_hold(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await asyncio.gather(
        desk.orders.give("hold", Request(reason="x")), desk.orders.give("stop", Request(reason="y"))
    )
    assert (desk.said().held, desk.said().stopped) == (True, True)


@pytest.mark.parametrize("jump_s", [3 * 3600.0, -6 * 3600.0, 366 * 86400.0])
async def test_a_wall_clock_that_is_set_moves_no_end_of_a_cap(tmp_path: Path, jump_s: float) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="x"))
    desk.spend(1000)
    desk.now += jump_s
    assert desk.said(NOMINAL).cap_w == 40_000.0
    assert desk.orders.state()["cap"]["left_s"] == 6200
    await desk.orders.give("hold", Request(reason="another order begins nothing anew"))
    desk.spend(6199)
    assert desk.said(NOMINAL).cap_w == 40_000.0
    desk.spend(1)
    assert (desk.said(NOMINAL).cap_w, desk.orders.state()["cap"]) == (95_000.0, None)


async def test_a_cap_that_is_given_after_a_jump_lasts_as_long_as_it_says(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=60.0, reason="x"))
    desk.now += 10_800
    await desk.orders.give("cap", Request(kw=30.0, seconds=7200.0, reason="x"))
    desk.spend(7199)
    assert desk.said(NOMINAL).cap_w == 30_000.0
    desk.spend(1)
    assert desk.said(NOMINAL).cap_w == 95_000.0


async def test_after_a_restart_a_cap_lasts_until_its_end_by_the_wall_clock(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.orders.give("cap", Request(kw=40.0, seconds=7200.0, reason="x"))
    again = Desk(tmp_path)
    again.now, again.steady = desk.now + 7000, 3.0
    again.orders.load()
    assert again.said(NOMINAL).cap_w == 40_000.0
    again.spend(200)
    assert again.said(NOMINAL).cap_w == 95_000.0


@pytest.mark.parametrize("jump_s", [3 * 3600.0, -6 * 3600.0])
@pytest.mark.parametrize("before_s", [600.0, -600.0], ids=["ahead", "begun"])
async def test_a_curtailment_lasts_its_time_whatever_the_wall_clock_shows(
    tmp_path: Path, jump_s: float, before_s: float
) -> None:
    desk = Desk(tmp_path)
    order = Request(kw=10.0, seconds=7200.0, from_s=desk.now + before_s, name="grid", reason="x")
    await desk.orders.give("order", order)
    desk.now += jump_s
    desk.spend(max(0.0, before_s))
    left_s = 7200.0 + min(0.0, before_s)
    for seconds in (0.0, left_s / 2, left_s / 2 - 1):
        desk.spend(seconds)
        assert desk.said(NOMINAL).cap_w == 10_000.0
        assert "grid" in desk.orders.state()["curtailments"]
    other = Request(kw=80.0, seconds=60.0, from_s=desk.now, name="other", reason="x")
    await desk.orders.give("order", other)
    assert "grid" in desk.orders.book.curtailments, "it is not over, and not forgotten"
    assert desk.said(NOMINAL).cap_w == 10_000.0


async def test_a_curtailment_begins_when_a_corrected_clock_says_so(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    order = Request(kw=10.0, seconds=3600.0, from_s=desk.now + 7200, name="grid", reason="x")
    await desk.orders.give("order", order)
    assert desk.said(NOMINAL).cap_w == 95_000.0
    desk.now += 7200
    assert desk.said(NOMINAL).cap_w == 10_000.0
