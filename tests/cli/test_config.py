"""``config``: check, show, schema, init; and the exit codes every command shares."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from proxy.cli import main

SECRET = "hunter2hunter2"
GOOD = f"""
[[tenant]]
id = "acme"
ports = [3334]
user_match = "acme.*"
[[tenant.upstream]]
name = "pool-a"
url = "stratum+tcp://pool.example:3333"
user = "acme.{{worker}}"
password = "{SECRET}"
[[tenant]]
id = "rest"
user_match = "*"
[[tenant.upstream]]
name = "pool-b"
url = "stratum+ssl://pool.example:3443"
user = "account"
"""
BAD = GOOD + 'colour = "red"\n[stratum]\nstart_difficulty = 0\n'


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.toml"
    path.write_text(BAD)
    return path


def run(*words: str | Path, **environment: str) -> Result:
    return CliRunner().invoke(main, ["config", *map(str, words)], env=environment)


def parsed(result: Result) -> Any:
    return json.loads(result.stdout)


def test_check_warns_of_what_is_hardly_meant(site: Path) -> None:
    power = '[power]\nreserve = "1 kW"\nunknown_watts = 3.6\n[[power.generator]]\nname = "g"\nkw = 100\n'
    site.write_text(GOOD + power)
    result = run("check", "-c", site)
    assert (result.exit_code, "no mistakes" in result.stdout) == (0, True)
    assert "WARNING     power.unknown_watts of 3.6 W is less" in result.stdout
    (warning,) = parsed(run("check", "-c", site, "--json"))["warnings"]
    assert "unknown_watts" in warning


def test_check_sums_up_a_good_file(site: Path) -> None:
    result = run("check", "-c", site)
    assert result.exit_code == 0
    for part in ("no mistakes", "stratum+tcp://0.0.0.0:3334  tenant acme", "1. pool-a", "users *"):
        assert part in result.stdout
    assert SECRET not in result.output


def test_check_answers_in_json(site: Path) -> None:
    answer = parsed(run("check", "-c", site, "--json"))
    assert answer["ok"] is True
    assert answer["listeners"] == [
        {"address": "stratum+tcp://0.0.0.0:3333", "tenant": None},
        {"address": "stratum+tcp://0.0.0.0:3334", "tenant": "acme"},
    ]


@pytest.mark.parametrize("command", ["check", "show"])
def test_every_mistake_is_printed_and_the_code_is_3(bad: Path, command: str) -> None:
    result = run(command, "-c", bad)
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "2 mistakes" in result.stderr
    assert 'tenant.1.upstream.0.colour = "red": no such setting' in result.stderr
    assert "stratum.start_difficulty = 0: must be" in result.stderr


def test_check_lists_mistakes_in_json(bad: Path) -> None:
    result = run("check", "-c", bad, "--json")
    assert result.exit_code == 3
    assert parsed(result)["ok"] is False
    assert len(parsed(result)["mistakes"]) == 2


def test_a_file_that_is_not_there_is_a_bad_configuration(tmp_path: Path) -> None:
    result = run("check", "-c", tmp_path / "none.toml")
    assert result.exit_code == 3
    assert "cannot be read" in result.stderr


def test_no_file_at_all_is_a_usage_error() -> None:
    assert run("check").exit_code == 2


def test_the_file_may_come_from_the_environment_and_so_may_settings(site: Path) -> None:
    answer = parsed(run("show", "--json", PUMPJACK_CONFIG=str(site), PUMPJACK_UPSTREAM__REPLY="7s"))
    assert answer["upstream"]["reply"] == 7.0


def test_show_has_every_default_and_no_secret(site: Path) -> None:
    text, answer = run("show", "-c", site), run("show", "-c", site, "--json")
    assert SECRET not in text.output + answer.output
    assert parsed(answer)["tenant"][0]["upstream"][0]["password"] == "**********"
    assert parsed(answer)["stratum"]["start_difficulty"] == 8192
    assert "start_difficulty = 8192" in text.stdout


def test_what_init_prints_passes_check(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(run("init").stdout)
    assert run("check", "-c", path).exit_code == 0
    assert parsed(run("init", "--json"))["toml"] == path.read_text()


def test_schema_is_json() -> None:
    assert parsed(run("schema")) == parsed(run("schema", "--json"))
