"""Who is served where, and the configurations that nobody could route by."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config import doors, settings_from
from proxy.config.rules import _covers
from proxy.errors import ConfigError

POOL = {"name": "p", "url": "stratum+tcp://pool.example:3333", "user": "u"}


def tenants(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": f"t{index}", "upstream": [POOL], **row} for index, row in enumerate(rows)]


def served(*rows: dict[str, Any], **stratum: Any) -> list[tuple[str, str | None]]:
    read = settings_from({"tenant": tenants(*rows), "stratum": stratum}, base=Path("/nowhere"))
    return [(str(door.endpoint).removeprefix("stratum+"), door.tenant) for door in doors(read)]


def mistakes(*rows: dict[str, Any], **stratum: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        served(*rows, **stratum)
    return caught.value.mistakes


def test_user_names_decide_on_the_shared_address() -> None:
    assert served({"user_match": "a.*"}, {"user_match": "*"}) == [("tcp://0.0.0.0:3333", None)]


def test_a_port_belongs_to_its_tenant_on_every_shared_host() -> None:
    listen = ["10.0.0.1:3333", "[::1]:3333", "10.0.0.1:3433"]
    assert served({"ports": [3334]}, {"user_match": "*"}, listen=listen)[3:] == [
        ("tcp://10.0.0.1:3334", "t0"),
        ("tcp://[::1]:3334", "t0"),
    ]


def test_the_default_address_is_closed_where_it_would_serve_nobody() -> None:
    assert served({"ports": [3334]}, {"listen": ["127.0.0.1:3335"]}) == [
        ("tcp://0.0.0.0:3334", "t0"),
        ("tcp://127.0.0.1:3335", "t1"),
    ]


def test_an_address_that_was_asked_for_must_serve_somebody() -> None:
    found = mistakes({"ports": [3334]}, {"ports": [3335]}, listen=["0.0.0.0:3333"])
    assert found[0].startswith("stratum.listen serves nobody")


def test_several_tenants_must_be_told_apart() -> None:
    assert [line.split(":")[0] for line in mistakes({}, {})] == [
        "tenant.0.user_match is missing",
        "tenant.1.user_match is missing",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [("*", "*"), ("*", "a.*"), ("a.*", "a.*"), ("a*", "a.*"), ("a?c", "abc"), ("**", "*")],
)
def test_a_tenant_behind_a_wider_one_is_never_reached(first: str, second: str) -> None:
    found = mistakes({"user_match": first}, {"user_match": second})
    assert len(found) == 1
    assert found[0].startswith("tenant.1.user_match = ")
    assert "nobody is left" in found[0]


@pytest.mark.parametrize(
    ("first", "second"), [("a.*", "*"), ("a?", "a*"), ("A*", "a*"), ("*x", "*"), ("a.*", "b.*")]
)
def test_a_narrower_one_first_is_fine(first: str, second: str) -> None:
    served({"user_match": first}, {"user_match": second})


@pytest.mark.parametrize(
    ("rows", "stratum"),
    [
        (({"ports": [3334]}, {"ports": [3334]}), {}),
        (({"ports": [3333]}, {"user_match": "*"}), {}),
        (({"ports": [3334, 3334]}, {"user_match": "*"}), {}),
        (({"listen": ["127.0.0.1:3333"]}, {"user_match": "*"}), {}),
        (({},), {"listen": ["0.0.0.0:3333", "127.0.0.1:3333"]}),
    ],
)
def test_an_address_can_be_had_once(rows: tuple[dict[str, Any], ...], stratum: dict[str, Any]) -> None:
    found = mistakes(*rows, **stratum)
    assert len(found) == 1
    assert "already taken" in found[0]


def test_the_same_port_on_other_hosts_or_the_other_ip_version_is_fine() -> None:
    assert len(served({}, listen=["10.0.0.1:3333", "10.0.0.2:3333", "[::]:3333"])) == 3


def test_port_zero_never_collides() -> None:
    assert len(served({}, listen=["127.0.0.1:0", "127.0.0.1:0"])) == 2


def test_no_address_at_all_is_a_mistake() -> None:
    assert mistakes({}, listen=[])[0].startswith("stratum.listen is empty")


def test_a_pattern_without_a_shared_address_is_a_mistake() -> None:
    assert "has no effect" in mistakes({"ports": [3334], "user_match": "a*"}, listen=[])[0]


def fits(pattern: str, name: str) -> bool:
    """Match by trying everything: slow, and nothing like the rule that is tested."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[cut:]) for cut in range(len(name) + 1))
    return bool(name) and pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


@given(
    st.text("ab?*", min_size=1, max_size=5),
    st.text("ab?*", min_size=1, max_size=5),
    st.text("ab", max_size=6),
)
def test_what_is_said_to_be_covered_is_covered(wide: str, narrow: str, name: str) -> None:
    if _covers(wide, narrow) and fits(narrow, name):
        assert fits(wide, name)
