"""A relay whose compiled lanes take submits, and one on the reference that has none, do the same.

The input is a sequence of operations on both. After each one everything that reached the outside must be
equal, in its order: every write to every wire, pauses, ends, the journal's batches byte by byte, events,
dials; and so must what each session holds, counts and has cost.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from proxy.mining.vardiff import VardiffSettings
from proxy.relay.session import Session
from proxy.relay.settings import AdmissionSettings, Limits, Prices, Timers
from proxy.units import Difficulty, Seconds
from tests.fuzz.pair import Miner, Pair
from tests.fuzz.reference_world import reference_world
from tests.fuzz.source import Source
from tests.fuzz.submits import (
    CONFIGURE,
    FOLLOW,
    NAMES,
    NOTHING,
    OTHERS,
    SUBSCRIBE,
    Aim,
    edited,
    submit_line,
)
from tests.fuzz.world import EASY_NBITS, HARD_NBITS, LEAST, Shape, World

MOST_STEPS = 64
MOST_MINERS = 4
TICKS = 20
ADAPTIVE = VardiffSettings(
    start=Difficulty(2.0**-31), minimum=LEAST, shares_per_minute=600.0, first_shares=2, settled_shares=4,
    quiet=Seconds(1.0), window=Seconds(5.0), raise_certainty=2.0, lower_certainty=2.0,
)  # fmt: skip
"""Decides after a handful of shares."""
FIXED = tuple(
    VardiffSettings(start=each, minimum=each, maximum=each)
    for each in (LEAST, Difficulty(2.0**-31), Difficulty(2.0**-29))
)


EASY = Limits(malformed_lines=4)
HARSH = Limits(
    malformed_lines=4, workers_per_session=2, line_before_login=256, line=512, ntime_window=600,
    prices=Prices(
        prompt=20.0, soft=60.0, hard=400.0, spending=20.0, spending_together=30.0, protocol_error=30.0,
        ban_shares=6,
    ),
    admission=AdmissionSettings(unauthenticated=1, failures_per_second=0.1, failures_burst=4, crowd=2),
)  # fmt: skip
"""Few misdeeds come to a pause, and a few more to the end: no input has room for as many as there may be."""
IMPATIENT = Timers(read_idle=Seconds(8), no_share=Seconds(30))
"""The end of a silent miner comes before the pool's, who is silent, too."""


def run(data: bytes) -> None:
    """Do to two relays what ``data`` says."""
    source = Source(data)
    shape = _shape(source)
    pair = Pair(World(shape, uses_lanes=True), reference_world()(shape, uses_lanes=False))
    pair.done.append(repr(shape))
    _connect(source, pair)
    steps = 0
    while not source.is_empty and steps < MOST_STEPS:
        _STEPS[source.below(len(_STEPS))](source, pair)
        steps += 1
    pair.both("draw", World.draw)
    pair.both("commit everything", lambda world: world.commit(1 << 32))
    pair.compare_everything()


def _shape(source: Source) -> Shape:
    choice, harshness = source.byte(), source.byte()
    return Shape(
        difficulty=2.0 ** (-32 + 2 * (choice & 3)),
        vardiff=(ADAPTIVE, *FIXED)[choice >> 2 & 3],
        nbits=EASY_NBITS if choice & 16 else HARD_NBITS,
        mask=None if choice & 96 == 96 else (0x1FFFE000, 0x00FFE000, 0x1FFFE000)[choice >> 5 & 3],
        user="acme.{worker}" if choice & 128 else "acme",
        tenants=1 + (choice & 160 == 160),
        limits=HARSH if harshness & 1 else EASY,
        timers=IMPATIENT if harshness & 1 else Timers(),
        match="acme*" if harshness & 2 else "*",
    )


def _connect(source: Source, pair: Pair) -> None:
    """Let a miner connect, and log in as most do."""
    kind = source.byte()
    miner = Miner(pair.fast.connect())
    pair.slow.connect()
    if len(pair.miners) < MOST_MINERS:
        pair.miners.append(miner)
    else:
        pair.miners[kind % MOST_MINERS] = miner
    login = b"" if kind & 1 else CONFIGURE
    login += b"" if kind & 6 == 6 else SUBSCRIBE
    login += FOLLOW if kind & 8 else b""
    if kind & 48 != 48:
        name = NAMES[0] if not kind & 64 else NAMES[(kind >> 4 & 3) + 1]
        login += b'{"id":14,"method":"mining.authorize","params":["%b","x"]}\n' % name.encode()
    _feed(pair, miner, login)


def _feed(pair: Pair, miner: Miner, data: bytes) -> None:
    if data:
        pair.both(f"miner {miner.key} sends {data!r}", lambda world: world.feed(miner.key, data))


def _miner(source: Source, pair: Pair) -> Miner:
    return pair.miners[source.below(len(pair.miners))]


def _aim(source: Source, session: Session | None) -> Aim:
    if session is None:
        return NOTHING
    back = source.below(8)
    given = session.assignments
    size, worker = session.extranonce2_size, next(iter(session.workers), NAMES[0])
    if not given:
        return Aim("000000", size, 0x65000000, session.mask, worker)
    assignment = given[max(-1 - back, -len(given))]
    job = assignment.job
    window = job.last_ntime - job.ntime
    return Aim(assignment.job_id, size, job.ntime, session.masks_ever, worker, window)


def _submit(source: Source, pair: Pair, *, arrives: bool) -> None:
    miner = _miner(source, pair)
    line = submit_line(source, _aim(source, pair.fast.session(miner.key)))
    miner.pending += line
    miner.last = line
    if arrives:
        _arrive(miner, pair)


def _arrive(miner: Miner, pair: Pair) -> None:
    data, miner.pending = miner.pending, b""
    _feed(pair, miner, data)


def _many(source: Source, pair: Pair) -> None:
    """Several plain submits in one segment."""
    miner = _miner(source, pair)
    aim = _aim(source, pair.fast.session(miner.key))
    for number in range(2 + source.below(14)):
        miner.pending += submit_line(Source(bytes([number])), aim)
    _arrive(miner, pair)


def _again(source: Source, pair: Pair) -> None:
    """The same submit again, perhaps from another miner."""
    last = _miner(source, pair).last
    miner = _miner(source, pair)
    miner.pending += last
    _arrive(miner, pair)


def _slice(source: Source, pair: Pair) -> None:
    """Part of what is on its way arrives."""
    miner = _miner(source, pair)
    size = 1 + source.byte()
    data, miner.pending = miner.pending[:size], miner.pending[size:]
    _feed(pair, miner, data)


def _rest(source: Source, pair: Pair) -> None:
    _arrive(_miner(source, pair), pair)


def _other(source: Source, pair: Pair) -> None:
    miner = _miner(source, pair)
    line = source.pick(OTHERS)
    miner.pending += edited(source, line) if source.flag(4) else line
    if source.flag(2):
        _arrive(miner, pair)


def _authorize(source: Source, pair: Pair) -> None:
    miner = _miner(source, pair)
    miner.pending += b'{"id":15,"method":"mining.authorize","params":["%b","d=1e-9"]}\n' % (
        source.pick(NAMES).encode()
    )
    _arrive(miner, pair)


def _raw(source: Source, pair: Pair) -> None:
    miner = _miner(source, pair)
    miner.pending += source.text()


def _from_pool(pair: Pair, key: int, data: bytes) -> None:
    pair.both(f"pool {key} sends {data!r}", lambda world: world.from_pool(key, data))


def _pool(source: Source, pair: Pair) -> int | None:
    keys = list(pair.fast.relay.connections)
    return keys[source.below(len(keys))] if keys else None


def _job(source: Source, pair: Pair) -> None:
    kind = source.byte()
    key = _pool(source, pair)
    if key is None:
        return
    options = {"clean": bool(kind & 1), "repeat": kind & 6 == 6}
    version = (0x20000000, 0x20FFE000, 0x00000004, 0x3FFFFFFF)[kind >> 3 & 3]
    line = pair.fast.notify(version=version, ntime=kind >> 5, **options)
    pair.slow.jobs = pair.fast.jobs
    _from_pool(pair, key, line)


def _pool_says(source: Source, pair: Pair) -> None:
    key = _pool(source, pair)
    if key is None:
        return
    kind, value = source.below(6), source.byte()
    if kind == 0:
        line = _said("mining.set_difficulty", repr(2.0 ** (-32 + value % 8)))
    elif kind == 1:
        mask = (0x1FFFE000, 0, 0x00FFE000, 0xFFFFFFFF, 0x00002000)[value % 5]
        line = _said("mining.set_version_mask", f'"{mask:08x}"')
    elif kind == 2:
        extranonce1, size = bytes([value & 15]) * (value & 7), (8, 4, 3, 2, 12)[value % 5]
        line = _said("mining.set_extranonce", f'"{extranonce1.hex()}",{size}')
    elif kind == 3:
        result = b"true" if value & 32 else b"false"
        line = b'{"id":%d,"result":%b,"error":null}\n' % (5 + value % 32, result)
    elif kind == 4:
        line = _said("client.reconnect", "")
    else:
        line = source.text()
    if line:
        _from_pool(pair, key, line)


def _said(method: str, params: str) -> bytes:
    return b'{"id":null,"method":"%b","params":[%b]}\n' % (method.encode(), params.encode())


def _cut(source: Source, pair: Pair) -> None:
    key = _pool(source, pair)
    if key is not None:
        pair.both(f"pool {key} breaks", lambda world: world.cut_pool(key))


def _dials(source: Source, pair: Pair) -> None:
    pair.both("pools answer dials", World.take_dials)


def _leave(source: Source, pair: Pair) -> None:
    miner = _miner(source, pair)
    pair.both(f"miner {miner.key} leaves", lambda world: world.leave(miner.key))


def _draw(source: Source, pair: Pair) -> None:
    pair.both("draw", World.draw)


def _commit(source: Source, pair: Pair) -> None:
    drawn = pair.fast.drawn
    if drawn:
        window = drawn[source.below(len(drawn))]
        pair.both(f"commit {window}", lambda world: world.commit(window))


def _draw_and_commit(source: Source, pair: Pair) -> None:
    _draw(source, pair)
    window = pair.fast.drawn[-1]
    pair.both(f"commit {window}", lambda world: world.commit(window))


def _time(source: Source, pair: Pair) -> None:
    kind = source.byte()
    seconds = (0.0, 0.1, 1.0, 3.0, 30.0, 125.0, 601.0, 1e-9)[kind & 7]
    for _ in range(1 + (kind >> 3 & 7)):
        pair.both(f"{seconds} s pass", lambda world: world.pass_time(seconds))


def _round(source: Source, pair: Pair) -> None:
    """Every session is visited, some sooner than others, and who was hung up on is told of."""
    seconds = source.pick((0.1, 2.0, 31.0, 361.0))

    def turn(world: World) -> None:
        for _ in range(TICKS):
            world.pass_time(seconds)
        world.sweep()

    pair.both(f"a round passes, {seconds} s a tick", turn)


def _shed(source: Source, pair: Pair) -> None:
    pair.both("memory is short", World.shed)


def _limits(source: Source, pair: Pair) -> None:
    limits = source.pick((HARSH, EASY))
    name = "harsh" if limits is HARSH else "easy"
    pair.both(f"the limits become {name}", lambda world: world.reconfigure(limits))


def _look(source: Source, pair: Pair) -> None:
    pair.compare_everything()


_STEPS: tuple[Callable[[Source, Pair], None], ...] = (
    partial(_submit, arrives=True),
    partial(_submit, arrives=False),
    partial(_submit, arrives=True),
    _many, _again, _slice, _rest, _other, _authorize, _raw, _job, _pool_says, _cut, _dials, _leave, _connect,
    _draw, _commit, _draw_and_commit, _time, _look,
    partial(_submit, arrives=True),
    _round, _shed, _limits,
)  # fmt: skip
