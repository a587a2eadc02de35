"""What others say of power, tables within [power]: who is asked for kW and prices, and hours of contracts.

Nothing here computes: ``power_site`` makes of it what the rules of energy take.
"""

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from proxy.config.table import Table, setting
from proxy.config.values import TEXT, Duration, File, Form, Label, Number

GREATEST_KW = 1e6
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_URL = re.compile(r"https?://[!-~]{1,500}", re.ASCII)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00", re.ASCII)
_CLOCK_FORM = 'a time of the day from "00:00" to "24:00"'
_ZONE_FORM = 'a name of the IANA database that this machine knows, such as "America/Denver"'


def url_of(value: object) -> str:
    """Return an address that is asked over HTTP."""
    if not isinstance(value, str) or not _URL.fullmatch(value) or "@" in value:
        raise ValueError('must be "http://..." or "https://...", without a name or password in it')
    return value


def clock_of(value: object) -> str:
    """Return a time of the day, as ``clock_s`` reads it."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError(f"must be {_CLOCK_FORM}")
    return value


def clock_s(clock: str) -> float:
    """Return the seconds since midnight of a time that was validated."""
    return 3600.0 * int(clock[:2]) + 60.0 * int(clock[3:])


def timezone_of(value: object) -> str:
    """Return the name of a time zone. UTC needs no database."""
    if not isinstance(value, str):
        raise ValueError(f"must be {_ZONE_FORM}")
    if value != "UTC":
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise ValueError(f"must be {_ZONE_FORM}") from None
    return value


Url = Annotated[str, BeforeValidator(url_of), TEXT, Form('"http://..." or "https://..."')]
Clock = Annotated[str, BeforeValidator(clock_of), TEXT, Form(_CLOCK_FORM)]
Timezone = Annotated[str, BeforeValidator(timezone_of), TEXT, Form(_ZONE_FORM)]


class Asked(Table):
    """Somebody who is asked for one figure, again and again."""

    file: File | None = setting(
        None, "File that holds the figure.", example="/run/plant/figure", restart=True
    )
    url: Url | None = setting(
        None,
        "Address that answers GET with the same.",
        example="http://127.0.0.1:8080/figure",
        restart=True,
    )
    every: Duration = setting(
        1.0, "How often it is asked.", reason="the governor steps once a second", restart=True, ge=0.2, le=60
    )
    timeout: Duration = setting(
        2.0,
        "Longest wait for an answer.",
        reason="a local controller answers in milliseconds",
        restart=True,
        ge=0.1,
        le=30,
    )


class PowerSource(Asked):
    """Somebody else who knows how many kW there are: a plant controller, a script."""

    file: File | None = setting(
        None,
        'File that holds the available kW: a number, or JSON {"available_kw": 812.5}. Its age is that of its '
        'last change, or of "at" in the JSON (seconds since 1970).',
        example="/run/plant/available_kw",
        restart=True,
    )
    hold_after: Duration = setting(
        30.0,
        "After so much silence no more is given than there is.",
        reason="it is renewed each minute or so, and gas moves in minutes",
        restart=True,
        ge=1,
        le=86_400,
    )
    safe_after: Duration = setting(
        120.0,
        "After so much the site falls to what was surely there: the least of the last hour, or 70 %.",
        reason="two answers of a minute are missing",
        restart=True,
        ge=1,
        le=86_400,
    )
    guarantees_after: Duration = setting(
        600.0,
        "After so much it falls to the guarantees.",
        reason="whoever tells it has had the time to be restarted",
        restart=True,
        ge=1,
        le=86_400,
    )
    sleep_after: Duration = setting(
        1800.0,
        "After so much to nothing. No earlier than the ones above, each in its turn.",
        reason="nobody knows the site any more",
        restart=True,
        ge=1,
        le=86_400,
    )


class PriceRule(Table):
    """How much may be drawn from a price on. Of several that hold the strictest does."""

    per_mwh: Number = setting(
        text="At this price and above it, in the money of the source.",
        example=80.0,
        restart=True,
        ge=-1e5,
        le=1e5,
    )
    kw: Number = setting(
        text="What miners may draw then.", unit="kW", example=0.0, restart=True, ge=0, le=GREATEST_KW
    )


class PowerPrice(Asked):
    """What a MWh costs, or earns elsewhere. Of no use without rules."""

    file: File | None = setting(
        None,
        'File that holds the price of a MWh: a number, or JSON {"per_mwh": 41.5}. Its age is that of its '
        'last change, or of "at" in the JSON (seconds since 1970).',
        example="/run/plant/per_mwh",
        restart=True,
    )
    every: Duration = setting(
        60.0,
        "How often it is asked.",
        reason="markets settle five minutes or more at one price",
        restart=True,
        ge=0.2,
        le=3600,
    )
    timeout: Duration = setting(
        10.0, "Longest wait for an answer.", reason="it may be far away", restart=True, ge=0.1, le=30
    )
    stale_after: Duration = setting(
        3900.0,
        "A price that is older is unknown: then the strictest rule holds.",
        reason="prices of an hour, and five minutes for whoever fetches them",
        restart=True,
        ge=1,
        le=7 * 86400,
    )
    rules: tuple[PriceRule, ...] = Field(
        default=(), alias="rule", description="How much may be drawn from a price on."
    )


class Calendar(Table):
    """Hours of the week in which miners may draw no more than so much."""

    name: Label = setting(text="What it is, for people.", example="evening peak", restart=True)
    days: tuple[Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], ...] = setting(
        DAYS, "Days on which it begins.", reason="every day", restart=True, min_length=1
    )
    from_: Clock = setting(text="When it begins.", example="16:00", restart=True, alias="from")
    until: Clock = setting(
        text="When it ends; at or before its beginning it is that time of the next day.",
        example="20:00",
        restart=True,
    )
    kw: Number = setting(
        text="What miners may draw then.", unit="kW", example=400.0, restart=True, ge=0, le=GREATEST_KW
    )
