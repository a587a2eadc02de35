"""Mistakes that lie between settings, each of which is allowed by itself."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from proxy.config.mistakes import Place, key_path
from proxy.config.routing import EVERYWHERE, Door, doors
from proxy.config.settings import Settings, Tenant, Upstream
from proxy.config.values import LONGEST_PASSWORD


@dataclass(frozen=True, slots=True)
class Conflict:
    """Settings that cannot stand together."""

    places: tuple[Place, ...]
    """All that take part; the first is the one to be named."""
    text: str
    """Reads on after the first place's key path."""
    is_whole: bool = False
    """A mistake anywhere beneath the places makes it void: its sums would be with values of ours."""


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """Yield every mistake between settings whose routing is filled in; reads the files that they name."""
    yield from _order(settings)
    yield from _time_to_end(settings)
    yield from _tls_listeners(settings)
    yield from _unique_names(settings)
    yield from _doors_apart(settings)
    yield from _everyone_reachable(settings)
    if settings.power is not None:
        from proxy.config.power_site import power_conflicts  # noqa: PLC0415 - numpy, for sites with power only

        everything: tuple[Place, ...] = (("power",), ("tenant",))
        for text in power_conflicts(settings, settings.power, date.today()):
            yield Conflict(everything, f"cannot stand: {text}", is_whole=True)
    for index, tenant in enumerate(settings.tenants):
        yield from _tenant_difficulty(settings, tenant, ("tenant", index))
        for number, upstream in enumerate(tenant.upstreams):
            place: Place = ("tenant", index, "upstream", number)
            yield from _upstream_files(upstream, place)
            yield from _no_loop(settings, upstream, place)


def _order(settings: Settings) -> Iterator[Conflict]:
    stratum, up = settings.stratum, settings.upstream
    least, most = ("stratum", "min_difficulty"), ("stratum", "max_difficulty")
    lines = ("stratum", "limits")
    pairs: list[tuple[Place, float, Place, float | None]] = [
        (least, stratum.min_difficulty, most, stratum.max_difficulty),
        (
            (*lines, "line_before_authorize"),
            stratum.limits.line_before_authorize,
            (*lines, "line_after_authorize"),
            stratum.limits.line_after_authorize,
        ),
        (
            ("upstream", "min_difficulty"),
            up.min_difficulty,
            ("upstream", "max_difficulty"),
            up.max_difficulty,
        ),
        (("upstream", "backoff_base"), up.backoff_base, ("upstream", "backoff_cap"), up.backoff_cap),
    ]
    # A start that nobody asked for is simply brought between the two.
    if "start_difficulty" in stratum.model_fields_set:
        start: Place = ("stratum", "start_difficulty")
        pairs.append((least, stratum.min_difficulty, start, stratum.start_difficulty))
        pairs.append((start, stratum.start_difficulty, most, stratum.max_difficulty))
    for low, less, high, more in pairs:
        if more is not None and less > more:
            yield Conflict((low, high), f"= {less:.15g}: must not be above {key_path(high)} = {more:.15g}")


def _time_to_end(settings: Settings) -> Iterator[Conflict]:
    timers, place = settings.stratum.timers, ("stratum", "timers")
    if timers.drain + timers.settle > timers.drain_hard:
        drain, settle, hard = ((*place, name) for name in ("drain", "settle", "drain_hard"))
        text = (
            f"= {timers.drain_hard:.15g}: must not be below {key_path(drain)} and {key_path(settle)} "
            f"together, {timers.drain + timers.settle:.15g}: the end would be cut short"
        )
        yield Conflict((hard, drain, settle), text)


def _tls_listeners(settings: Settings) -> Iterator[Conflict]:
    certificate, key = settings.stratum.tls_certificate, settings.stratum.tls_key
    places: tuple[Place, Place] = (("stratum", "tls_certificate"), ("stratum", "tls_key"))
    tls = [door for door in doors(settings) if door.endpoint.tls]
    missing: list[tuple[Path | None, Place, Place]] = [
        (certificate, places[0], places[1]),
        (key, places[1], places[0]),
    ]
    for path, place, other in missing:
        if path is None and tls:
            text = f"is missing: needed by {key_path(tls[0].place)} = {tls[0].endpoint}"
            yield Conflict((place, other, tls[0].place), text)
        elif path is None and (certificate or key):
            yield Conflict((place, other), f"is missing: needed because {key_path(other)} is given")
    wrong = False
    for path, place in ((certificate, places[0]), (key, places[1])):
        problem = _unreadable(path) if path else None
        if problem:
            wrong = True
            yield Conflict((place,), f'= "{path}": {problem}')
    if certificate and key and not wrong:
        try:
            # The callback keeps OpenSSL from asking a terminal for the passphrase of an encrypted key.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or "not readable as PEM, or the key has a passphrase"
            text = (
                f'= "{certificate}": must be a PEM certificate that fits stratum.tls_key = "{key}" ({reason})'
            )
            yield Conflict(places, text)


def _unreadable(path: Path) -> str | None:
    if path.is_dir():
        return "must be a file, not a folder"
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return f"must be a readable file ({error.strerror or type(error).__name__})"
    return None


def _unique_names(settings: Settings) -> Iterator[Conflict]:
    seen: dict[str, Place] = {}
    for index, tenant in enumerate(settings.tenants):
        place: Place = ("tenant", index, "id")
        first = seen.setdefault(tenant.id, place)
        if first != place:
            yield Conflict((place, first), f'= "{tenant.id}": must be unique; {key_path(first)} is the same')
        names: dict[str, Place] = {}
        for number, upstream in enumerate(tenant.upstreams):
            place = ("tenant", index, "upstream", number, "name")
            first = names.setdefault(upstream.name, place)
            if first != place:
                yield Conflict(
                    (place, first), f'= "{upstream.name}": must be unique; {key_path(first)} is the same'
                )


_WILDCARDS = {EVERYWHERE, "::"}


def _same_socket(one: Door, other: Door) -> bool:
    if one.endpoint.port != other.endpoint.port or one.endpoint.port == 0:
        return False
    first, second = one.endpoint.host, other.endpoint.host
    if first == second:
        return True
    versions = {6 if ":" in host else 4 for host in (first, second)}
    return len(versions) == 1 and (not {first, second}.isdisjoint(_WILDCARDS))


def _doors_apart(settings: Settings) -> Iterator[Conflict]:
    known: list[Door] = []
    for door in doors(settings):
        clash = next((other for other in known if _same_socket(door, other)), None)
        known.append(door)
        if clash is not None:
            owner = f"tenant {clash.tenant}" if clash.tenant else "all tenants"
            text = (
                f"asks for {door.endpoint}: {clash.endpoint} is already taken by {key_path(clash.place)} "
                f"({owner})"
            )
            yield Conflict((door.place, clash.place), text)


def _covers(wide: str, narrow: str) -> bool:
    """Say if every name that ``narrow`` matches is matched by ``wide``; may miss odd cases."""
    # A star of the narrow pattern becomes a letter that only a star of the wide one accepts.
    letters = narrow.replace("*", "\0").replace("?", "\1")
    expression = "".join(
        ".*" if letter == "*" else "[^\0]" if letter == "?" else re.escape(letter)
        for letter in re.sub(r"\*+", "*", wide)
    )
    return re.fullmatch(expression, letters, re.DOTALL) is not None


def _everyone_reachable(settings: Settings) -> Iterator[Conflict]:
    tenants = settings.tenants
    shared: list[tuple[Place, Tenant]] = []
    for index, tenant in enumerate(tenants):
        place: Place = ("tenant", index, "user_match")
        owns = bool(tenant.ports or tenant.listen)
        if tenant.user_match is None and not owns and len(tenants) > 1:
            yield Conflict(
                (place, ("tenant", index, "ports"), ("tenant", index, "listen")),
                f'is missing: with several tenants "{tenant.id}" needs user_match, or ports or listen of '
                "its own",
            )
        if tenant.user_match is None:
            continue
        earlier = next(
            (
                (p, t)
                for p, t in shared
                if t.user_match is not None and _covers(t.user_match, tenant.user_match)
            ),
            None,
        )
        if earlier is not None:
            yield Conflict(
                (place, earlier[0]),
                f'= "{tenant.user_match}": nobody is left for tenant "{tenant.id}", because '
                f"{key_path(earlier[0])} = "
                f'"{earlier[1].user_match}" (tenant "{earlier[1].id}") stands before it and matches all '
                "the same names; "
                "put the narrower one first or give it ports of its own",
            )
        shared.append((place, tenant))
    listen: Place = ("stratum", "listen")
    if shared and not settings.stratum.listen:
        place, tenant = shared[0]
        yield Conflict(
            (place, listen),
            f'= "{tenant.user_match}": has no effect, because stratum.listen is empty; remove it or give '
            "stratum.listen",
        )
    elif not settings.stratum.listen and not any(tenant.ports or tenant.listen for tenant in tenants):
        yield Conflict((listen,), "is empty: miners could connect nowhere; give at least one address")
    elif settings.stratum.listen and not shared and all(tenant.ports or tenant.listen for tenant in tenants):
        everyone = tuple(("tenant", index, "user_match") for index in range(len(tenants)))
        yield Conflict(
            (listen, *everyone),
            "serves nobody: every tenant has its own ports and none has user_match; set listen = [] or "
            "give user_match",
        )


def _tenant_difficulty(settings: Settings, tenant: Tenant, place: Place) -> Iterator[Conflict]:
    highest = settings.stratum.max_difficulty
    if tenant.min_difficulty is not None and highest is not None and tenant.min_difficulty > highest:
        yield Conflict(
            ((*place, "min_difficulty"), ("stratum", "max_difficulty")),
            f"= {tenant.min_difficulty:g}: must not be above stratum.max_difficulty = {highest:g}",
        )


def password_in(path: Path) -> str:
    """Return the password that a file holds.

    Raises:
        ValueError: the file does not hold one; the text says why, without the content.
        OSError: it cannot be read.

    """
    with path.open("rb") as file:
        content = file.read(LONGEST_PASSWORD * 4 + 3)
    try:
        text = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError("must be a file of UTF-8 text") from None
    if not text or len(text) > LONGEST_PASSWORD or not text.isprintable():
        raise ValueError(f"must be a file of one line with 1 to {LONGEST_PASSWORD} printable characters")
    return text


def _upstream_files(upstream: Upstream, place: Place) -> Iterator[Conflict]:
    url: Place = (*place, "url")
    for key in ("ca_file", "tls_pin"):
        if getattr(upstream, key) is not None and not upstream.url.tls:
            text = (
                f'= "{getattr(upstream, key)}": needs a stratum+ssl url, but {key_path(url)} = '
                f'"{upstream.url}"'
            )
            yield Conflict(((*place, key), url), text)
    if upstream.ca_file is not None:
        problem = _unreadable(upstream.ca_file)
        if problem is None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(upstream.ca_file)
            except (ssl.SSLError, ValueError):
                problem = "must be a PEM file with at least one certificate"
        if problem:
            yield Conflict(((*place, "ca_file"),), f'= "{upstream.ca_file}": {problem}')
    if upstream.password_file is not None:
        here: Place = (*place, "password_file")
        if "password" in upstream.model_fields_set:
            text = f'= "{upstream.password_file}": give this or {key_path((*place, "password"))}, not both'
            yield Conflict((here, (*place, "password")), text)
        problem = _unreadable(upstream.password_file)
        if problem is None:
            try:
                password_in(upstream.password_file)
            except ValueError as error:
                problem = str(error)
        if problem:
            yield Conflict((here,), f'= "{upstream.password_file}": {problem}')


def _no_loop(settings: Settings, upstream: Upstream, place: Place) -> Iterator[Conflict]:
    here = {"localhost", "127.0.0.1", "::1"}
    for door in doors(settings):
        host = door.endpoint.host
        reached = upstream.url.host == host or (upstream.url.host in here and host in here | _WILDCARDS)
        if reached and upstream.url.port == door.endpoint.port:
            text = f'= "{upstream.url}": leads back to our own {key_path(door.place)} = "{door.endpoint}"'
            yield Conflict(((*place, "url"), door.place), text)
            return
