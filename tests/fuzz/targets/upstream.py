"""Whatever a pool sends is a typed message or a ``ProtocolViolation``; the relay goes on either way.

A relay with one miner hears the bytes, in pieces, before or behind a good handshake.
"""

from __future__ import annotations

from typing import Final

from proxy.errors import ProtocolViolation
from proxy.relay.settings import Limits
from proxy.stratum import upstream
from tests.fuzz.faults import Fault
from tests.fuzz.messages import UPSTREAM, stream
from tests.fuzz.source import Source
from tests.fuzz.targets.downstream import LOGIN
from tests.fuzz.world import LoggedWire, Shape, World

LIMIT: Final = 16_384
SHAPE: Final = Shape(limits=Limits(upstream_line=LIMIT))
MOST_WRITTEN: Final = 200_000
"""Bytes to miner and pool for one piece of 256 that the pool sends: it may complete a line of the limit."""


def run(data: bytes) -> None:
    """Parse each line of ``data``, then let a pool send it all."""
    source = Source(data)
    greets, size = source.flag(2), 1 + source.byte()
    said = stream(source, UPSTREAM)
    for line in said.split(b"\n"):
        _check(line)
    world = World(SHAPE, uses_lanes=True)
    miner = world.connect()
    world.feed(miner, LOGIN)
    (key,) = world.relay.connections
    if not greets:
        world.cut_pool(key)
        world.pass_time(0.0)
        key = max(world.relay.connections, default=0)
        world.relay.dialled(key, LoggedWire("pool again", world.log), world.now)
    world.log.clear()
    for at in range(0, len(said), size):
        world.from_pool(key, said[at : at + size])
        _check_bounds(world, miner)
        world.log.clear()
    _go_on(world, miner)


def _check(line: bytes) -> None:
    try:
        message = upstream.parse(line)
    except ProtocolViolation as violation:
        if len(str(violation)) > LIMIT:
            raise Fault("a violation that fills the log") from violation
        return
    if isinstance(message, upstream.Reply):
        try:
            offer = upstream.subscribed(message.result)
        except ProtocolViolation:
            return
        if len(offer.extranonce1) > upstream.MOST_EXTRANONCE1:
            raise Fault(f"{line!r} offers an extranonce1 of {len(offer.extranonce1)} bytes")
        mask = upstream.granted_mask(message.result)
        if mask is not None and not 0 <= mask < 1 << 32:
            raise Fault(f"{line!r} grants {mask}")


def _check_bounds(world: World, miner: int) -> None:
    if world.written > MOST_WRITTEN:
        raise Fault(f"{world.written} bytes were written")
    if world.wires[miner].closed:
        raise Fault("a pool's words closed a miner's connection")
    for connection in world.relay.connections.values():
        if len(connection.outstanding) > world.relay.limits.submit_buffer:
            raise Fault(f"{len(connection.outstanding)} shares are outstanding")


def _go_on(world: World, miner: int) -> None:
    """Whatever was said, the relay still works."""
    world.pass_time(0.1)
    world.feed(
        miner,
        b'{"id":2,"method":"mining.submit","params":["acme.rig1","1","00000000","65000000","00000000"]}\n',
    )
    world.snapshot()
    world.pass_time(61.0)
    world.take_dials()
    world.relay.stop(world.now)
