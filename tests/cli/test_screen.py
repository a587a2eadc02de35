"""What stands in the status of a terminal: what a miner is called is text there, and nothing else."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from proxy.cli.screen import session_table


def shown(**fields: Any) -> str:
    session: dict[str, Any] = {
        "worker": "rig",
        "peer": "192.0.2.1:1",
        "user_agent": "cgminer",
        "working": True,
        "difficulty": 8.0,
        "hashrate": 1e12,
        "accepted": 1,
        "rejected": {},
        "connected_s": 5.0,
        **fields,
    }
    out = StringIO()
    Console(file=out, width=300, force_terminal=True, color_system=None).print(session_table([session]))
    return out.getvalue()


@pytest.mark.parametrize("name", ["[red]", "[/]", "[link=http://x]y[/link]", ":smile:"])
@pytest.mark.parametrize("field", ["worker", "user_agent"])
def test_markup_in_a_name_is_shown_as_it_is(name: str, field: str) -> None:
    assert name in shown(**{field: name})


@pytest.mark.parametrize("field", ["worker", "user_agent"])
def test_an_escape_sequence_in_a_name_does_not_reach_the_terminal(field: str) -> None:
    assert "?]0;owned??[2J" in shown(**{field: "\x1b]0;owned\x07\x1b[2J"})
