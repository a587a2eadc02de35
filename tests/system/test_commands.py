"""``run`` and ``status`` as processes: ways to start, exit codes, and what is said when it cannot be."""

import asyncio
import json
import socket
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy import hotpath
from proxy.adapters.simulated.pool import SimulatedPool
from tests.conftest import Require
from tests.system.conftest import Launch
from tests.system.mine import POOL, books_agree, miner, more, quiet, tenant_of, undisturbed
from tests.system.pumpjack import PATIENCE, ROOT, command, environment, running
from tests.system.site import site, tenant, upstream, written


@dataclass(frozen=True)
class Done:
    code: int | None
    out: str
    err: str


async def done(*words: str, **extra: str) -> Done:
    """Run a command of pumpjack to its end."""
    process = await asyncio.create_subprocess_exec(
        *command(*words), cwd=ROOT, env=environment(**extra), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    assert b"Traceback" not in err, err.decode()
    return Done(process.returncode, out.decode(), err.decode())


async def test_run_with_pool_options_mines(tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        words = ["--pool", f"stratum+tcp://127.0.0.1:{pool.port}", "--user", "acct.site"]
        words += ["--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
        extra = {"PUMPJACK_STRATUM__MIN_DIFFICULTY": "8192"}
        async with running(words, tmp_path / "data", extra) as pumpjack:
            async with miner(pumpjack.ports[None, False]) as client:
                await more([client], 10)
                state = await quiet(pumpjack, [pool], [client])
                books_agree(state["shares"], [pool], [client])
                undisturbed([client])
            assert pool.workers == {"acct.site"}


async def test_status_shows_from_another_process_what_is_going_on(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool, "first"))))
        config = str(pumpjack.data_dir.parent / "site.toml")
        async with miner(pumpjack.port, "bitaxe", "acme.rig7") as client:
            await more([client], 10)
            await quiet(pumpjack, [pool], [client])
            as_json, by_data, as_text = await asyncio.gather(
                done("status", "-c", config, "--json"),
                done("status", "--data", str(pumpjack.data_dir), "--json", "--sessions"),
                done("status", "-c", config, "--sessions", COLUMNS="200"),
            )
        assert (as_json.code, by_data.code, as_text.code) == (0, 0, 0), (
            as_json.err + by_data.err + as_text.err
        )
        state = json.loads(as_json.out)
        assert (state["sessions"], state["working"]) == (1, 1)
        assert state["shares"]["accepted"] == client.counters.accepted
        assert tenant_of(state)["upstreams"][0]["state"] == "live"
        assert state["pid"] == pumpjack.process.pid
        (session,) = json.loads(by_data.out)["session_list"]
        assert (session["worker"], session["accepted"]) == ("rig7", client.counters.accepted)
        for word in ("first", "live", "rig7", "main", f"127.0.0.1:{pumpjack.port}"):
            assert word in as_text.out


async def test_status_exits_4_when_nothing_runs(tmp_path: Path) -> None:
    result = await done("status", "--data", str(tmp_path), "--json")
    assert result.code == 4
    assert str(tmp_path) in result.err
    assert str(tmp_path) in json.loads(result.out)["error"]
    assert (await done("status", "--data", str(tmp_path))).out == ""


async def test_status_exits_4_after_a_pumpjack_that_was_killed(launch: Launch, tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        first = await launch(site(tenant(upstream(pool))))
        await first.kill()
        assert (await done("status", "--data", str(first.data_dir))).code == 4
        # What the dead one left behind hinders nobody.
        words = ["-c", str(tmp_path / "site.toml")]
        async with running(words, first.data_dir) as second, miner(second.port) as client:
            await more([client], 3)


async def test_a_bad_file_exits_3_with_every_mistake_and_starts_nothing(tmp_path: Path) -> None:
    wrong = {"name": "pool", "url": "http://pool.example:1", "user": "two words"}
    content = site(tenant(wrong), stratum={"target_shares_per_minute": -3, "colour": "blue"})
    result = await done("run", "-c", str(written(tmp_path, content)))
    assert result.code == 3
    for mistake in ("target_shares_per_minute", "colour", "url", "user", "4 mistakes"):
        assert mistake in result.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--pool", "stratum+tcp://127.0.0.1:1"),
        ("run", "--user", "acct"),
        ("run", "-c", "site.toml", "--pool", "stratum+tcp://127.0.0.1:1", "--user", "acct"),
        ("run", "-c", "site.toml", "--listen", "127.0.0.1:0"),
        ("run", "--no-such-option"),
        ("no-such-command",),
    ],
    ids=" ".join,
)
async def test_wrong_usage_exits_2(words: tuple[str, ...]) -> None:
    result = await done(*words)
    assert result.code == 2
    assert "Usage:" in result.err


async def test_a_taken_port_exits_1_and_says_which(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with SimulatedPool(POOL) as pool:
            content = site(tenant(upstream(pool)), stratum={"listen": [address]})
            words = ["run", "-c", str(written(tmp_path, content))]
            result = await done(*words, *([] if hotpath.COMPILED else ["--allow-pure-python"]))
    assert result.code == 1
    assert address in result.err


async def test_a_data_directory_in_use_exits_1_and_harms_nobody(launch: Launch, tmp_path: Path) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        result = await done("run", "-c", str(tmp_path / "site.toml"), "--allow-pure-python")
        assert result.code == 1
        assert "in use by another pumpjack" in result.err
        async with miner(pumpjack.port) as client:
            await more([client], 3)
        assert (await done("status", "--data", str(pumpjack.data_dir))).code == 0


async def test_without_the_compiled_core_it_refuses_to_run(tmp_path: Path) -> None:
    path = written(tmp_path, site(tenant(upstream(1))))
    result = await done("run", "-c", str(path), PUMPJACK_PURE="1")
    assert result.code == 1
    assert "--allow-pure-python" in result.err
    assert not (tmp_path / "data").exists()


async def test_the_python_core_mines_as_well_when_told_to(launch: Launch) -> None:
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))), {"PUMPJACK_PURE": "1"}, pure=True)
        async with miner(pumpjack.port, "bitaxe") as client:
            await more([client], 10)
            state = await quiet(pumpjack, [pool], [client])
            assert "python" in state["hot_path"].lower()
            books_agree(state["shares"], [pool], [client])
            undisturbed([client])


async def test_the_compiled_core_is_the_one_that_runs(launch: Launch, require: Require) -> None:
    require("the compiled core", hotpath.COMPILED)
    async with SimulatedPool(POOL) as pool:
        pumpjack = await launch(site(tenant(upstream(pool))))
        assert (await pumpjack.status())["hot_path"] == hotpath.implementation()
