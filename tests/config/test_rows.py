"""The defaults that were decided: nobody changes one unseen.

Reasons stand beside the settings, differences from the plan in docs/adr/0018-limits-are-settings.md.
"""

from pathlib import Path

import pytest

from proxy.config import Settings, settings_from
from proxy.config.table import key_of, table_within

ROWS = {
    # lines of miners
    "stratum.limits.line_before_authorize": 1024,
    "stratum.limits.line_after_authorize": 4096,
    "stratum.limits.json_depth": 4,
    "stratum.limits.string_length": 256,
    "stratum.limits.malformed_lines": 16,
    # deadlines of miners
    "stratum.timers.subscribe": 15,
    "stratum.timers.authorize": 30,
    "stratum.timers.tls_handshake": 10,
    "stratum.timers.no_share": 7200,
    "stratum.timers.read_idle": 600,
    "stratum.timers.tcp_keepalive_idle": 45,
    "stratum.timers.tcp_keepalive_interval": 15,
    "stratum.timers.tcp_keepalive_probes": 3,
    "stratum.timers.tcp_user_timeout": 45,
    "stratum.timers.keepalive_line": 25,
    "stratum.timers.login_backoff": 1,
    "stratum.timers.login_backoff_cap": 600,
    # writing to miners
    "stratum.timers.write_stall": 30,
    "stratum.limits.write_buffer": 65536,
    "stratum.limits.send_buffer": 32768,
    "stratum.limits.receive_buffer": 16384,
    # letting in
    "stratum.limits.backlog": 4096,
    "stratum.limits.accepts_per_turn": 8,
    "stratum.limits.accepts_burst": 25_000,
    "stratum.limits.accepts_per_second": 500,
    "stratum.limits.max_sessions": 50_000,
    "stratum.limits.open_files_share": 0.45,
    "stratum.limits.readmit_share": 0.95,
    "stratum.admission.unauthenticated_per_address": 8,
    "stratum.admission.unauthenticated_grace": 10,
    "stratum.admission.failed_connections_per_second": 20,
    "stratum.admission.failed_connections_burst": 200,
    "stratum.admission.sessions_per_address_warning": 0,
    "stratum.admission.memory_shed_telemetry": 0.85,
    "stratum.admission.memory_refuse_new": 0.92,
    "stratum.admission.memory_drop_costliest": 0.95,
    # conduct
    "stratum.conduct.cost_prompt": 50,
    "stratum.conduct.cost_soft": 1000,
    "stratum.conduct.cost_hard": 10_000,
    "stratum.conduct.cost_spending": 100,
    "stratum.conduct.cost_spending_together": 2000,
    "stratum.conduct.price_protocol_error": 100,
    "stratum.conduct.price_cheap_reject": 5,
    "stratum.conduct.price_bad_share": 20,
    "stratum.conduct.price_good_share": 5,
    "stratum.conduct.price_request": 1,
    "stratum.conduct.price_100k_bytes": 1,
    "stratum.conduct.ban_ratio": 0.5,
    "stratum.conduct.ban_shares": 50,
    "stratum.conduct.ban_window": 60,
    "stratum.conduct.ban": 600,
    "stratum.limits.workers_per_session": 8,
    # jobs and shares
    "stratum.timers.job_retention": 600,
    "stratum.timers.session_resume": 900,
    "stratum.timers.drain": 60,
    "stratum.timers.drain_hard": 180,
    "stratum.limits.ntime_window": 7000,
    "stratum.target_shares_per_minute": 6,
    "stratum.vardiff_window": 240,
    "stratum.vardiff_step": 4,
    # pools
    "upstream.line_limit": 1 << 20,
    "upstream.line_warning": 1 << 16,
    "upstream.merkle_branches": 32,
    "upstream.coinbase_bytes": 100_000,
    "upstream.min_extranonce2_size": 2,
    "upstream.max_extranonce2_size": 16,
    "upstream.connect": 15,
    "upstream.reply": 30,
    "upstream.idle": 90,
    "upstream.tcp_user_timeout": 25,
    "upstream.backoff_base": 1,
    "upstream.backoff_cap": 60,
    "upstream.backoff_reset": 120,
    "upstream.failback_hold": 300,
    "upstream.submit_buffer": 10_000,
    "upstream.submit_buffer_age": 600,
    "upstream.outstanding": 10_000,
}
POOL = {"name": "pool", "url": "stratum+tcp://pool.example:3333", "user": "acct"}


@pytest.fixture(scope="module")
def usual() -> Settings:
    return settings_from({"tenant": [{"id": "main", "upstream": [POOL]}]}, base=Path.cwd(), environment={})


@pytest.mark.parametrize(("name", "wanted"), ROWS.items(), ids=ROWS)
def test_the_default_is_the_one_that_was_decided(usual: Settings, name: str, wanted: float) -> None:
    found: object = usual
    for part in name.split("."):
        found = getattr(found, part)
    assert found == wanted


def test_no_limit_of_miners_is_without_a_decision() -> None:
    stratum = Settings.model_fields["stratum"]
    inner = table_within(stratum)
    assert inner is not None
    for table, field in inner[0].model_fields.items():
        within = table_within(field)
        for key, each in within[0].model_fields.items() if within is not None else ():
            name = f"stratum.{table}.{key_of(key, each)}"
            assert name in ROWS or name in UNDECIDED, name


UNDECIDED = {
    "stratum.timers.settle",  # of a stop, not of the listener
    "stratum.admission.memory_limit",  # what the machine has
}
