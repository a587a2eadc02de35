"""What a reload may change, decided setting by setting.

A setting declared with ``restart=True`` binds sockets, widths or identities that living sessions hold: the
listeners and their TLS files, the data folder, the ids, which tenant a user name belongs to, extranonce
widths, socket options set when a connection is made, the ledger's window, everything about power. So does
the set of tenants and its order. All the rest (pools and credentials, difficulties, timers, limits) can
change under running sessions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proxy.config.settings import Settings, Tenant, Upstream
from proxy.config.table import Table, is_optional, key_of, notes_of, table_within


@dataclass(frozen=True, slots=True)
class ReloadDifferences:
    """Dotted keys that differ; tenants and upstreams go by name: ``tenant.acme.upstream.pool-a.url``."""

    applicable: tuple[str, ...]
    """May be applied now, without touching a session."""
    needs_restart: tuple[str, ...]
    """Take effect at the next start only."""


def reload_differences(old: Settings, new: Settings) -> ReloadDifferences:
    """Return what differs between two configurations, and what of that a reload may apply."""
    found = sorted({*_differences(old, new, "")})
    return ReloadDifferences(
        applicable=tuple(key for key, restart in found if not restart),
        needs_restart=tuple(key for key, restart in found if restart),
    )


def _differences(old: Table, new: Table, path: str) -> Iterator[tuple[str, bool]]:
    for name, field in type(old).model_fields.items():
        before, after = getattr(old, name), getattr(new, name)
        key = path + key_of(name, field)
        inner = table_within(field)
        if inner is None or is_optional(field):
            if before != after:
                yield key, inner is not None or notes_of(field).restart
        elif not inner[1]:
            yield from _differences(before, after, f"{key}.")
        elif inner[0] is Tenant:
            yield from _rows({t.id: t for t in before}, {t.id: t for t in after}, key, restart=True)
        else:
            upstreams: tuple[Sequence[Upstream], Sequence[Upstream]] = (before, after)
            first, second = ({u.name: u for u in side} for side in upstreams)
            yield from _rows(first, second, key, restart=False)


def _rows(
    old: Mapping[str, Table], new: Mapping[str, Table], key: str, *, restart: bool
) -> Iterator[tuple[str, bool]]:
    for name in old.keys() ^ new.keys():
        yield f"{key}.{name}", restart
    both = [name for name in old if name in new]
    if both != [name for name in new if name in old]:
        yield key, restart
    for name in both:
        yield from _differences(old[name], new[name], f"{key}.{name}.")
