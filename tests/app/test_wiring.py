"""What the configuration says is what the relay and the edges are told."""

from dataclasses import astuple, fields, replace
from pathlib import Path

from proxy.adapters.tcp.listener import ListenerSettings
from proxy.adapters.tcp.upstream import DialSettings
from proxy.adapters.tcp.wire import SocketSettings
from proxy.app.memory import Marks
from proxy.app.wiring import dial_settings, listener_settings, memory_marks, relay_settings, reloaded
from proxy.config.load import settings_from
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import AdmissionSettings, Limits, Prices, Timers
from proxy.units import Difficulty, Seconds

UPSTREAM = {"name": "pool", "url": "stratum+tcp://pool.example:3333", "user": "acct.{worker}"}


def test_defaults_of_the_configuration_are_those_of_the_code() -> None:
    settings = settings_from({"tenant": [{"id": "main", "upstream": [UPSTREAM]}]}, base=Path.cwd())
    relayed = relay_settings(settings)
    assert relayed.limits == Limits()
    assert relayed.timers == Timers()
    assert listener_settings(settings) == ListenerSettings(sockets=SocketSettings(receive_buffer=16384))
    assert memory_marks(settings) == Marks()
    assert dial_settings(settings) == DialSettings()
    assert relayed.tenants[0].vardiff == VardiffSettings()


def test_vardiff_is_told_what_is_set_and_the_tenants_own_where_it_has_some() -> None:
    stratum = {
        "target_shares_per_minute": 3,
        "start_difficulty": 64,
        "min_difficulty": 2,
        "max_difficulty": 4096,
        "vardiff_window": 120,
        "vardiff_step": 8,
    }
    own = {"id": "own", "ports": [3334], "target_shares_per_minute": 4, "min_difficulty": 16}
    raw = {
        "stratum": stratum,
        "tenant": [
            {"id": "main", "user_match": "*", "upstream": [UPSTREAM]},
            {**own, "upstream": [UPSTREAM]},
        ],
    }
    main, other = relay_settings(settings_from(raw, base=Path.cwd())).tenants
    wanted = VardiffSettings(
        shares_per_minute=3,
        start=Difficulty(64),
        minimum=Difficulty(2),
        maximum=Difficulty(4096),
        window=Seconds(120),
        greatest_step=8,
    )
    assert main.vardiff == wanted
    assert other.vardiff == replace(wanted, shares_per_minute=4, minimum=Difficulty(16))


def test_every_limit_and_timer_reaches_the_relay() -> None:
    """Each is set to a value of its own; none may be left at its default or be mixed up."""
    stratum_limits = {
        "max_sessions": 1001,
        "readmit_share": 0.96,
        "line_before_authorize": 1002,
        "line_after_authorize": 1003,
        "malformed_lines": 104,
        "workers_per_session": 105,
        "ntime_window": 1006,
    }
    miner_messages = {"json_depth": 5, "string_length": 300}
    stratum_timers = {
        "subscribe": 11,
        "authorize": 12,
        "keepalive_line": 13,
        "job_retention": 114,
        "login_backoff": 14,
        "login_backoff_cap": 15,
        "read_idle": 116,
        "no_share": 117,
        "session_resume": 118,
    }
    conduct = {
        "cost_prompt": 50,
        "cost_soft": 51,
        "cost_hard": 52,
        "cost_spending": 53,
        "cost_spending_together": 65,
        "price_protocol_error": 54,
        "price_bad_share": 55,
        "price_cheap_reject": 56,
        "price_good_share": 57,
        "price_request": 58,
        "price_100k_bytes": 59,
        "ban_ratio": 0.6,
        "ban_shares": 61,
        "ban_window": 62,
        "ban": 63,
    }
    admission = {
        "unauthenticated_per_address": 71,
        "unauthenticated_grace": 72,
        "failed_connections_per_second": 73,
        "failed_connections_burst": 74,
        "sessions_per_address_warning": 75,
    }
    upstream = {
        "connect": 21,
        "reply": 22,
        "idle": 23,
        "backoff_base": 2.4,
        "backoff_cap": 25,
        "backoff_cap_dark": 15.5,
        "backoff_reset": 26,
        "failback_hold": 27,
        "failover_patience": 28,
        "lost_job_grace": 29,
        "max_connections_per_pool": 30,
        "submit_buffer": 31,
        "submit_buffer_age": 32,
        "reject_streak": 33,
        "line_limit": 34000,
        "nonsense": 35,
        "worker_names": 36,
        "suggest_interval": 37,
        "start_hold": 38,
        "uplink_shares_per_second": 39,
        "pace_hold": 40,
        "outstanding": 41,
        "reject_time": 42,
        "notify_interval": 0.43,
        "line_warning": 4400,
    }
    pool_messages = {
        "merkle_branches": 45,
        "coinbase_bytes": 4600,
        "min_extranonce2_size": 7,
        "max_extranonce2_size": 8,
        "min_difficulty": 9,
        "max_difficulty": 4700,
    }
    raw = {
        "stratum": {
            "limits": stratum_limits | miner_messages,
            "timers": stratum_timers,
            "conduct": conduct,
            "admission": admission,
        },
        "upstream": upstream | pool_messages,
        "tenant": [{"id": "main", "upstream": [UPSTREAM]}],
    }
    relayed = relay_settings(settings_from(raw, base=Path.cwd()))
    limits = relayed.limits
    assert astuple(limits.pool_messages) == tuple(pool_messages.values())
    assert astuple(limits.miner_messages) == tuple(miner_messages.values())
    apart = {limits.prices, limits.admission, limits.pool_messages, limits.miner_messages}
    told = {getattr(limits, field.name) for field in fields(Limits)} - apart
    told |= {getattr(relayed.timers, field.name) for field in fields(Timers)}
    told |= {getattr(limits.prices, field.name) for field in fields(Prices)}
    told |= {getattr(limits.admission, field.name) for field in fields(AdmissionSettings)}
    tables = (stratum_limits, stratum_timers, conduct, admission, upstream)
    assert told == {value for table in tables for value in table.values()}


def test_shared_listeners_serve_tenants_with_a_pattern_and_own_ports_their_tenant_alone() -> None:
    raw = {
        "stratum": {"listen": ["127.0.0.1:3333"]},
        "tenant": [
            {"id": "acme", "user_match": "acme.*", "upstream": [UPSTREAM]},
            {"id": "bor", "user_match": "bor.*", "ports": [3334], "upstream": [UPSTREAM]},
            {"id": "own", "ports": [3335], "upstream": [UPSTREAM]},
        ],
    }
    relayed = relay_settings(settings_from(raw, base=Path.cwd()))
    assert list(relayed.listeners.values()) == [("acme", "bor"), ("bor",), ("own",)]
    assert [name in relayed.owned for name in relayed.listeners] == [False, True, True]


def test_a_reload_changes_nothing_that_sessions_hold_on_to() -> None:
    def configured(match: str, user: str, size: int) -> dict[str, object]:
        tenant = {
            "id": "a",
            "user_match": match,
            "extranonce2_size": size,
            "upstream": [{**UPSTREAM, "user": user}],
        }
        return {"tenant": [tenant]}

    running = relay_settings(settings_from(configured("a.*", "one", 4), base=Path.cwd()))
    new = relay_settings(settings_from(configured("b.*", "two", 2), base=Path.cwd()))
    result = reloaded(running, new)
    assert result.tenants[0].user_match == "a.*"
    assert result.tenants[0].extranonce2_size == 4
    assert result.tenants[0].pools[0].user == "two"
    assert replace(result, tenants=running.tenants) == running
