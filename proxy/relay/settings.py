"""What the relay is told, as plain frozen values. ``config`` reads them from a file, tests make them."""

from dataclasses import dataclass, field

from proxy.mining.job import NTIME_WINDOW
from proxy.mining.vardiff import VardiffSettings
from proxy.stratum import downstream
from proxy.stratum.upstream import Bounds
from proxy.units import Seconds


@dataclass(frozen=True, slots=True)
class Prices:
    """What a miner's conduct costs it. Cost decays; reasons in docs/operations.md."""

    prompt: float = 50.0
    """Cost from which what a session sends is worked on after what those that cost less have sent."""
    soft: float = 1_000.0
    """Cost from which a session is read only as fast as it may spend."""
    hard: float = 10_000.0
    """Cost at which it is dropped. It decays by this in an hour."""
    spending: float = 100.0
    """Cost a second that a session beyond ``soft`` may spend."""
    spending_together: float = 2_000.0
    """Cost a second that all sessions beyond ``soft`` may spend together."""
    protocol_error: float = 100.0
    bad_share: float = 20.0
    """A refused share that had to be looked at: hashed, or of a wrong shape."""
    cheap_reject: float = 5.0
    """Refused by a look at its job id or user name; a refused login."""
    good_share: float = 5.0
    """What an accepted share earns back; nothing is earned below zero."""
    request: float = 1.0
    """Any other line."""
    bytes_100k: float = 1.0
    """Every 100,000 bytes of lines that are no submits."""
    ban_ratio: float = 0.5
    ban_shares: int = 50
    ban_window: Seconds = Seconds(60)
    ban: Seconds = Seconds(600)
    """How long the user names of a session dropped for its conduct are refused from its address."""

    @property
    def decay(self) -> float:
        """Cost that time takes away in a second."""
        return self.hard / 3600.0


@dataclass(frozen=True, slots=True)
class AdmissionSettings:
    """Who is let in, by address; reasons in docs/operations.md."""

    unauthenticated: int = 8
    """Connections of an address that may stay without a login for longer than ``grace``."""
    grace: Seconds = Seconds(10)
    failures_per_second: float = 20.0
    """Connections of an address that may end without a login, in the long run."""
    failures_burst: int = 200
    crowd: int = 0
    """Logged-in sessions of one address beyond which a warning is given; 0 gives none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what peers may send and hold; reasons in docs/operations.md."""

    line_before_login: int = 1024
    """Bytes of a line before a session is authorised."""
    line: int = 4096
    """Bytes of a line of an authorised session."""
    upstream_line: int = 1 << 20
    """Bytes of a pool's line: a notify with 32 branches and a fat coinbase has some 10 KB."""
    upstream_line_warning: int = 64 << 10
    """Bytes of a pool's line from which on the operator is told, once a connection."""
    pool_messages: Bounds = field(default_factory=Bounds)
    """Sizes and numbers inside a pool's line."""
    miner_messages: downstream.Bounds = field(default_factory=downstream.Bounds)
    """Sizes inside a miner's line."""
    malformed_lines: int = 16
    """Lines that are no message before a session is dropped: scanners, not miners."""
    ntime_window: int = NTIME_WINDOW
    """Seconds that a share's ntime may be after its job's; not above the default, which audits go by."""
    workers_per_session: int = 8
    """Names that one connection may authorise."""
    connections_per_pool: int = 8
    """Connections of one tenant to one pool: what ckproxy and btcagent stay within."""
    sessions: int = 50_000
    """Sessions at once; the adapter lowers it to what the file descriptor limit allows."""
    readmit: float = 0.95
    """Once full, sessions are let in again when this part of the places is taken."""
    submit_buffer: int = 10_000
    """Shares kept for a lost connection that may resume."""
    outstanding: int = 10_000
    """Shares on one pool connection that wait for its answer; beyond, only blocks go up."""
    upstream_names: int = 10_000
    """Miners' own names authorised on one pool connection."""
    nonsense: int = 3
    """Senseless lines in a row before a pool connection is given up."""
    reject_streak: int = 20
    """Refused shares in a row, over at least ``Timers.reject_time``, before a pool is left."""
    uplink_shares_per_second: float = 20.0
    """Forwarded shares a tenant's uplink takes at start-up before further sessions wait for work."""
    prices: Prices = field(default_factory=Prices)
    admission: AdmissionSettings = field(default_factory=AdmissionSettings)


@dataclass(frozen=True, slots=True)
class Timers:
    """Durations in seconds; every one a setting with its reason in docs/operations.md."""

    subscribe: Seconds = Seconds(15)
    authorize: Seconds = Seconds(30)
    keepalive: Seconds = Seconds(25)
    """cgminer gives a pool up after 90 s without a line."""
    login_backoff: Seconds = Seconds(1)
    """Reading pauses for so long after a refused login, doubled by each further one."""
    login_backoff_cap: Seconds = Seconds(600)
    read_idle: Seconds = Seconds(600)
    """Silence of a miner that has work, after which it is asked for a sign of life."""
    no_share: Seconds = Seconds(7200)
    """Such silence after which it is dropped."""
    upstream_connect: Seconds = Seconds(15)
    upstream_reply: Seconds = Seconds(30)
    upstream_idle: Seconds = Seconds(90)
    backoff_base: Seconds = Seconds(1)
    backoff_cap: Seconds = Seconds(60)
    backoff_cap_dark: Seconds = Seconds(15)
    """The same while no pool of the tenant serves."""
    backoff_reset: Seconds = Seconds(120)
    failback_hold: Seconds = Seconds(300)
    failover_patience: Seconds = Seconds(3)
    """How long a better pool may take before the next one is tried beside it."""
    lost_job_grace: Seconds = Seconds(120)
    job_retention: Seconds = Seconds(600)
    session_resume: Seconds = Seconds(900)
    """How long a session's extranonce waits for it to return, while others have room."""
    submit_buffer_age: Seconds = Seconds(600)
    pace_hold: Seconds = Seconds(120)
    start_hold: Seconds = Seconds(5)
    suggest_interval: Seconds = Seconds(30)
    notify_interval: Seconds = Seconds(0.25)
    """Least time between two jobs of one connection for the same block."""
    reject_time: Seconds = Seconds(10)
    """A burst of refusals right after a block is no sign of a bad pool."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """One upstream of a tenant."""

    name: str
    host: str
    port: int
    user: str
    """The worker name upstream, or a template with ``{worker}``."""
    fallback_user: str = ""
    """The aggregate name where ``user`` is a template."""
    password: str = field(default="x", repr=False)
    transport: str = ""
    """Names the TLS settings that the dialler uses; empty for plain TCP."""
    reconnect_hosts: frozenset[str] = frozenset()
    """Hosts besides ``host`` to which ``client.reconnect`` is followed."""
    version_rolling: bool = True
    extranonce2_size: int | None = None
    """A hint for planning widths before this pool was ever reached."""

    @property
    def is_template(self) -> bool:
        """Whether every miner has its own name upstream."""
        return "{worker}" in self.user

    @property
    def aggregate_user(self) -> str:
        """The name that authorises the connection."""
        return self.fallback_user if self.is_template else self.user


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """One hosted customer."""

    id: str
    pools: tuple[PoolSettings, ...]
    user_match: str = "*"
    """Glob over the names that miners authorise with; case matters."""
    vardiff: VardiffSettings = field(default_factory=VardiffSettings)
    extranonce2_size: int | None = None


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Everything the relay needs to know."""

    tenants: tuple[TenantSettings, ...]
    listeners: dict[str, tuple[str, ...]]
    """Name of a listener to the tenants that it serves, in order of matching."""
    owned: frozenset[str] = frozenset()
    """Listeners of one tenant alone: every user name there is its own, whatever its pattern."""
    gated: bool = False
    """Whether miners get work only when the governor says so: it acts, and does not just advise."""
    limits: Limits = field(default_factory=Limits)
    timers: Timers = field(default_factory=Timers)
