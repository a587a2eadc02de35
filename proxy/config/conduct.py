"""Limits on how miners behave: who is let in, what conduct costs, what is shed when memory is short."""

from proxy.config.table import Table, setting
from proxy.config.values import Count, Duration, Number


class StratumAdmission(Table):
    """Who is let in."""

    unauthenticated_per_address: Count = setting(
        8,
        "Connections of one address that may stay without a login for longer than the grace.",
        unit="connections",
        reason="half-open connections hold a few places, and a site behind one NAT returns all the same",
        ge=1,
        le=100_000,
    )
    unauthenticated_grace: Duration = setting(
        10.0,
        "How long any number of connections of one address may be without a login.",
        reason="a login takes three round trips; thousands of miners return at once",
        ge=1,
        le=600,
    )
    failed_connections_per_second: Number = setting(
        20.0,
        "Connections of one address that may end without a login, each second. Beyond, further ones are "
        "closed unread; each login allows ten more.",
        unit="connections/s",
        reason="no broken miner dials so often, and no flood gets through",
        gt=0,
        le=100_000,
    )
    failed_connections_burst: Count = setting(
        200,
        "The same at once.",
        unit="connections",
        reason="a switch that restarts; a session dropped for its conduct counts as a hundred",
        ge=1,
        le=1_000_000,
    )
    sessions_per_address_warning: Count = setting(
        0,
        "Miners logged in from one address above which a warning is logged; 0 never warns. None is refused.",
        unit="sessions",
        reason="whole sites sit behind one NAT",
        ge=0,
        le=1_000_000,
    )
    memory_limit: Count = setting(
        0,
        "Bytes that this program may hold. 0: the limit of its control group, else the machine's memory.",
        unit="bytes",
        reason="the system would kill it there",
        restart=True,
        ge=0,
        le=1 << 50,
    )
    memory_shed_telemetry: Number = setting(
        0.85,
        "Part of the memory limit from which the list of all sessions is left out of the status.",
        reason="mining comes first",
        gt=0,
        le=1,
    )
    memory_refuse_new: Number = setting(
        0.92, "Part from which no further miner is let in.", reason="as Envoy", gt=0, le=1
    )
    memory_drop_costliest: Number = setting(
        0.95,
        "Part from which miners are disconnected whose conduct costs most, a hundredth each second; never "
        "one whose conduct costs nothing.",
        reason="as Envoy",
        gt=0,
        le=1,
    )


class StratumConduct(Table):
    """What a miner's conduct costs it."""

    cost_prompt: Number = setting(
        50.0,
        "Cost from which what a miner sends waits until those that cost less are served; what a connection "
        "sends before its first good share always does.",
        reason="a login costs four; two bad shares, or a ping a second, lose the first place in the queue",
        gt=0,
        le=1e9,
    )
    cost_soft: Number = setting(
        1_000.0,
        "Cost from which a miner is read only as fast as it may spend.",
        reason="as aiorpcX; fifty bad shares within minutes",
        gt=0,
        le=1e9,
    )
    cost_hard: Number = setting(
        10_000.0,
        "Cost at which it is disconnected. Cost decays by this in an hour.",
        reason="as aiorpcX; five hundred bad shares, or a hundred errors",
        gt=0,
        le=1e9,
    )
    cost_spending: Number = setting(
        100.0,
        "What a miner beyond cost_soft may spend.",
        unit="a second",
        reason="five bad shares a second: a miner to be mended goes on, a flood is nothing",
        gt=0,
        le=1e9,
    )
    cost_spending_together: Number = setting(
        2_000.0,
        "What all miners beyond cost_soft may spend together.",
        unit="a second",
        reason="a few hundredths of a core, however many they are",
        gt=0,
        le=1e9,
    )
    price_protocol_error: Number = setting(
        100.0, "A line that is no message.", reason="as aiorpcX; no firmware sends one", ge=0, le=1e9
    )
    price_bad_share: Number = setting(
        20.0,
        "A refused share that had to be hashed: too low, twice, or of a wrong shape.",
        reason="one in five among good ones costs nothing",
        ge=0,
        le=1e9,
    )
    price_cheap_reject: Number = setting(
        5.0,
        "A share for a job or a user name that is not known, and a refused login.",
        reason="refused by one look; every block makes a few in honest miners",
        ge=0,
        le=1e9,
    )
    price_good_share: Number = setting(
        5.0, "What an accepted share earns back.", reason="who works well may err", ge=0, le=1e9
    )
    price_request: Number = setting(
        1.0,
        "Any other line.",
        reason="a line each half second costs nothing; a flood of pings does",
        ge=0,
        le=1e9,
    )
    price_100k_bytes: Number = setting(
        1.0,
        "Every 100,000 bytes of lines that are no submits.",
        reason="as aiorpcX; a share has its own price, whatever its length",
        ge=0,
        le=1e9,
    )
    ban_ratio: Number = setting(
        0.5,
        "Part of a miner's shares that may be refused: it gets a fresh job, and if that does not help it is "
        "disconnected.",
        reason="as node-stratum",
        gt=0,
        le=1,
    )
    ban_shares: Count = setting(
        50,
        "Shares looked at before that is decided.",
        unit="shares",
        reason="enough to tell a broken miner from a changed difficulty",
        ge=1,
        le=100_000,
    )
    ban_window: Duration = setting(
        60.0, "Time within which they must have come.", reason="an old sin is forgiven", ge=1, le=3600
    )
    ban: Duration = setting(
        600.0,
        "How long the user names of a miner that was disconnected for its conduct are refused from its "
        "address. A name that another miner there uses as well is not refused, and no address ever is.",
        reason="as btcpool; whole sites sit behind one NAT, often under one name",
        ge=0,
        le=86400,
    )
