"""What SIGHUP may change, and what it leaves for a restart."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.config import Settings, reload_differences, settings_from

Raw = dict[str, Any]


def pool(name: str) -> Raw:
    return {"name": name, "url": f"stratum+tcp://{name}.example:3333", "user": "u"}


BEFORE: Raw = {
    "stratum": {"listen": ["0.0.0.0:3333"]},
    "tenant": [
        {"id": "acme", "user_match": "a.*", "upstream": [pool("p"), pool("q")]},
        {"id": "rest", "user_match": "*", "upstream": [pool("p")]},
    ],
}


def read(raw: Raw) -> Settings:
    return settings_from(raw, base=Path("/nowhere"), environment={"HOME": "/h"})


def after(change: Callable[[Raw], object]) -> Settings:
    raw = copy.deepcopy(BEFORE)
    change(raw)
    return read(raw)


def test_nothing_differs_from_itself() -> None:
    found = reload_differences(read(BEFORE), read(copy.deepcopy(BEFORE)))
    assert (found.applicable, found.needs_restart) == ((), ())


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (
            lambda r: r["tenant"][0]["upstream"][1].update(url="stratum+ssl://q:1"),
            "tenant.acme.upstream.q.url",
        ),
        (lambda r: r["tenant"][0]["upstream"][0].update(password="new"), "tenant.acme.upstream.p.password"),
        (lambda r: r["tenant"][0]["upstream"].pop(), "tenant.acme.upstream.q"),
        (lambda r: r["tenant"][1]["upstream"].append(pool("new")), "tenant.rest.upstream.new"),
        (lambda r: r["tenant"][0]["upstream"].reverse(), "tenant.acme.upstream"),
        (lambda r: r["tenant"][0].update(min_difficulty=4), "tenant.acme.min_difficulty"),
        (lambda r: r["stratum"].update(target_shares_per_minute=4), "stratum.target_shares_per_minute"),
        (lambda r: r.update(upstream={"reply": 5}), "upstream.reply"),
        (lambda r: r["stratum"].update(limits={"max_sessions": 5}), "stratum.limits.max_sessions"),
    ],
)
def test_pools_credentials_difficulties_and_timers_change_under_sessions(
    change: Callable[[Raw], object], key: str
) -> None:
    found = reload_differences(read(BEFORE), after(change))
    assert (found.applicable, found.needs_restart) == ((key,), ())


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (lambda r: r["stratum"].update(listen=["0.0.0.0:1"]), "stratum.listen"),
        (lambda r: r.update(site={"data_dir": "/x"}), "site.data_dir"),
        (lambda r: r["tenant"][0].update(ports=[4444]), "tenant.acme.ports"),
        (lambda r: r["tenant"][0].update(extranonce2_size=4), "tenant.acme.extranonce2_size"),
        (lambda r: r["tenant"].pop(0), "tenant.acme"),
        (lambda r: r.update(ledger={"min_window": 0}), "ledger.min_window"),
    ],
)
def test_listeners_widths_folders_and_tenants_wait_for_a_restart(
    change: Callable[[Raw], object], key: str
) -> None:
    found = reload_differences(read(BEFORE), after(change))
    assert (found.applicable, found.needs_restart) == ((), (key,))


def test_a_new_password_in_the_same_file_is_seen(tmp_path: Path) -> None:
    raw = {"tenant": [{"id": "a", "upstream": [{**pool("p"), "password_file": "pass"}]}]}
    (tmp_path / "pass").write_text("old")
    old = settings_from(raw, base=tmp_path)
    (tmp_path / "pass").write_text("new")
    found = reload_differences(old, settings_from(raw, base=tmp_path))
    assert found.applicable == ("tenant.a.upstream.p.password",)
