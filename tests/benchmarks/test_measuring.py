"""What is measured has really happened, on small runs of the real thing."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import fanout, memory, submit, validation
from benchmarks.__main__ import bench
from benchmarks.machine import environment, process_cpu_ns, resident_bytes
from benchmarks.profiles import library_rows, symbol_rows, symbols
from benchmarks.programs import Broken, Child, compiled
from benchmarks.servers import CServer, Miners, Pool, Profiled, Pumpjack, demand_honest
from tests.benchmarks.conftest import Start
from tests.conftest import Require

pytestmark = pytest.mark.checkout

GOOD = {
    "sent": 100,
    "accepted": 99,
    "low_right": 1,
    "refused": {"23": 1},
    **dict.fromkeys(("lost", "wrong", "out_of_order", "unasked", "garbage", "disconnected"), 0),
}


def quiet(text: str) -> None:
    """Say nothing."""


@pytest.fixture
def stack(start: Start) -> Iterator[ExitStack]:
    """Return what ends the processes of a test; asks for a C compiler."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def pumpjack() -> Iterator[Pumpjack]:
    """Return one that the small tests share; its books begin where the test before left them."""
    with ExitStack() as stack:
        yield Pumpjack(stack, Pool(stack))


# --- the command ------------------------------------------------------------------------------------------


def test_an_unknown_question_is_a_usage_error_that_lists_the_known_ones() -> None:
    result = CliRunner().invoke(bench, ["speed"])
    assert result.exit_code == 2
    assert "validation" in result.output
    assert "fanout" in result.output


def test_help_explains_each_question() -> None:
    result = CliRunner().invoke(bench, ["--help"])
    assert result.exit_code == 0
    questions = ("validation", "submit", "ledger", "memory", "fanout")
    assert all(f"\n  {question}  " in result.output for question in questions)


def test_the_environment_names_neither_host_nor_folder() -> None:
    told = repr(environment(quick=True))
    assert "/" not in told
    assert subprocess.run(["uname", "-n"], capture_output=True, text=True).stdout.strip() not in told


# --- clocks and memory ------------------------------------------------------------------------------------

THREADS = """
import json, sys, threading, time
def burn():
    end = time.thread_time() + 0.05
    while time.thread_time() < end: pass
threads = [threading.Thread(target=burn) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(json.dumps({"own": time.process_time_ns()}), flush=True)
sys.stdin.readline()
"""


HOLDER = """
print("{}", flush=True)
input()
held = bytearray(b"x" * 50_000_000)
print("{}", flush=True)
input()
"""


def test_cpu_time_of_a_process_counts_threads_that_have_ended() -> None:
    with Child([sys.executable, "-c", THREADS]) as child:
        own = child.heard()["own"]
        assert own >= 100_000_000
        assert process_cpu_ns(child.pid) >= own


def test_resident_memory_grows_with_what_a_process_touches() -> None:
    with Child([sys.executable, "-c", HOLDER]) as child:
        child.heard()
        before = resident_bytes(child.pid)
        child.tell("go")
        child.heard()
        assert 50_000_000 <= resident_bytes(child.pid) - before < 60_000_000


def test_a_program_that_ends_or_hangs_is_broken() -> None:
    with Child([sys.executable, "-c", ""]) as child, pytest.raises(Broken, match="ended"):
        child.heard()
    with Child([sys.executable, "-c", "input()"]) as child, pytest.raises(Broken, match="nothing"):
        child.heard(patience=0.05)


def test_a_program_is_compiled_once(start: Start) -> None:
    made = compiled("floor")
    stamp = made.stat().st_mtime_ns
    assert compiled("floor").stat().st_mtime_ns == stamp


# --- honesty ----------------------------------------------------------------------------------------------


def test_a_rightly_refused_low_share_is_no_flaw() -> None:
    demand_honest(GOOD)


@pytest.mark.parametrize(
    "flaw",
    [
        *({name: 1} for name in ("lost", "wrong", "out_of_order", "unasked", "garbage", "disconnected")),
        {"refused": {"23": 1, "20": 1}},
        {"sent": 101},
        {"accepted": 100},
    ],
)
def test_any_flaw_makes_the_numbers_worthless(flaw: dict[str, Any]) -> None:
    with pytest.raises(Broken, match="did not do its work"):
        demand_honest(GOOD | flaw)


def test_books_that_disagree_make_the_numbers_worthless(stack: ExitStack, pumpjack: Pumpjack) -> None:
    before = pumpjack.status()["shares"]["accepted"]
    miners = Miners(stack, pumpjack.port, 3)
    miners.run(10, each=4)
    pumpjack.demand_accepted(before + miners.accepted)
    with pytest.raises(Broken, match="pumpjack counts"):
        pumpjack.demand_accepted(before + miners.accepted + 1)


# --- the questions ----------------------------------------------------------------------------------------


def test_all_servers_give_the_same_work_of_45_compressions(stack: ExitStack, pumpjack: Pumpjack) -> None:
    ours = Miners(stack, pumpjack.port, 2).offer
    assert ours.compressions == 45
    for name in ("floor", "full", "fanout"):
        assert Miners(stack, CServer(stack, name, ours).port, 2).offer == ours


def test_a_submit_is_measured_at_all_three_servers_in_each_round(start: Start) -> None:
    cases = [submit.Case(20, 1), submit.Case(20, 10)]
    submit._measure(cases, rounds=2, seconds=0.1, say=quiet)
    for case in cases:
        assert [set(each) for each in case.rounds] == [set(submit.NAMES)] * 2
        for each in case.rounds:
            for told in each.values():
                assert told["sent"] >= 20 * case.lines
                assert told["cpu_ns_per_submit"] > 0
        # Whatever the machine does: nobody is cheaper than a server that does nothing.
        assert all(ratio < 1 for ratio in case.ratio("floor"))


def test_a_job_reaches_all_miners_of_pumpjack_and_of_the_loop(start: Start) -> None:
    rounds = fanout._rounds(30, 2, quiet)
    assert len(rounds) == 2
    for each in rounds:
        assert {name: told["heard"] for name, told in each.items()} == {"pumpjack": 30, "loop": 30}
        assert all(0 < told["first_ns"] <= told["wall_ns"] for told in each.values())
    for name in ("pumpjack", "loop"):  # in both rounds: one alone may fall between two ticks of the kernel
        assert sum(each[name]["cpu_ns"] for each in rounds) > 0


def test_memory_is_that_of_sessions_that_have_sent_their_shares(start: Start) -> None:
    told = memory._round(40)
    assert told["shares"] == 40 * memory.SHARES_EACH
    assert told["base_bytes"] > 0


def test_a_profile_names_functions_of_pumpjack(stack: ExitStack) -> None:
    pumpjack = Profiled(stack, Pool(stack), "cpu")
    miners = Miners(stack, pumpjack.port, 20)
    found = pumpjack.during(lambda: miners.run(0.5, lines=10))
    assert found["python"]["samples"] > 0
    assert any(row["what"].startswith("proxy/") for row in found["python"]["rows"])
    assert "rows" in found["symbols"] or "missing" in found["symbols"]


def test_a_profile_of_memory_names_lines_of_pumpjack(stack: ExitStack) -> None:
    pumpjack = Profiled(stack, Pool(stack), "memory")
    found = pumpjack.during(lambda: Miners(stack, pumpjack.port, 50).run(10, each=2))["python"]
    assert found["traced"] > 0
    assert any(row["what"].startswith("proxy/relay/") for row in found["rows"])


REPORT = """
# Samples: 1K of event 'cpu-clock'
#
# Overhead  Shared Object        Symbol
# ........  ...................  ..............
#
    40.00%  [kernel.kallsyms]    [k] tcp_sendmsg
    25.50%  _compiled.so         [.] kernel_fold
    10.00%  [kernel.kallsyms]    [k] tcp_ack
     0.50%  libc.so.6            [.] __memcpy_evex
"""


def test_what_perf_prints_is_read() -> None:
    rows = symbol_rows(REPORT)
    assert [row["what"] for row in rows] == ["tcp_sendmsg", "kernel_fold", "tcp_ack", "__memcpy_evex"]
    assert library_rows(rows)[0] == {"share": 0.5, "what": "kernel"}


def test_without_perf_the_work_is_done_and_the_profile_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    done: list[str] = []
    assert "perf is not installed" in symbols(os.getpid(), lambda: done.append("work"))["missing"]
    assert done == ["work"]


# --- validation -------------------------------------------------------------------------------------------


@pytest.fixture
def limit(start: Start) -> validation.Limit:
    return validation.Limit()


def in_c(limit: validation.Limit, name: str) -> Callable[[validation.Share, int], validation.Timed]:
    return lambda share, count: limit.share_ns(name, share, count)


def test_all_contenders_compute_the_hash_of_the_reference(limit: validation.Limit, require: Require) -> None:
    share = validation.share()
    runs = [validation.by_hot_path, validation.by_hashlib, in_c(limit, "own_share_ns")]
    if limit.has_openssl:
        runs.append(in_c(limit, "openssl_share_ns"))
    for run in runs:
        for count in (1, 3):
            took, digest = run(share, count)
            assert digest == share.expected(count - 1)
            assert took > 0


def test_a_contender_that_hashes_wrongly_is_not_measured() -> None:
    share = validation.share()
    wrong = validation.Contender("wrong", 1, lambda share, count: (1.0, hashlib.sha256(b"").digest()))
    with pytest.raises(Broken, match="wrong computes another hash"):
        validation._demand_right(share, [wrong])


def test_the_limit_counts_the_compressions_that_remain_behind_the_remembered_ones() -> None:
    # 302 bytes of coinbase are five blocks, of which the first never changes; twelve branches of three each.
    assert validation.share().compressions == (5 - 1 + 1) + 12 * 3 + 3


def test_a_round_instruction_takes_whole_cycles_of_the_calibrated_clock(
    limit: validation.Limit, require: Require
) -> None:
    require("a processor with the SHA instructions of x86", limit.has_sha)
    cycles = min(limit.round_ns() for _ in range(5)) / min(limit.cycle_ns() for _ in range(5))
    assert cycles == pytest.approx(validation.CYCLES_OF_A_ROUND, rel=0.1)


def test_a_machine_without_the_instructions_has_no_limit_and_says_so(limit: validation.Limit) -> None:
    limit.has_sha = limit.has_openssl = False
    round_ = {"single": 2000.0, "bulk": 700.0, "hashlib": 13000.0, "c": 1900.0}
    answer = validation._judged([round_, round_], validation.share(), limit)
    of_limit, of_hashlib, bulk = answer.goals
    assert (of_limit.met, bool(of_limit.note)) == (None, True)
    assert of_hashlib.measured == 6.5
    assert bulk.measured == pytest.approx(2000 / 700)
