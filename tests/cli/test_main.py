"""The command as a whole: help, exit codes, and imports that wait until they are needed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from proxy import __version__, hotpath
from proxy.cli import COMMANDS, main
from proxy.cli.output import BadConfiguration, Unreachable
from tests.conftest import Require

ROOT = Path(__file__).resolve().parents[2]


def process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "proxy", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
    )


def test_help_names_every_command_without_importing_one() -> None:
    code = (
        "import sys; from proxy.cli import main; main(['--help'], standalone_mode=False);"
        "print([m for m in sys.modules if m.startswith('proxy.cli.') and m != 'proxy.cli.output'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert result.stdout.splitlines()[-1] == "[]"
    for name in COMMANDS:
        assert name in result.stdout


def test_every_help_is_whole_and_shows_no_mark_of_its_layout() -> None:
    def walked(command: click.Command, words: list[str]) -> Iterator[list[str]]:
        yield words
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from walked(found, [*words, name])

    every = list(walked(main, []))
    assert len(every) > len(COMMANDS) + 1
    for words in every:
        result = CliRunner().invoke(main, [*words, "--help"])
        assert result.exit_code == 0, words
        assert not {"\\", "\b"} & set(result.output), words


def test_version_imports_nothing_heavy() -> None:
    code = (
        "import sys; from proxy.cli import main; main(['version'], standalone_mode=False);"
        "heavy = {'aiohttp', 'pydantic', 'msgspec', 'structlog', 'uvloop', 'rich'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


def test_questions_to_a_ledger_wait_neither_for_the_configuration_nor_for_the_log() -> None:
    code = (
        "import sys, proxy.cli.miners, proxy.cli.tenants;"
        "heavy = {'aiohttp', 'pydantic', 'structlog', 'uvloop', 'asyncio', 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


def test_version_says_which_core_validates_shares() -> None:
    result = process("version", "--json")
    answer = json.loads(result.stdout)
    assert (answer["version"], answer["hot_path"]) == (__version__, hotpath.implementation())


def test_version_says_loudly_that_the_core_is_slow() -> None:
    assert "SLOW" in process("version", PUMPJACK_PURE="1").stdout


@pytest.mark.parametrize(
    "words", [["nonsense"], ["version", "--nonsense"], ["config", "nonsense"], ["explain"]]
)
def test_usage_errors_end_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(main, words).exit_code == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["--nonsense"], "No such option '--nonsense'"),
        (["power", "cap", "--kw", "x"], "'x' is not a valid float"),
        (["power", "stop"], "Missing option '--reason'"),
    ],
    ids=" ".join,
)
def test_usage_errors_are_json_where_json_is_asked_for(words: list[str], said: str) -> None:
    result = CliRunner().invoke(main, [*words, "--json"])
    assert result.exit_code == 2
    assert said in json.loads(result.stdout)["error"]
    assert said in result.stderr
    assert CliRunner().invoke(main, words).stdout == ""


def test_a_bad_configuration_ends_a_real_process_with_3_and_without_traceback(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text("x = ")
    result = process("config", "check", "-c", str(tmp_path / "site.toml"))
    assert result.returncode == 3
    assert "Traceback" not in result.stderr


def test_explain_reads_standard_input_of_a_real_process() -> None:
    assert process("explain", "tests/vectors/stratum-shares.json").returncode == 0
    assert process("explain", "README-that-is-not-there").returncode == 2


def test_exit_codes_are_those_that_the_help_promises() -> None:
    assert (BadConfiguration([]).exit_code, Unreachable("x").exit_code) == (3, 4)
    assert "3 bad configuration, 4 unreachable" in CliRunner().invoke(main, ["--help"]).output


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_is_where_it_is_said_to_be(name: str, require: Require) -> None:
    module = COMMANDS[name][0].partition(":")[0]
    require(f"{module}, which is not written yet", find_spec(module) is not None)
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0
