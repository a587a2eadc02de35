"""Limits and timers: every bound the proxy keeps is a setting with a default and a reason."""

from proxy.config.table import Table, setting
from proxy.config.values import Count, Duration, Number


class StratumLimits(Table):
    """What one miner, and all of them together, may cost."""

    max_sessions: Count = setting(
        50_000,
        "Most miners connected at once; one more is refused, until 95 % of the places are taken. Lowered at "
        "start to what the limit of open files allows.",
        unit="sessions",
        reason="several times the largest site, so that only the machine bounds it",
        ge=1,
        le=1_000_000,
    )
    line_before_authorize: Count = setting(
        1024,
        "Longest line taken from a miner that has not authorised yet.",
        unit="bytes",
        reason="ckpool takes as much; no known firmware sends more",
        ge=256,
        le=65536,
    )
    line_after_authorize: Count = setting(
        4096,
        "Longest line taken from an authorised miner.",
        unit="bytes",
        reason="long worker names and several extensions fit; a line without end costs no more",
        ge=256,
        le=65536,
    )
    malformed_lines: Count = setting(
        16,
        "Lines that are no message after which a miner is disconnected.",
        unit="lines",
        reason="scanners and other protocols, not miners",
        ge=1,
        le=1000,
    )
    workers_per_session: Count = setting(
        8,
        "Most workers that one connection may authorise.",
        unit="workers",
        reason="a miner needs one; raise it for proxies and aggregators in front",
        ge=1,
        le=10_000,
    )
    write_buffer: Count = setting(
        65536,
        "Bytes that may wait for a miner that does not read; beyond, it is disconnected.",
        unit="bytes",
        reason="some twenty jobs; without a bound a stuck miner held 7.5 MB",
        ge=8192,
        le=16_777_216,
    )
    send_buffer: Count = setting(
        65536,
        "The system's send buffer for each miner (SO_SNDBUF).",
        unit="bytes",
        reason="a job is a few kilobytes; a large buffer only hides a dead link",
        restart=True,
        ge=4096,
        le=16_777_216,
    )
    receive_buffer: Count = setting(
        16384,
        "The system's receive buffer for each miner (SO_RCVBUF).",
        unit="bytes",
        reason="a hundred shares; bounds how long one sender can keep the others waiting in one read",
        restart=True,
        ge=4096,
        le=16_777_216,
    )
    open_files_share: Number = setting(
        0.9,
        "Part of the limit of open files that miners may take.",
        reason="a miner needs one descriptor; Envoy's half is for two. 64 are kept for the rest in any case",
        restart=True,
        gt=0,
        le=0.99,
    )
    accepts_per_turn: Count = setting(
        32,
        "Connections accepted before the miners that are connected already are served again.",
        unit="connections",
        reason="some three milliseconds; 10,000 that come at once are accepted as fast as without",
        ge=1,
        le=4096,
    )
    backlog: Count = setting(
        4096,
        "Connections the system may hold ready to be accepted.",
        unit="connections",
        reason="with 100, the return of 5,000 miners took 29 s; with 4096, 4 s",
        restart=True,
        ge=16,
        le=65535,
    )


class StratumTimers(Table):
    """How long miners are waited for."""

    subscribe: Duration = setting(
        15.0,
        "From connecting to subscribing; not extended by anything the miner sends.",
        reason="DATUM and btcpool wait as long; a silent connection must not cost a place",
        ge=1,
        le=600,
    )
    authorize: Duration = setting(
        30.0, "From subscribing to authorising.", reason="twice the time to subscribe", ge=1, le=600
    )
    tls_handshake: Duration = setting(
        10.0, "Longest TLS handshake of a miner.", reason="a slow ASIC needs about one second", ge=1, le=60
    )
    keepalive_line: Duration = setting(
        25.0,
        "Longest time without a line to a miner: then the difficulty in force is told again.",
        reason="cgminer gives a silent pool up after 90 s, BTCAgent repeats at 30 s",
        ge=5,
        le=55,
    )
    login_backoff: Duration = setting(
        1.0,
        "After a refused login, a miner that has none yet is not read for so long; doubled each time.",
        reason="a miner with a wrong name tries again every few seconds; nobody needs to try faster",
        ge=0,
        le=600,
    )
    login_backoff_cap: Duration = setting(
        600.0, "Longest such pause.", reason="as btcpool; the login's deadline comes first", ge=0, le=3600
    )
    read_idle: Duration = setting(
        600.0,
        "Silence of a miner that has work, after which it is asked for its version, to hear that it lives.",
        reason="as ElectrumX, xmrig-proxy and btcpool, which disconnect; slow miners are silent as long",
        ge=30,
        le=86400,
    )
    no_share: Duration = setting(
        7200.0,
        "Silence after which a miner that has work is disconnected: no share, and no answer either. Time "
        "without work that counts is not held against it.",
        reason="as DATUM; firmware that hangs behind a living socket",
        ge=60,
        le=604_800,
    )
    write_stall: Duration = setting(
        30.0,
        "Longest time that a miner may take none of what waits for it.",
        reason="a healthy miner reads within milliseconds; ckpool waits 60 s",
        ge=5,
        le=600,
    )
    tcp_keepalive_idle: Duration = setting(
        45.0, "Silence before TCP probes a miner.", reason="as ckpool", restart=True, ge=1, le=7200
    )
    tcp_keepalive_interval: Duration = setting(
        15.0,
        "Time between TCP probes.",
        reason="with 3 probes a dead miner is found in 90 s",
        restart=True,
        ge=1,
        le=600,
    )
    tcp_keepalive_probes: Count = setting(
        3,
        "Unanswered TCP probes until a miner is dead.",
        unit="probes",
        reason="see interval",
        restart=True,
        ge=1,
        le=20,
    )
    tcp_user_timeout: Duration = setting(
        45.0,
        "Longest time that bytes sent to a miner may stay unacknowledged (TCP_USER_TIMEOUT).",
        reason="site networks heal within seconds; a rebooting switch takes about 40 s",
        restart=True,
        ge=1,
        le=600,
    )
    job_retention: Duration = setting(
        600.0,
        "How long jobs of the current and the previous block are remembered.",
        reason="ckpool keeps them as long; a share for an older job is stale everywhere",
        ge=30,
        le=3600,
    )
    settle: Duration = setting(
        5.0,
        "On SIGTERM: longest wait for the pool's answers before closing.",
        reason="two round trips over a satellite, and short enough for any service manager",
        ge=0,
        le=120,
    )


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
    reject_streak: Count = setting(
        20,
        "Refused shares in a row after which an upstream counts as failed.",
        unit="shares",
        reason="more than a new block or a changed difficulty explains",
        ge=1,
        le=10_000,
    )
    line_limit: Count = setting(
        1_048_576,
        "Longest line taken from a pool.",
        unit="bytes",
        reason="coinbases with hundreds of outputs fit; an endless line does not fill the memory",
        ge=16_384,
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
