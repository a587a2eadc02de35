"""Alarms as a status tells them: when each was raised, how long ago, and whether it holds."""

from proxy.app.power.account import SHOWN, PowerAccount
from proxy.energy.arrays import Floats
from proxy.governor.plan import NO_STEPS, NOBODY, NOTHING, Alarm, Plan

WALL_S = 1_700_000_000.0
NO_DEBTS: Floats = NOTHING


class Book:
    """An account with clocks of its own."""

    def __init__(self) -> None:
        self.now = 50.0
        self.account = PowerAccount(
            lambda event: None,
            lambda note: None,
            lambda: WALL_S + self.now,
            acts=True,
            now=lambda: self.now,
        )

    def plan(self, *alarms: tuple[str, str], standing: tuple[tuple[str, str], ...] = ()) -> None:
        """Take a plan a second later."""
        self.now += 1.0
        fresh = tuple(Alarm(self.now, kind, subject, "look") for kind, subject in alarms)
        self.account.take(
            Plan(
                at=self.now,
                steps=NO_STEPS,
                open=(),
                close=(),
                prove=NOBODY,
                budget_w=1000.0,
                bound="",
                sentence="",
                capability_w=1000.0,
                proven_w=0.0,
                expected_w=0.0,
                decisions=(),
                alarms=fresh,
                debts_wh=NO_DEBTS,
                standing=standing,
            ),
            0.0,
            0,
        )

    def shown(self) -> list[tuple[str, float, bool | None, float | None]]:
        return [
            (each["subject"], each["ago_s"], each["holds"], each["holds_s"])
            for each in self.account.standing()
        ]


METER = ("meter", "feeder")


def test_an_alarm_tells_when_it_was_raised_and_that_it_holds_or_is_over() -> None:
    book = Book()
    book.plan(METER, standing=(METER,))
    for _ in range(10):
        book.plan(standing=(METER,))
    assert book.shown() == [("feeder", 10.0, True, 10.0)]
    assert book.account.standing()[0]["at"] == WALL_S + 51.0
    book.plan()
    assert book.shown() == [("feeder", 11.0, False, None)]
    book.plan(standing=(METER,))
    assert book.shown() == [("feeder", 12.0, True, 0.0)], "it holds again, though too soon to be said again"


def test_one_that_is_said_again_holds_since_it_was_said_first() -> None:
    book = Book()
    book.plan(METER, standing=(METER,))
    for _ in range(9):
        book.plan(standing=(METER,))
    book.plan(METER, standing=(METER,))
    assert book.shown() == [("feeder", 0.0, True, 10.0)]
    assert [each["holds"] for each in book.account.alarms()] == [False, True]


def test_what_is_warned_of_holds_until_it_is_over() -> None:
    book = Book()
    book.account.warn(book.now, "source", "kW", "nonsense")
    book.plan()
    assert book.shown() == [("kW", 1.0, True, 1.0)]
    book.account.over("source", "kW")
    assert book.shown() == [("kW", 1.0, False, None)]
    book.account.warn(book.now, "source", "kW", "nonsense")
    assert book.shown()[0][2] is True, "said too lately to be said again"


def test_what_happened_neither_holds_nor_is_over() -> None:
    book = Book()
    book.account.alarm("clock", "site", "jumped")
    book.plan(standing=(("sessions", "fleet"),))
    assert book.shown() == [("site", 1.0, None, None)]


def test_all_that_hold_are_shown_and_a_few_others() -> None:
    book = Book()
    old = [("meter", f"m{number}") for number in range(20)]
    book.plan(*old, standing=(old[0],))
    for number in range(20):
        book.now += 1.0
        book.account.alarm("clock", f"c{number}", "jumped")
    assert [name for name, *_ in book.shown()] == ["m0", *(f"c{20 - SHOWN + n}" for n in range(SHOWN))]
