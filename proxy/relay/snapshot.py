"""The relay's state as plain values, for status, the live screen and every later reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

from proxy.hotpath import Tally
from proxy.mining.hashrate import HashrateMeter
from proxy.relay.engine import Relay
from proxy.relay.pool import Pool
from proxy.relay.route import Route
from proxy.relay.session import Session
from proxy.relay.tally import Settlements
from proxy.relay.upstream import Phase, UpstreamConnection
from proxy.units import Seconds

PART = 100
"""Sessions that are looked at in one go: some tenths of a millisecond, in which no share is answered."""


@dataclass(slots=True)
class _Census:
    """What a tenant's sessions are counted for."""

    sessions: int = 0
    working: int = 0
    withheld: int = 0
    difficulties: Counter[float] = field(default_factory=Counter)

    def add(self, session: Session) -> None:
        self.sessions += 1
        self.working += session.has_work
        self.withheld += session.withheld_at is not None
        if session.difficulty is not None:
            self.difficulties[session.difficulty] += 1


def snapshot(relay: Relay, now: Seconds, *, sessions: bool = False) -> dict[str, Any]:
    """Return what the relay is doing, ready for JSON; every session of it only if asked for."""
    parts = snapshot_in_parts(relay, now, sessions=sessions)
    while True:
        try:
            next(parts)
        except StopIteration as done:
            result: dict[str, Any] = done.value
            return result


def snapshot_in_parts(
    relay: Relay, now: Seconds, *, sessions: bool = False
) -> Generator[None, None, dict[str, Any]]:
    """Make a ``snapshot``, and stop after every ``PART`` sessions so that others have their turn.

    Who comes in between is not in it, who goes is.
    """
    everybody = list(relay.sessions.values())
    counted: dict[str, _Census] = {}
    for begin in range(0, len(everybody), PART):
        for session in everybody[begin : begin + PART]:
            if session.route is not None and session.workers:
                counted.setdefault(session.route.tenant, _Census()).add(session)
        yield
    tenants = [_tenant(route, counted.get(route.tenant, _Census()), now) for route in relay.routes.values()]
    result: dict[str, Any] = {
        "uptime_s": round(now - relay.started_at, 3),
        "draining": None if relay.drain is None else relay.drain.left,
        "connections": len(relay.sessions),
        "sessions": sum(tenant["sessions"] for tenant in tenants),
        "working": sum(tenant["working"] for tenant in tenants),
        "waiting": sum(tenant["waiting"] for tenant in tenants),
        "withheld": sum(tenant["withheld"] for tenant in tenants),
        "hashrate": _sum(tenant["hashrate"] for tenant in tenants),
        "shares": _sum_shares([tenant["shares"] for tenant in tenants]),
        "unanswered": relay.unanswered,
        "unsettled": relay.unsettled,
        "tenants": tenants,
    }
    if sessions:
        rows: list[dict[str, Any]] = []
        for begin in range(0, len(everybody), PART):
            rows += [_session(session, now) for session in everybody[begin : begin + PART]]
            yield
        result["session_list"] = rows
    return result


def _tenant(route: Route, counted: _Census, now: Seconds) -> dict[str, Any]:
    widths = route.widths
    route.measure(now)
    return {
        "id": route.tenant,
        "sessions": counted.sessions,
        "working": counted.working,
        "waiting": counted.sessions - counted.working - counted.withheld,
        "withheld": counted.withheld,
        "hashrate": _rates(route.meter, now),
        "shares": _shares(route.tally, [pool.settlements for pool in route.pools], route),
        "difficulties": {f"{difficulty:g}": count for difficulty, count in counted.difficulties.items()},
        "extranonce": None if widths is None else {"lease": widths.lease, "miner": widths.miner},
        "upstreams": [_pool(pool, route, now) for pool in route.pools],
    }


def _rates(meter: HashrateMeter, now: Seconds) -> dict[str, float]:
    minute, five_minutes, hour = meter.rates(now)
    return {"1m": minute, "5m": five_minutes, "1h": hour}


def _shares(tally: Tally, pools: list[Settlements], route: Route) -> dict[str, Any]:
    rejected = {reason.name.lower(): count for reason, count in tally.rejected.items()}
    return {
        "judged": tally.judged,
        "accepted": tally.accepted,
        "accepted_difficulty": tally.accepted_difficulty,
        "rejected": sum(tally.rejected.values()),
        "rejected_by_us": rejected,
        "blocks": tally.blocks,
        "forwarded": sum(pool.forwarded for pool in pools),
        "settled": sum(pool.settled for pool in pools),
        "pool_accepted": sum(pool.accepted for pool in pools),
        "pool_rejected": sum(pool.rejected for pool in pools),
        "unknown": sum(pool.unknown for pool in pools),
        "unsent": sum(pool.unsent for pool in pools),
        "answered_twice": sum(pool.doubled for pool in pools),
        "kept": sum(len(bundle.buffer) for bundle in route.bundles.values()),
    }


def _pool(pool: Pool, route: Route, now: Seconds) -> dict[str, Any]:
    connections = [c for c in route.connections.values() if c.pool is pool]
    live = [c for c in connections if any(c is bundle.live for bundle in route.bundles.values())]
    dark = all(bundle.live is None for bundle in route.bundles.values())
    retry_at = pool.retry_dark_at if dark else pool.retry_at
    if live:
        state = "live"
    elif any(c.phase is Phase.READY for c in connections):
        state = "standby"
    elif connections:
        state = "connecting"
    elif not pool.is_eligible(now, dark=dark):
        state = "waiting"
    else:
        state = "idle"
    return {
        "name": pool.name,
        "host": pool.settings.host,
        "port": pool.settings.port,
        "tls": bool(pool.settings.transport),
        "state": state,
        "retry_in_s": round(retry_at - now, 1) if state == "waiting" else None,
        "last_failure": pool.cause or None,
        "extranonce2_size": pool.extranonce2_size,
        "version_mask": None if pool.version_mask is None else f"{pool.version_mask:08x}",
        "accepted": pool.settlements.accepted,
        "rejected": pool.settlements.rejected,
        "rejected_by_pool": dict(pool.settlements.reasons),
        "connections": [_connection(connection, now) for connection in connections],
    }


def _connection(connection: UpstreamConnection, now: Seconds) -> dict[str, Any]:
    return {
        "key": connection.key,
        "state": connection.phase.value,
        "since_s": round(now - connection.since, 1),
        "difficulty": connection.difficulty,
        "suggested": connection.suggested,
        "outstanding": len(connection.outstanding),
        "silent_s": round(now - connection.last_line_at, 1),
        "refused_names": connection.refused_names,
    }


def _session(session: Session, now: Seconds) -> dict[str, Any]:
    tally = session.tally
    return {
        "key": session.key,
        "peer": session.wire.peer,
        "tenant": session.route.tenant if session.route else None,
        "worker": session.worker,
        "user_agent": session.user_agent,
        "working": session.has_work,
        "withheld_s": None if session.withheld_at is None else round(now - session.withheld_at, 1),
        "difficulty": session.difficulty,
        "hashrate": session.vardiff.hashrate(now) if session.vardiff else 0.0,
        "accepted": tally.accepted,
        "rejected": {reason.name.lower(): count for reason, count in tally.rejected.items()},
        "version_mask": f"{session.mask:08x}",
        "extranonce1": session.extranonce1.hex(),
        "extranonce2_size": session.extranonce2_size,
        "connected_s": round(now - session.opened_at, 1),
    }


def _sum(rates: Any) -> dict[str, float]:
    total: dict[str, float] = {}
    for rate in rates:
        for window, value in rate.items():
            total[window] = total.get(window, 0.0) + value
    return total


def _sum_shares(shares: list[dict[str, Any]]) -> dict[str, Any]:
    total: dict[str, Any] = {}
    for share in shares:
        for key, value in share.items():
            if isinstance(value, dict):
                inner = total.setdefault(key, {})
                for reason, count in value.items():
                    inner[reason] = inner.get(reason, 0) + count
            else:
                total[key] = total.get(key, 0) + value
    return total
