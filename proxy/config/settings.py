"""The configuration of a site as frozen values, and the only place where its shape is written down.

The template, the schema, the messages and the rules of reloading are all made from these models.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from proxy.config.conduct import StratumAdmission, StratumConduct
from proxy.config.limits import StratumLimits, StratumTimers
from proxy.config.power import Power
from proxy.config.power_outside import GREATEST_KW
from proxy.config.table import Table, setting
from proxy.config.upstream_limits import UpstreamLimits
from proxy.config.values import (
    Count,
    DifficultyNumber,
    Duration,
    Endpoint,
    File,
    Host,
    Label,
    Listener,
    Number,
    Password,
    Pattern,
    Pin,
    PoolAddress,
    Port,
    Slug,
    User,
    UserTemplate,
    user_without_worker,
)
from proxy.mining.difficulty import GREATEST_DIFFICULTY, LEAST_DIFFICULTY
from proxy.units import Difficulty


class Site(Table):
    """This installation."""

    id: Slug = setting(
        "site", "Short name of the site.", reason="enough while there is one site", restart=True
    )
    name: Label = setting("Mining site", "Name of the site for people.", reason="only shown")
    data_dir: File = setting(
        Path("/var/lib/pumpjack"),
        "Folder for everything that Pumpjack writes. Left out: /var/lib/pumpjack for root, "
        "else $XDG_STATE_HOME/pumpjack or ~/.local/state/pumpjack.",
        reason="where the system expects state",
        restart=True,
    )


class Stratum(Table):
    """Towards the miners."""

    listen: tuple[Listener, ...] = setting(
        (Endpoint("0.0.0.0", 3333, tls=False),),
        "Where miners connect; here tenants are told apart by user_match. May be empty if every tenant "
        "has its own "
        "ports. Port 0 takes a free one.",
        reason="the port every miner's manual names",
        restart=True,
    )
    tls_certificate: File | None = setting(
        None,
        "PEM file with the certificate (chain) of the stratum+ssl listeners.",
        example="/etc/pumpjack/tls.crt",
        restart=True,
    )
    tls_key: File | None = setting(
        None, "PEM file with its key, without passphrase.", example="/etc/pumpjack/tls.key", restart=True
    )
    target_shares_per_minute: Number = setting(
        6.0,
        "Shares that each miner should find at least; its difficulty follows. As that is rounded down, it "
        "finds up to twice as many. Over a metered or satellite uplink take 3 to 4.",
        unit="shares/min",
        reason="as SRI; a miner's hashrate is known within 13 % after 10 minutes, at 100 bytes a share",
        gt=0,
        le=600,
    )
    vardiff_window: Duration = setting(
        240.0,
        "How far back a miner's hashrate is measured. When its difficulty is to change is decided by other "
        "tests, which wait for no window.",
        reason="as ckpool; two dozen shares at least",
        ge=90,
        le=900,
    )
    vardiff_step: Number = setting(
        4.0,
        "Most by which one change raises or lowers the difficulty of a miner that is known.",
        unit="times",
        reason="a link that stalls and delivers all at once does little harm; SRI: 3 down, 10 up",
        ge=2,
        le=64,
    )
    start_difficulty: DifficultyNumber = setting(
        Difficulty(8192.0),
        "Difficulty of a new miner until its hashrate shows; rounded down to a power of two.",
        reason="a 100 TH/s miner answers every 0.35 s and is measured at once, a 1 TH/s one every 35 s",
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    min_difficulty: DifficultyNumber = setting(
        Difficulty(2.0**-20),
        "Lowest difficulty ever given.",
        reason="2^-20: a CPU of some kH/s still finds a share a minute",
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    max_difficulty: DifficultyNumber | None = setting(
        None,
        "Highest difficulty ever given. Left out: only the pool's own difficulty bounds it.",
        example=1048576.0,
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    limits: StratumLimits = Field(default_factory=StratumLimits, description="Limits of miners' connections.")
    timers: StratumTimers = Field(default_factory=StratumTimers, description="Timers of miners' connections.")
    admission: StratumAdmission = Field(default_factory=StratumAdmission, description="Who is let in.")
    conduct: StratumConduct = Field(
        default_factory=StratumConduct, description="What a miner's conduct costs it. The cost decays."
    )


class Ledger(Table):
    """The record of shares: what was answered ``true`` is on the disk."""

    storage: Literal["disk", "memory"] = setting(
        "disk",
        "Where shares are recorded. In memory a restart loses them, and nothing can be proven.",
        reason="money is settled on it",
        restart=True,
    )
    min_window: Duration = setting(
        0.01,
        "Shortest time between two commits: shares of that time are answered together. The window "
        "is twice what the disk needs for a flush (95 of 100), within these bounds.",
        reason="one flush for all shares of 10 ms; miners do not notice 10 ms",
        restart=True,
        ge=0,
        le=1,
    )
    max_window: Duration = setting(
        0.1,
        "Longest time that shares are collected before they are committed.",
        reason="an SD card flushes in 30 ms; a miner asks itself where its answer is after seconds",
        restart=True,
        ge=0,
        le=1,
    )
    keep_days: Number = setting(
        30.0,
        "How long raw shares are kept. Roll-ups, settlements and each day's signed root stay.",
        unit="days",
        reason="a month is settled from roll-ups; a dispute about single shares comes within weeks",
        restart=True,
        gt=0,
        le=36_500,
    )
    disk_budget: Number = setting(
        50.0,
        "Most room for raw shares: beyond it the oldest days are given up, even if they are younger.",
        unit="GB",
        reason="5,000 miners at 8 shares a minute each (a target of 6) write some 5 GB a day",
        restart=True,
        gt=0,
        le=1_000_000,
    )


class Upstream(Table):
    """One pool account of a tenant; the first that works is used."""

    name: Slug = setting(text="Short name, unique within the tenant.", example="pool-a")
    url: PoolAddress = setting(text="Address of the pool.", example="stratum+tcp://pool.example:3333")
    user: UserTemplate = setting(
        text="User name at the pool: one name for all miners, or a template in which {worker} stands for the "
        "miner's own worker name.",
        example="account.site",
    )
    fallback_user: User = setting(
        text="User name for a worker that the pool refuses. Left out: the template without {worker}.",
        default_factory=lambda validated: user_without_worker(validated["user"]),
        example="account",
    )
    password: Password = setting(SecretStr("x"), "Password at the pool.", reason="most pools ignore it")
    password_file: File | None = setting(
        None,
        "File that holds the password instead: one line, read at start and at each reload.",
        example="pool.pass",
    )
    ca_file: File | None = setting(
        None,
        "PEM file with the authority that signed a stratum+ssl pool's certificate. Left out: the system's.",
        example="/etc/pumpjack/pool-ca.pem",
    )
    tls_pin: Pin | None = setting(
        None,
        "SHA-256 (hex, of the DER form) of the only certificate this stratum+ssl pool may show. It is "
        "checked beside the authority, not instead: give a self-signed pool's certificate as ca_file, too.",
        example="00" * 32,
    )
    reconnect_hosts: tuple[Host, ...] = setting(
        (),
        "Further hosts that the pool's client.reconnect may lead to; all others are ignored.",
        reason="whoever can speak for the pool could steer the hashrate away",
    )
    version_rolling: bool = setting(
        True, "Ask the pool for version rolling (mining.configure).", reason="every current ASIC needs it"
    )
    extranonce2_size: Count | None = setting(
        None,
        "Bytes of extranonce2 this pool is known to give. A hint for planning; what the pool says stands.",
        unit="bytes",
        example=8,
        ge=2,
        le=16,
    )

    @property
    def names_workers(self) -> bool:
        """True if each worker is authorised at the pool under a name of its own."""
        return "{worker}" in self.user


class Tenant(Table):
    """A customer: owner of workers and of pool accounts."""

    id: Slug = setting(text="Short name, unique.", example="acme", restart=True)
    name: Label | None = setting(None, "Name for people. Left out: the id.", example="Acme Mining")
    ports: tuple[Port, ...] = setting(
        (),
        "Ports for this tenant alone, plain TCP, on the hosts of [stratum] listen. Everyone who connects "
        "there "
        "belongs to it.",
        reason="user names decide",
        example=[3334],
        restart=True,
    )
    listen: tuple[Listener, ...] = setting(
        (),
        "Whole addresses for this tenant alone, as [stratum] listen.",
        reason="user names decide",
        example=["stratum+ssl://0.0.0.0:3443"],
        restart=True,
    )
    user_match: Pattern | None = setting(
        None,
        "On the shared [stratum] listen addresses: the user names that belong to this tenant. * is "
        "anything, ? one "
        'character, case counts; the first tenant of the file that matches wins. Left out: "*" for the '
        "only tenant, "
        "nobody if there are several.",
        example="acme.*",
        restart=True,
    )
    accounting: Literal["local", "pool"] = setting(
        "local",
        "What a worker is credited for: local, what we accepted, at the difficulty assigned; pool, what its "
        "pool accepted, at the pool's difficulty.",
        reason="it pays for work at once and steadily; what a pool loses is the operator's",
        restart=True,
    )
    extranonce2_size: Count | None = setting(
        None,
        "Bytes of extranonce2 that its miners get. Left out: 4 where the pool leaves that many.",
        unit="bytes",
        example=4,
        restart=True,
        ge=2,
        le=8,
    )
    target_shares_per_minute: Number | None = setting(
        None, "Overrides [stratum] for this tenant.", unit="shares/min", example=6, gt=0, le=600
    )
    min_difficulty: DifficultyNumber | None = setting(
        None,
        "Overrides [stratum] for this tenant.",
        example=16384.0,
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    guarantee_kw: Number = setting(
        0.0,
        "With [power]: kW promised to this tenant's miners, at guarantee_meter, whatever happens to the "
        "largest generator. Refused where the site cannot give it.",
        unit="kW",
        reason="a promise is made, not assumed",
        restart=True,
        ge=0,
        le=GREATEST_KW,
    )
    guarantee_meter: Slug | None = setting(
        None,
        "With [power]: the circuit at whose meter the guarantee is measured. Left out: the one that feeds "
        "the site.",
        example="feeder",
        restart=True,
    )
    contracted_share: Number = setting(
        1.0,
        "With [power]: weight in what is left when guarantees are met.",
        reason="equal parts",
        restart=True,
        ge=0,
        le=1e6,
    )
    power_priority: Count = setting(
        0,
        "With [power]: guarantees of a lower number are met first.",
        reason="all alike",
        restart=True,
        ge=0,
        le=99,
    )
    upstreams: tuple[Upstream, ...] = Field(
        alias="upstream", min_length=1, description="Its pools, best first."
    )


class Settings(Table):
    """A whole configuration, every default filled in."""

    schema_version: Literal[1] = setting(
        1, "Version of this file's shape.", alias="schema", reason="the only one there is", restart=True
    )
    site: Site = Field(default_factory=Site, description="This installation.")
    stratum: Stratum = Field(default_factory=Stratum, description="Towards the miners.")
    upstream: UpstreamLimits = Field(default_factory=UpstreamLimits, description="Towards all pools.")
    ledger: Ledger = Field(
        default_factory=Ledger,
        description="The record of shares.",
    )
    power: Power | None = Field(
        None, description="Who works with what power there is. Without this table nothing is governed."
    )
    tenants: tuple[Tenant, ...] = Field(alias="tenant", min_length=1, description="Whose miners these are.")
