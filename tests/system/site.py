"""Configuration files for the tests, written as plain values; what a test does not say is quick and local."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from proxy.adapters.simulated.pool import SimulatedPool
from proxy.config.template import toml_value

Table = dict[str, Any]

QUICK_STRATUM: Table = {
    "listen": ["127.0.0.1:0"],
    # Above every difficulty of the simulated pools: then each share counts upstream, and the pools alone
    # decide how fast shares come.
    "min_difficulty": 8192,
}
FEW_FILES: Table = {"open_files_share": 0.9}
"""Ten thousand miners are let in where no more than 20,000 files may be open."""
QUICK_UPSTREAM: Table = {
    "connect": 2,
    "reply": 2,
    "backoff_base": 0.1,
    "backoff_cap": 1,
    "failback_hold": 0.3,
    "failover_patience": 0.5,
    "uplink_shares_per_second": 100_000,
}


def upstream(pool: SimulatedPool | int, name: str = "pool", **settings: object) -> Table:
    """Return a ``[[tenant.upstream]]`` for a simulated pool, or for a port of this machine."""
    port = pool if isinstance(pool, int) else pool.port
    return {"name": name, "url": f"stratum+tcp://127.0.0.1:{port}", "user": "acct.site", **settings}


def tenant(*upstreams: Table, id: str = "main", **settings: object) -> Table:
    """Return a ``[[tenant]]``."""
    return {"id": id, **settings, "upstream": list(upstreams)}


def site(*tenants: Table, **tables: Table) -> Table:
    """Return a whole configuration; ``tables`` lie over the quick ones."""
    stratum = QUICK_STRATUM | tables.get("stratum", {})
    return {
        "schema": 1,
        **tables,
        "stratum": {
            **stratum,
            "limits": FEW_FILES | stratum.get("limits", {}),
            # Nobody here waits for miners that are let go one after another, but who tests that.
            "timers": {"drain": 0} | stratum.get("timers", {}),
        },
        "upstream": QUICK_UPSTREAM | tables.get("upstream", {}),
        "tenant": list(tenants),
    }


def written(folder: Path, content: Table) -> Path:
    """Write a configuration to ``folder/site.toml``, its data in ``folder/data``; return its path."""
    path = folder / "site.toml"
    whole = {**content, "site": {"data_dir": str(folder / "data")} | content.get("site", {})}
    path.write_text("\n".join(_lines(whole, ())) + "\n")
    return path


def _lines(table: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    inner: list[tuple[str, Any]] = []
    for key, value in table.items():
        is_rows = isinstance(value, list) and bool(value) and isinstance(value[0], dict)
        if is_rows or isinstance(value, dict):
            inner.append((key, value))
        else:
            yield f"{key} = {toml_value(value)}"
    for key, value in inner:
        here = (*place, key)
        for row in value if isinstance(value, list) else [value]:
            yield f"[[{'.'.join(here)}]]" if isinstance(value, list) else f"[{'.'.join(here)}]"
            yield from _lines(row, here)
