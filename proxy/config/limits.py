"""Limits and timers towards miners, as settings with their defaults and reasons."""

from proxy.config.table import Table, setting
from proxy.config.values import Count, Duration, Number
from proxy.mining.job import NTIME_WINDOW
from proxy.stratum.sizes import GREATEST_DEPTH, LEAST_DEPTH, MOST_DEPTH, MOST_NAME


class StratumLimits(Table):
    """What one miner, and all of them together, may cost."""

    max_sessions: Count = setting(
        50_000,
        "Most miners connected at once; one more is refused. Lowered at start, and the log says so, to what "
        "the limit of open files allows.",
        unit="sessions",
        reason="several times the largest site, so that only the machine bounds it",
        ge=1,
        le=1_000_000,
    )
    readmit_share: Number = setting(
        0.95,
        "Once every place was taken miners are let in again when no more than this part of them is.",
        reason="as ElectrumX; a door that opens and shuts with each who leaves helps nobody",
        gt=0,
        le=1,
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
    json_depth: Count = setting(
        MOST_DEPTH,
        "Arrays and objects within each other in a miner's line, the message itself counted; with more it is "
        "no message.",
        unit="levels",
        reason="no call has more than three",
        ge=LEAST_DEPTH,
        le=GREATEST_DEPTH,
    )
    string_length: Count = setting(
        MOST_NAME,
        "Characters of a user name, password, user agent or session id that are kept; the rest is cut.",
        unit="characters",
        reason="Bitcoin's own user agents stop there",
        ge=MOST_NAME,
        le=1024,
    )
    malformed_lines: Count = setting(
        16,
        "Lines that are no message after which a miner is disconnected.",
        unit="lines",
        reason="scanners and other protocols, not miners",
        ge=1,
        le=1000,
    )
    ntime_window: Count = setting(
        NTIME_WINDOW,
        "How far the ntime of a share may be after its job's. Holds for jobs that come after a reload.",
        unit="seconds",
        reason="as ckpool; audits of the ledger allow as much, so less may be set and not more",
        ge=600,
        le=NTIME_WINDOW,
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
        32768,
        "The system's send buffer for each miner (SO_SNDBUF); Linux gives twice as much.",
        unit="bytes",
        reason="a job is a few kilobytes; who does not read holds 128 KiB at most, write_buffer included",
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
        0.45,
        "Part of the limit of open files that miners may take; 64 are kept for the rest in any case. The "
        "limit is raised at start as far as the system lets a program do that.",
        reason="less than half, as Envoy: whatever else opens files in numbers finds some; a miner needs one",
        restart=True,
        gt=0,
        le=0.99,
    )
    accepts_per_turn: Count = setting(
        8,
        "Connections let in before the miners that are connected already are served again.",
        unit="connections",
        reason="less than a millisecond; 10,000 that come at once are accepted as fast as without",
        ge=1,
        le=4096,
    )
    accepts_burst: Count = setting(
        25_000,
        "Connections let in as fast as that goes.",
        unit="connections",
        reason="a site of ten thousand that returns, falls dark again and returns once more",
        ge=1,
        le=10_000_000,
    )
    accepts_per_second: Number = setting(
        500.0,
        "Connections let in in the long run; more wait in the order of their arrival.",
        unit="connections/s",
        reason="callers who come and go and come again, from any number of addresses, take a tenth of a core",
        gt=0,
        le=100_000,
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
        30.0,
        "So much longer a miner has to authorise: both deadlines count from its connecting.",
        reason="twice the time to subscribe",
        ge=1,
        le=600,
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
    session_resume: Duration = setting(
        900.0,
        "How long a miner that returns with its session id gets its extranonce again. Another one has it "
        "sooner only where no other is free and the jobs that were mined with it are stale.",
        reason="a switch that reboots, a hash board that is changed; ckpool: 600 s",
        ge=0,
        le=86400,
    )
    drain: Duration = setting(
        60.0,
        "On SIGTERM: from the first miner with work that is let go to the last, in even steps of watts. "
        "0: all at once.",
        reason="generators trip when a whole load is rejected in one step; 1.7 % a second is none",
        ge=0,
        le=600,
    )
    drain_hard: Duration = setting(
        180.0,
        "From the first SIGTERM until the program has ended, whatever hangs: then the system kills it.",
        reason="three times drain; a service manager's own limit must lie above it",
        ge=1,
        le=3600,
    )
    settle: Duration = setting(
        5.0,
        "On SIGTERM: longest wait for the pool's answers before the end.",
        reason="two round trips over a satellite, and short enough for any service manager",
        ge=0,
        le=120,
    )
