"""Limits and timers towards pools: every bound the proxy keeps is a setting with a default and a reason."""

from proxy.config.table import Table, setting
from proxy.config.values import Count, DifficultyNumber, Duration, Number
from proxy.mining.difficulty import GREATEST_DIFFICULTY, LEAST_DIFFICULTY
from proxy.units import Difficulty


class UpstreamLimits(Table):
    """How pools are treated: the same for every upstream of every tenant."""

    connect: Duration = setting(
        15.0,
        "Longest time to connect, TLS included.",
        reason="as BTCAgent; a satellite needs about 3 s",
        ge=1,
        le=120,
    )
    reply: Duration = setting(
        30.0,
        "Longest wait for a pool's answer.",
        reason="half of cgminer's 60 s, ten satellite round trips",
        ge=1,
        le=300,
    )
    idle: Duration = setting(
        90.0,
        "Longest silence of a pool before it counts as lost.",
        reason="pools send a job every 30 to 60 s; cgminer gives up after as long",
        ge=10,
        le=3600,
    )
    tcp_user_timeout: Duration = setting(
        25.0,
        "Longest time that bytes sent to a pool may stay unacknowledged (TCP_USER_TIMEOUT).",
        reason="rides over a satellite handover and still fails over within half a minute",
        ge=1,
        le=600,
    )
    tcp_keepalive_idle: Duration = setting(
        10.0,
        "Silence before TCP probes a pool, and then every half of it.",
        reason="with tcp_user_timeout an idle link that was cut is left within 30 s; a probe is 40 bytes",
        ge=1,
        le=7200,
    )
    backoff_base: Duration = setting(
        1.0,
        "First pause before connecting again; doubles, drawn at random from zero up.",
        reason="as NATS",
        ge=0.1,
        le=60,
    )
    backoff_cap: Duration = setting(
        60.0,
        "Longest pause before connecting again.",
        reason="a pool that returns is used within a minute",
        ge=1,
        le=3600,
    )
    backoff_cap_dark: Duration = setting(
        15.0,
        "Longest pause before connecting again while no upstream of the tenant works.",
        reason="the whole site waits for it, and a dial costs two hundred bytes",
        ge=0.1,
        le=3600,
    )
    backoff_reset: Duration = setting(
        120.0,
        "Time a connection must last before the pause starts small again.",
        reason="a pool that accepts and drops must not be hammered",
        ge=1,
        le=3600,
    )
    failback_hold: Duration = setting(
        300.0,
        "How long a better upstream must work before miners move back to it.",
        reason="five minutes of two pools cost nothing; flapping costs stale shares each time",
        ge=0,
        le=86400,
    )
    lost_job_grace: Duration = setting(
        120.0,
        "How long shares for the last job of a lost connection still earn credit, and how long that job "
        "is held.",
        reason="DATUM keeps jobs as long; a block found then is still a block",
        ge=0,
        le=3600,
    )
    max_connections_per_pool: Count = setting(
        8,
        "Most connections to one upstream when miners do not fit on one. A failover takes the connections of "
        "a dead upstream over to the next, beside its own.",
        unit="connections",
        reason="a 3-byte extranonce2 serves 256 miners a connection; many more look like abuse to pools",
        ge=1,
        le=1000,
    )
    submit_buffer: Count = setting(
        10_000,
        "Shares kept while no upstream works; beyond, the oldest is dropped and counted.",
        unit="shares",
        reason="a few megabytes; minutes of the largest site at its upstream difficulty",
        ge=0,
        le=1_000_000,
    )
    submit_buffer_age: Duration = setting(
        600.0, "Oldest share worth sending late.", reason="as long as jobs are remembered", ge=0, le=3600
    )
    outstanding: Count = setting(
        10_000,
        "Shares on one connection that may wait for the pool's answer; beyond, only blocks are sent and the "
        "rest is counted as unsent.",
        unit="shares",
        reason="as many as are kept for a lost one; a site sends some twenty a second",
        ge=1,
        le=1_000_000,
    )
    reject_streak: Count = setting(
        20,
        "Refused shares in a row after which an upstream counts as failed.",
        unit="shares",
        reason="more than a new block or a changed difficulty explains",
        ge=1,
        le=10_000,
    )
    reject_time: Duration = setting(
        10.0,
        "Least time that such a streak must last; five refusals are enough where it lasts five times as "
        "long.",
        reason="every share in flight is refused after a new block, for as long as the slowest round trip",
        ge=0,
        le=600,
    )
    notify_interval: Duration = setting(
        0.25,
        "Least time between two jobs for the same block from one connection: of those in between the last "
        "goes down when it has passed. A job for a new block, or with another extranonce or version mask, "
        "goes down at once.",
        reason="no pool needs four jobs a second, and each is sent to every miner",
        ge=0,
        le=10,
    )
    min_difficulty: DifficultyNumber = setting(
        Difficulty(2.0**-28),
        "A lower difficulty of a pool is taken for this one.",
        reason="16 hashes: low enough for simulations. Where all miners are ASICs set 64: a pool that asks "
        "for less would be sent thousands of shares a second",
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    max_difficulty: DifficultyNumber = setting(
        Difficulty(2.0**60),
        "A higher difficulty of a pool is taken for this one.",
        reason="thousands of times the network's difficulty in 2026: no share would ever go up",
        ge=LEAST_DIFFICULTY,
        le=GREATEST_DIFFICULTY,
    )
    merkle_branches: Count = setting(
        32,
        "Most merkle branches in a pool's job.",
        unit="branches",
        reason="enough for four billion transactions; ESP-Miner holds as many",
        ge=12,
        le=64,
    )
    coinbase_bytes: Count = setting(
        100_000,
        "Longest coinbase in a pool's job, without the extranonce.",
        unit="bytes",
        reason="no pool sends 10 KB; a longer one is sent to every miner",
        ge=1000,
        le=1_000_000,
    )
    min_extranonce2_size: Count = setting(
        2,
        "Shortest extranonce2 taken from a pool.",
        unit="bytes",
        reason="with less a miner has nothing to roll",
        ge=2,
        le=8,
    )
    max_extranonce2_size: Count = setting(
        16,
        "Longest extranonce2 taken from a pool.",
        unit="bytes",
        reason="cgminer takes 16; miners are given at most 8, the rest is padding",
        ge=8,
        le=16,
    )
    line_limit: Count = setting(
        1_048_576,
        "Longest line taken from a pool.",
        unit="bytes",
        reason="coinbases with hundreds of outputs fit; an endless line does not fill the memory",
        ge=16_384,
        le=16_777_216,
    )
    line_warning: Count = setting(
        65_536,
        "Length from which on a pool's line is told in the log, once a connection.",
        unit="bytes",
        reason="six times the longest job of any pool known",
        ge=1024,
        le=16_777_216,
    )
    nonsense: Count = setting(
        3,
        "Senseless lines in a row after which a connection to a pool is given up.",
        unit="lines",
        reason="one may be a quirk, three are another protocol",
        ge=1,
        le=1000,
    )
    worker_names: Count = setting(
        10_000,
        "Most workers' own names authorised on one connection to a pool.",
        unit="names",
        reason="every miner of a large site under its own name",
        ge=1,
        le=1_000_000,
    )
    failover_patience: Duration = setting(
        3.0,
        "How long a better upstream may take to get ready before the next one is tried beside it.",
        reason="a satellite's hello takes about as long; miners wait no longer than needed",
        ge=0,
        le=60,
    )
    suggest_interval: Duration = setting(
        30.0,
        "Least time between two difficulties suggested to a pool.",
        reason="pools adapt within minutes; suggesting faster only makes them flap",
        ge=1,
        le=3600,
    )
    start_hold: Duration = setting(
        5.0,
        "After start: longest time that miners are held while their first upstream gets ready.",
        reason="a pool is ready in a second, over a satellite in three; miners re-dial after ten",
        ge=0,
        le=60,
    )
    uplink_shares_per_second: Number = setting(
        20.0,
        "Shares a second that the uplink is meant to carry: until the pool's difficulty is high enough "
        "for that, "
        "miners are given work one after another.",
        unit="shares/s",
        reason="about 4 kB/s up, a tenth of a thin satellite link",
        gt=0,
        le=100_000,
    )
    pace_hold: Duration = setting(
        120.0,
        "Longest time that miners are paced so; then all get work whatever the pool does.",
        reason="pools adapt within a minute or two; hashing late costs more than bytes",
        ge=0,
        le=3600,
    )
