"""The values a configuration is written in: addresses, durations, names, files.

Every parser takes what TOML or the environment gave and raises ``ValueError`` with a text that says what is
allowed; it never quotes what it was given, for that may be a secret.
"""

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, SecretStr, ValidationInfo, WithJsonSchema
from typing_extensions import override

from proxy.units import Difficulty, Seconds

WORKER_PLACEHOLDER = "{worker}"
LONGEST_USER = 127
"""Most bytes of a user name: Whatsminer firmware overflows beyond (datum_gateway, usernames.md)."""
LONGEST_PASSWORD = 256

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOSTNAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_ENDPOINT = re.compile(
    r"(?:([a-z+]+)://)?(\[[^\[\]]*\]|[^\[\]:/@?#\s]*):([0-9]{1,5})", re.IGNORECASE | re.ASCII
)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?", re.ASCII)
_DURATION_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SCHEMES = {"stratum+tcp": False, "stratum+ssl": True}

LISTENER_FORM = '"HOST:PORT", "stratum+tcp://HOST:PORT" or "stratum+ssl://HOST:PORT" (IPv6 in brackets)'
POOL_FORM = (
    '"stratum+tcp://HOST:PORT" or "stratum+ssl://HOST:PORT" with nothing behind the port (IPv6 in brackets)'
)
DURATION_FORM = 'seconds as a number, or text such as "90s", "5m", "2h"'


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind of value is written, for messages, the template and the schema."""

    allowed: str
    """Reads on after "must be"."""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where Stratum is spoken: one side of a connection to be."""

    host: str
    """Name, IPv4, or IPv6 without brackets."""
    port: int
    """1 to 65535; 0 (listeners only) lets the system choose a free one."""
    tls: bool

    @override
    def __str__(self) -> str:
        scheme = "stratum+ssl" if self.tls else "stratum+tcp"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def is_host(text: str) -> bool:
    """Say if ``text`` is a host name, an IPv4 or an IPv6 address (without brackets)."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # 300.1.1.1 is neither an address nor a name that could ever resolve.
        last = text.rstrip(".").rpartition(".")[2]
        return bool(_HOSTNAME.fullmatch(text)) and not last.isdigit()
    return True


def _endpoint(value: object, form: str, *, scheme_needed: bool) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    match = _ENDPOINT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"must be {form}")
    scheme, host, port = match[1], match[2], int(match[3])
    if scheme is None and scheme_needed:
        raise ValueError(f"must be {form}")
    tls = _SCHEMES.get(scheme.lower()) if scheme is not None else False
    if tls is None:
        raise ValueError(f"unknown scheme; must be {form}")
    bare = host[1:-1] if host.startswith("[") else host
    if not is_host(bare) or (":" in bare) != host.startswith("["):
        raise ValueError(f"no valid host before the port; must be {form}")
    if port > 65535:
        raise ValueError("the port must be 65535 at most")
    return Endpoint(bare, port, tls)


def listener_of(value: object) -> Endpoint:
    """Return where to listen; plain TCP unless the scheme says otherwise."""
    return _endpoint(value, LISTENER_FORM, scheme_needed=False)


def pool_of(value: object) -> Endpoint:
    """Return the address of a pool; its scheme is never guessed, for it decides about encryption."""
    endpoint = _endpoint(value, POOL_FORM, scheme_needed=True)
    if endpoint.port == 0:
        raise ValueError("the port must be from 1 to 65535")
    return endpoint


def number_of(value: object) -> object:
    """Pass ``value`` on unless it is true or false, which Python would take for 1 or 0."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    if isinstance(value, int) and value.bit_length() > 1000:
        raise ValueError("must be a number of sane size")
    return value


def seconds_of(value: object) -> float:
    """Return a duration in seconds."""
    number_of(value)
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"must be {DURATION_FORM}")
        value = float(match[1]) * _DURATION_UNITS[match[2] or "s"]
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"must be {DURATION_FORM}")
    return float(value)


def duration_text(seconds: float) -> str:
    """Return the shortest exact way to write a duration: 300.0 is "5m", 0.02 is "20ms"."""
    for unit, size in _DURATION_UNITS.items():
        count = round(seconds / size)
        if count and math.isclose(count * size, seconds, rel_tol=1e-12):
            return f"{count}{unit}"
    return f"{seconds:g}s"


def slug_of(value: object) -> str:
    """Return a short name that is safe in file names, metrics and addresses."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", value, re.ASCII):
        raise ValueError("must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit")
    return value


def label_of(value: object) -> str:
    """Return a name for people to read."""
    if not isinstance(value, str) or not value.strip() or len(value) > 100 or not value.isprintable():
        raise ValueError("must be text of 1 to 100 printable characters")
    return value


def user_of(value: object) -> str:
    """Return a pool user name without placeholder."""
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,127}", value) or re.search(r"[{}]", value):
        raise ValueError(f"must be 1 to {LONGEST_USER} printable ASCII characters without spaces or braces")
    return value


def user_template_of(value: object) -> str:
    """Return a pool user name which may hold ``{worker}`` once."""
    ascii_only = f"1 to {LONGEST_USER} printable ASCII characters without spaces"
    allowed = f"{ascii_only}, and {WORKER_PLACEHOLDER} at most once"
    if not isinstance(value, str) or value.count(WORKER_PLACEHOLDER) > 1:
        raise ValueError(f"must be {allowed}")
    rest = value.replace(WORKER_PLACEHOLDER, "", 1)
    if re.search(r"[{}]", rest):
        raise ValueError(f"the only placeholder is {WORKER_PLACEHOLDER}; must be {allowed}")
    if not re.fullmatch(r"[!-~]{1,127}", value if rest == value else rest + "w"):
        raise ValueError(f"must be {allowed}, a worker's name included")
    return value


def user_without_worker(template: str) -> str:
    """Return what is left of a user template when the worker is left out; may be empty."""
    return template.replace("." + WORKER_PLACEHOLDER, "").replace(WORKER_PLACEHOLDER, "").strip(".")


def pattern_of(value: object) -> str:
    """Return a user name pattern: ``*`` for anything, ``?`` for one character, the rest as written."""
    if (
        not isinstance(value, str)
        or not re.fullmatch(r"[!-~]{1,127}", value)
        or re.search(r"[\[\]{}]", value)
    ):
        raise ValueError(
            'must be a user name in which * stands for anything and ? for one character, as "acme.*"'
        )
    return value


def pattern_text_of(value: object) -> str:
    """Return a pattern of free text: ``*`` for anything, ``?`` for one character."""
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= 100
        or not value.isprintable()
        or re.search(r"[\[\]{}]", value)
    ):
        raise ValueError('must be text in which * stands for anything and ? for one character, as "S21*"')
    return value


def password_of(value: object) -> SecretStr:
    """Return a pool password, wrapped so that it never reaches a log by accident."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, str) or len(value) > LONGEST_PASSWORD or not value.isprintable():
        raise ValueError(f"must be text of at most {LONGEST_PASSWORD} printable characters, in quotes")
    return SecretStr(value)


def pin_of(value: object) -> str:
    """Return a certificate fingerprint as 64 lower-case hex digits; takes openssl's colons between them."""
    digits = value.replace(":", "") if isinstance(value, str) else ""
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits, re.ASCII):
        raise ValueError(
            "must be the SHA-256 of the pool's certificate: 64 hex digits, with or without colons"
        )
    return digits.lower()


def host_of(value: object) -> str:
    """Return a bare host, in lower case."""
    if not isinstance(value, str) or not is_host(value):
        raise ValueError("must be a host name or an address, without scheme or port")
    return value.lower()


def path_of(value: object, info: ValidationInfo) -> Path:
    """Return an absolute path; a relative one starts at the folder of the configuration file."""
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise ValueError("must be a path, in quotes")
    path = Path(value)
    if path.parts[:1] and path.parts[0].startswith("~"):
        try:
            path = path.expanduser()
        except RuntimeError:
            raise ValueError("must be a path; the home folder of ~ is unknown here") from None
    context: dict[str, Any] = info.context or {}
    base: Path = context.get("base") or Path.cwd()
    return base.absolute() / path


TEXT = WithJsonSchema({"type": "string"})

Listener = Annotated[
    Endpoint, BeforeValidator(listener_of), PlainSerializer(str), TEXT, Form(f"an address: {LISTENER_FORM}")
]
PoolAddress = Annotated[
    Endpoint, BeforeValidator(pool_of), PlainSerializer(str), TEXT, Form(f"a pool: {POOL_FORM}")
]
Duration = Annotated[
    Seconds,
    BeforeValidator(seconds_of),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "examples": ["90s", "5m"]}]}),
    Form("a duration", "seconds"),
]
Count = Annotated[int, BeforeValidator(number_of), Form("a whole number")]
Port = Annotated[int, BeforeValidator(number_of), Field(ge=1, le=65535), Form("a port from 1 to 65535")]
Number = Annotated[float, BeforeValidator(number_of), Form("a number")]
DifficultyNumber = Annotated[Difficulty, BeforeValidator(number_of), Form("a number", "difficulty")]
Slug = Annotated[str, BeforeValidator(slug_of), TEXT, Form("1 to 63 of a-z, 0-9, - and _")]
Label = Annotated[str, BeforeValidator(label_of), TEXT, Form("1 to 100 printable characters")]
User = Annotated[str, BeforeValidator(user_of), TEXT, Form("a user name at the pool")]
UserTemplate = Annotated[
    str,
    BeforeValidator(user_template_of),
    TEXT,
    Form(f"a user name at the pool, which may hold {WORKER_PLACEHOLDER}"),
]
Pattern = Annotated[str, BeforeValidator(pattern_of), TEXT, Form('a pattern of user names such as "acme.*"')]
Password = Annotated[
    SecretStr, BeforeValidator(password_of), Form(f"at most {LONGEST_PASSWORD} printable characters")
]
Pin = Annotated[str, BeforeValidator(pin_of), TEXT, Form("64 hex digits")]
Host = Annotated[
    str, BeforeValidator(host_of), TEXT, Form("a host name or an address, without scheme or port")
]
File = Annotated[Path, BeforeValidator(path_of), Form("a path")]
