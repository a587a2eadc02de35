"""From the configuration's models to what the relay and the edges are told."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, replace

from proxy import __version__, hotpath
from proxy.adapters.stores.ledger.housekeeping import Retention
from proxy.adapters.stores.ledger.pace import WindowBounds
from proxy.adapters.tcp.listener import ListenerSettings
from proxy.adapters.tcp.upstream import DialSettings, TlsTransport
from proxy.adapters.tcp.wire import SocketSettings
from proxy.app.memory import Marks, MemoryWatch, memory_limit, resident
from proxy.config.conduct import StratumAdmission, StratumConduct
from proxy.config.routing import Door, doors
from proxy.config.settings import Settings, Tenant, Upstream
from proxy.errors import ConfigError
from proxy.ledger.records import Note, RunBegan, TenantKnown
from proxy.mining.vardiff import VardiffSettings
from proxy.relay.settings import (
    AdmissionSettings,
    Limits,
    PoolSettings,
    Prices,
    RelaySettings,
    TenantSettings,
    Timers,
)
from proxy.stratum import downstream
from proxy.stratum.upstream import Bounds
from proxy.units import Seconds


@dataclass(frozen=True, slots=True)
class ListenerPlan:
    """One address to listen on. ``name`` is how the relay knows it."""

    name: str
    door: Door


def listener_plans(settings: Settings) -> tuple[ListenerPlan, ...]:
    """Return every listener of a configuration, named."""
    return tuple(ListenerPlan(f"{index}:{door.endpoint}", door) for index, door in enumerate(doors(settings)))


def relay_settings(settings: Settings) -> RelaySettings:
    """Return what the relay is told."""
    shared = tuple(tenant.id for tenant in settings.tenants if tenant.user_match is not None)
    listeners = {
        plan.name: shared if plan.door.tenant is None else (plan.door.tenant,)
        for plan in listener_plans(settings)
    }
    tenants = tuple(_tenant(tenant, settings) for tenant in settings.tenants)
    owned = frozenset(plan.name for plan in listener_plans(settings) if plan.door.tenant is not None)
    gated = settings.power is not None and settings.power.control == "act"
    return RelaySettings(
        tenants, listeners, owned, gated=gated, limits=_limits(settings), timers=_timers(settings)
    )


def _tenant(tenant: Tenant, settings: Settings) -> TenantSettings:
    stratum = settings.stratum
    return TenantSettings(
        id=tenant.id,
        pools=tuple(_pool(upstream, tenant.id) for upstream in tenant.upstreams),
        # A tenant without a pattern is on no shared listener.
        user_match=tenant.user_match or "*",
        vardiff=VardiffSettings(
            shares_per_minute=tenant.target_shares_per_minute or stratum.target_shares_per_minute,
            start=stratum.start_difficulty,
            minimum=tenant.min_difficulty or stratum.min_difficulty,
            maximum=stratum.max_difficulty,
            window=stratum.vardiff_window,
            greatest_step=stratum.vardiff_step,
        ),
        extranonce2_size=tenant.extranonce2_size,
    )


def transport_name(upstream: Upstream, tenant: str) -> str:
    """Return the name of a pool's TLS settings, or "" for plain TCP."""
    return f"{tenant}/{upstream.name}" if upstream.url.tls else ""


def _pool(upstream: Upstream, tenant: str) -> PoolSettings:
    return PoolSettings(
        name=upstream.name,
        host=upstream.url.host,
        port=upstream.url.port,
        user=upstream.user,
        fallback_user=upstream.fallback_user,
        password=upstream.password.get_secret_value(),
        transport=transport_name(upstream, tenant),
        reconnect_hosts=frozenset(upstream.reconnect_hosts),
        version_rolling=upstream.version_rolling,
        extranonce2_size=upstream.extranonce2_size,
    )


def _limits(settings: Settings) -> Limits:
    down, up = settings.stratum.limits, settings.upstream
    return Limits(
        line_before_login=down.line_before_authorize,
        line=down.line_after_authorize,
        upstream_line=up.line_limit,
        upstream_line_warning=up.line_warning,
        pool_messages=Bounds(
            branches=up.merkle_branches,
            coinbase=up.coinbase_bytes,
            extranonce2_least=up.min_extranonce2_size,
            extranonce2_most=up.max_extranonce2_size,
            difficulty_least=up.min_difficulty,
            difficulty_most=up.max_difficulty,
        ),
        miner_messages=downstream.Bounds(depth=down.json_depth, text=down.string_length),
        malformed_lines=down.malformed_lines,
        ntime_window=down.ntime_window,
        workers_per_session=down.workers_per_session,
        connections_per_pool=up.max_connections_per_pool,
        sessions=down.max_sessions,
        readmit=down.readmit_share,
        submit_buffer=up.submit_buffer,
        outstanding=up.outstanding,
        upstream_names=up.worker_names,
        nonsense=up.nonsense,
        reject_streak=up.reject_streak,
        uplink_shares_per_second=up.uplink_shares_per_second,
        prices=_prices(settings.stratum.conduct),
        admission=_admission(settings.stratum.admission),
    )


def _prices(conduct: StratumConduct) -> Prices:
    return Prices(
        soft=conduct.cost_soft,
        hard=conduct.cost_hard,
        prompt=conduct.cost_prompt,
        spending=conduct.cost_spending,
        spending_together=conduct.cost_spending_together,
        protocol_error=conduct.price_protocol_error,
        bad_share=conduct.price_bad_share,
        cheap_reject=conduct.price_cheap_reject,
        good_share=conduct.price_good_share,
        request=conduct.price_request,
        bytes_100k=conduct.price_100k_bytes,
        ban_ratio=conduct.ban_ratio,
        ban_shares=conduct.ban_shares,
        ban_window=conduct.ban_window,
        ban=conduct.ban,
    )


def _admission(admission: StratumAdmission) -> AdmissionSettings:
    return AdmissionSettings(
        unauthenticated=admission.unauthenticated_per_address,
        grace=admission.unauthenticated_grace,
        failures_per_second=admission.failed_connections_per_second,
        failures_burst=admission.failed_connections_burst,
        crowd=admission.sessions_per_address_warning,
    )


def memory_watch(settings: Settings) -> MemoryWatch:
    """Return what watches the memory that the program holds."""
    resident()  # takes the one descriptor that it needs
    return MemoryWatch(
        settings.stratum.admission.memory_limit or memory_limit(), memory_marks(settings), resident
    )


def memory_marks(settings: Settings) -> Marks:
    """Return from where on something is shed."""
    admission = settings.stratum.admission
    return Marks(
        admission.memory_shed_telemetry, admission.memory_refuse_new, admission.memory_drop_costliest
    )


def _timers(settings: Settings) -> Timers:
    down, up = settings.stratum.timers, settings.upstream
    return Timers(
        subscribe=down.subscribe,
        authorize=down.authorize,
        keepalive=down.keepalive_line,
        login_backoff=down.login_backoff,
        login_backoff_cap=down.login_backoff_cap,
        read_idle=down.read_idle,
        no_share=down.no_share,
        upstream_connect=up.connect,
        upstream_reply=up.reply,
        upstream_idle=up.idle,
        backoff_base=up.backoff_base,
        backoff_cap=up.backoff_cap,
        backoff_cap_dark=up.backoff_cap_dark,
        backoff_reset=up.backoff_reset,
        failback_hold=up.failback_hold,
        failover_patience=up.failover_patience,
        lost_job_grace=up.lost_job_grace,
        job_retention=down.job_retention,
        session_resume=down.session_resume,
        submit_buffer_age=up.submit_buffer_age,
        pace_hold=up.pace_hold,
        start_hold=up.start_hold,
        suggest_interval=up.suggest_interval,
        notify_interval=up.notify_interval,
        reject_time=up.reject_time,
    )


def upstream_transports(settings: Settings) -> dict[str, TlsTransport]:
    """Return the TLS settings of every pool that has them: verified always, pinned where configured.

    Raises:
        ConfigError: an authority's file cannot be used.

    """
    transports = {}
    for tenant in settings.tenants:
        for upstream in tenant.upstreams:
            name = transport_name(upstream, tenant.id)
            if name:
                try:
                    context = ssl.create_default_context(
                        cafile=None if upstream.ca_file is None else str(upstream.ca_file)
                    )
                except (OSError, ssl.SSLError) as error:
                    place = f"tenant.{tenant.id}.upstream.{upstream.name}.ca_file"
                    raise ConfigError([f"{place}: cannot be used ({error})"]) from error
                transports[name] = TlsTransport(context, upstream.tls_pin)
    return transports


def listener_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return the TLS side of the listeners, or None where the configuration has no certificate.

    Raises:
        ConfigError: certificate and key cannot be used together.

    """
    stratum = settings.stratum
    if stratum.tls_certificate is None or stratum.tls_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(stratum.tls_certificate, stratum.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError([f"stratum.tls_certificate, stratum.tls_key: cannot be used ({error})"]) from error
    return context


def listener_settings(settings: Settings) -> ListenerSettings:
    """Return how miners' connections are held."""
    limits, timers = settings.stratum.limits, settings.stratum.timers
    sockets = SocketSettings(
        write_limit=limits.write_buffer,
        write_stall=timers.write_stall,
        send_buffer=limits.send_buffer,
        receive_buffer=limits.receive_buffer,
        keepalive_idle=timers.tcp_keepalive_idle,
        keepalive_interval=timers.tcp_keepalive_interval,
        keepalive_probes=timers.tcp_keepalive_probes,
        user_timeout=timers.tcp_user_timeout,
    )
    return ListenerSettings(
        backlog=limits.backlog,
        accepts_per_turn=limits.accepts_per_turn,
        accepts_burst=limits.accepts_burst,
        accepts_per_second=limits.accepts_per_second,
        tls_handshake=timers.tls_handshake,
        sockets=sockets,
    )


def dial_settings(settings: Settings) -> DialSettings:
    """Return how pools are dialled."""
    up = settings.upstream
    return DialSettings(up.tcp_user_timeout, up.tcp_keepalive_idle)


def reloaded(running: RelaySettings, new: RelaySettings) -> RelaySettings:
    """Return ``new`` with everything that sessions hold on to as it is ``running``.

    Both have the same tenants in the same order.
    """
    tenants = tuple(
        replace(wanted, user_match=present.user_match, extranonce2_size=present.extranonce2_size)
        for present, wanted in zip(running.tenants, new.tenants, strict=True)
    )
    return replace(
        new, tenants=tenants, listeners=running.listeners, owned=running.owned, gated=running.gated
    )


def preamble(settings: Settings) -> list[Note]:
    """Return what stands at the beginning of each file of the ledger."""
    tenants = [
        TenantKnown(tenant.id, tenant.name or tenant.id, tenant.accounting) for tenant in settings.tenants
    ]
    return [RunBegan(__version__, settings.site.id, hotpath.implementation()), *tenants]


def retention(settings: Settings) -> Retention:
    """Return how much is kept of the raw shares."""
    return Retention(settings.ledger.keep_days, int(settings.ledger.disk_budget * 1e9))


def window_bounds(settings: Settings) -> WindowBounds:
    """Return how short and how long a commit window may be."""
    least = Seconds(settings.ledger.min_window)
    return WindowBounds(least, max(least, Seconds(settings.ledger.max_window)))
