"""What a site has of power and who may have it: the optional table [power], nominal values throughout.

Nothing here computes: ``power_site`` makes of it what the rules of energy take.
"""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from proxy.config.power_outside import GREATEST_KW, Calendar, PowerPrice, PowerSource, Timezone
from proxy.config.power_rules import PowerRules
from proxy.config.table import Table, setting
from proxy.config.values import TEXT, Count, Duration, Form, Number, Pattern, Slug, pattern_text_of

GREATEST_SET_KW = 50_000.0
"""The largest gas engines give 19,000 kW, aeroderivative turbines 50,000: a figure above is in W [A]."""
_RESERVE_FORM = '"n-1", "hardware-shed 2026-10-01" (when it was last tested) or "250 kW"'
_RESERVE = re.compile(
    r"(n-1)|hardware-shed ([0-9]{4}-[0-9]{2}-[0-9]{2})|([0-9]{1,6}(?:\.[0-9]{1,3})?) ?kW", re.ASCII
)


def reserve_of(value: object) -> str:
    """Return how a reserve is chosen, as ``reserve_parts`` reads it."""
    found = _RESERVE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"must be {_RESERVE_FORM}")
    if found[2]:
        try:
            date.fromisoformat(found[2])
        except ValueError:
            raise ValueError("names a day that does not exist") from None
    return str(value)


def reserve_parts(reserve: str) -> date | float | None:
    """Return the day of a tested load shed, kW to be kept free, or None for n-1."""
    found = _RESERVE.fullmatch(reserve)
    assert found is not None, "it was validated"
    if found[2]:
        return date.fromisoformat(found[2])
    return float(found[3]) if found[3] else None


Reserve = Annotated[str, BeforeValidator(reserve_of), TEXT, Form(_RESERVE_FORM)]
AgentPattern = Annotated[
    str, BeforeValidator(pattern_text_of), TEXT, Form('a pattern of user agents such as "Antminer S21*"')
]


class Generator(Table):
    """A generating set."""

    name: Slug = setting(text="Short name, unique.", example="g1", restart=True)
    kw: Number = setting(
        text="Nominal power.", unit="kW", example=1000.0, restart=True, gt=0, le=GREATEST_SET_KW
    )
    derates: tuple[Number, ...] = setting(
        (),
        "Factors of altitude, heat and gas that are always there, each above 0 and up to 1.",
        reason="most name plates hold at the site",
        example=[0.95],
        restart=True,
    )


class Circuit(Table):
    """A node of the wiring tree with its hard limits, per phase."""

    name: Slug = setting(text="Short name, unique. Its meter has the same.", example="feeder", restart=True)
    parent: Slug | None = setting(
        None,
        "The circuit that feeds it. Left out for the one that feeds the site.",
        example="feeder",
        restart=True,
    )
    phases: tuple[Count, ...] = setting(
        (1, 2, 3), "Phases that it is wired to.", reason="rows of miners are three-phase", restart=True
    )
    phase_a: Number | None = setting(
        None, "What its breaker carries, per phase.", unit="A", example=1600.0, restart=True, gt=0
    )
    phase_kw: Number | None = setting(None, "Most per phase.", unit="kW", example=400.0, restart=True, gt=0)
    phase_kva: Number | None = setting(None, "Most per phase.", unit="kVA", example=420.0, restart=True, gt=0)
    volts: Number = setting(
        240.0, "Between a phase and neutral.", unit="V", reason="480Y/277 sites say 277", restart=True, gt=0
    )
    power_factor: Number = setting(
        0.97, "Of the load at its worst.", reason="power supplies correct theirs", restart=True, gt=0, le=1
    )
    continuous: Number = setting(
        1.0,
        "Part of the breaker's amperes that may flow for hours.",
        reason="breakers rated for it; 0.8 where NEC 210.20 applies",
        restart=True,
        gt=0,
        le=1,
    )


class Auxiliary(Table):
    """What the site draws beside its miners."""

    name: Slug = setting(text="Short name, unique.", example="fans", restart=True)
    kw: Number = setting(
        text="The most it draws.", unit="kW", example=20.0, restart=True, ge=0, le=GREATEST_KW
    )


class MinerModel(Table):
    """What miners of a kind draw. The first row that fits a miner holds."""

    user_agent: AgentPattern = setting(
        "*",
        "User agents that it is about. * is anything, ? one character; case does not matter.",
        reason="any",
        restart=True,
    )
    user_match: Pattern = setting(
        "*", "User names that it is about, as in [[tenant]].", reason="any", restart=True
    )
    watts: Number = setting(
        text="At its terminals, at work.", unit="W", example=3550.0, restart=True, gt=0, le=100_000
    )
    idle_watts: Number = setting(
        text="Without work, hash boards as its firmware leaves them. Measure it: firmware differs most here, "
        "and some goes on burning.",
        unit="W",
        example=200.0,
        restart=True,
        ge=0,
        le=100_000,
    )
    idle_after: Duration = setting(
        150.0,
        "From its last job until it idles.",
        reason="Bitmain drivers stop boards 120 s after the last job",
        restart=True,
        gt=0,
        le=86_400,
    )
    hashrate: Number = setting(text="At work.", unit="TH/s", example=200.0, restart=True, gt=0, le=1e6)
    circuit: Slug | None = setting(
        None,
        "The circuit that it is plugged into. Left out: the one that feeds the site.",
        example="feeder",
        restart=True,
    )


class Power(Table):
    """Who works with what power there is. Without this table nothing is governed."""

    control: Literal["advise", "act"] = setting(
        "advise",
        "advise: say what would be done, and gate nothing. act: withhold work and give it by the power there "
        "is; a miner that connects waits for its first job until there is power for it.",
        reason="look at its advice for a week first",
        restart=True,
    )
    reserve: Reserve = setting(
        text="What is kept free for the loss of a generator. No default would be right for a stranger's "
        "island: n-1 keeps as much as the largest set gives; hardware-shed says that contactors drop load "
        "faster than software can, and when that was last tried; or so many kW.",
        example="250 kW",
        restart=True,
    )
    hz: Number = setting(
        60.0, "Nominal frequency.", unit="Hz", reason="North America", restart=True, ge=40, le=70
    )
    cap_kw: Number | None = setting(
        None,
        "What miners may draw at most, always. `pumpjack power cap` sets one for a while.",
        unit="kW",
        example=800.0,
        restart=True,
        ge=0,
        le=GREATEST_KW,
    )
    may_disconnect: bool = setting(
        False,
        "Close the connections of miners that go on burning without work. Only where every pool slot of "
        "every miner points here: elsewhere it mines on for somebody else, at full power.",
        reason="only the operator knows the miners' other pools",
        restart=True,
    )
    unknown_watts: Number = setting(
        3600.0,
        "What a miner of none of the models below is taken to draw.",
        unit="W",
        reason="the most that air-cooled models draw",
        restart=True,
        gt=0,
        le=100_000,
    )
    timezone: Timezone = setting(
        "UTC",
        "Whose days and hours [[power.calendar]] means. When clocks change there, so does the calendar.",
        reason="what commands and the log print is UTC too",
        restart=True,
    )
    trace: bool = setting(
        False,
        "Write down what the governor reads and plans, into power-trace.bin of the data directory: "
        "`pumpjack power replay` goes through it again.",
        reason="it takes disk, and is of use to whoever doubts a decision",
        restart=True,
    )
    trace_mb: Count = setting(
        256,
        "What that may take, the file before it included.",
        unit="MB",
        reason="days of a hundred miners, hours of some thousands",
        restart=True,
        ge=2,
        le=100_000,
    )
    source: PowerSource = Field(
        default_factory=PowerSource, description="Somebody else who knows how many kW there are: file or url."
    )
    price: PowerPrice = Field(
        default_factory=PowerPrice,
        description="What a MWh costs, or earns elsewhere: file or url; and how much is drawn at what price.",
    )
    calendar: tuple[Calendar, ...] = Field(
        (), description="Hours of the week in which miners may draw no more than so much."
    )
    rules: PowerRules = Field(
        default_factory=PowerRules, description="How the governor goes about it: dwell, dead-band, ramp."
    )
    generators: tuple[Generator, ...] = Field(
        (), alias="generator", description="The generating sets; none where the grid feeds the site."
    )
    circuits: tuple[Circuit, ...] = Field(
        (), alias="circuit", description="The wiring tree. Left out: one circuit without limits, called site."
    )
    auxiliaries: tuple[Auxiliary, ...] = Field(
        (), alias="auxiliary", description="What the site draws beside its miners."
    )
    models: tuple[MinerModel, ...] = Field(
        (), alias="miner", description="What miners draw, by model; the first row that fits holds."
    )
