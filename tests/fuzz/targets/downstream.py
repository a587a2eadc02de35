"""Nothing that a miner sends raises, and what it is answered and what is kept of it stay bounded."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from proxy.hotpath.names import MOST_WORKER, worker_of
from proxy.relay.settings import Limits
from proxy.stratum.downstream import parse
from proxy.stratum.jsonrpc import MOST_ID_BYTES
from proxy.stratum.sizes import MOST_NAME
from tests.fuzz.faults import Fault
from tests.fuzz.messages import DOWNSTREAM, stream
from tests.fuzz.source import Source
from tests.fuzz.submits import CONFIGURE, SUBSCRIBE
from tests.fuzz.world import Shape, World

MOST_ANSWER: Final = 20_000
"""Bytes that one line may be answered with: a configure of 32 names of 256 characters, each escaped."""
LOGIN: Final = CONFIGURE + SUBSCRIBE + b'{"id":1,"method":"mining.authorize","params":["acme.rig1","x"]}\n'
SHAPE: Final = Shape(limits=Limits(malformed_lines=4))


def run(data: bytes) -> None:
    """Parse each line of ``data``, then let a miner send it all, logged in or not, in pieces."""
    source = Source(data)
    is_logged_in, size = source.flag(2), 1 + source.byte()
    said = stream(source, DOWNSTREAM)
    for line in said.split(b"\n"):
        _check(line)
    world = World(SHAPE, uses_lanes=True)
    key = world.connect()
    if is_logged_in:
        world.feed(key, LOGIN)
    world.log.clear()
    for at in range(0, len(said), size):
        piece = said[at : at + size]
        world.feed(key, piece)
        _check_bounds(world, key, piece)
        world.log.clear()
    world.draw()
    world.commit(1 << 32)


def _check(line: bytes) -> None:
    request = parse(line)
    for each in fields(request):
        value = getattr(request, each.name)
        if each.name == "id":
            is_bad = len(value) > MOST_ID_BYTES or not value.isascii() or b"\n" in value
        elif isinstance(value, str):
            # The reason is cut where it is sent.
            is_bad = each.name != "reason" and len(value) > (
                len(line) if each.name == "job_id" else MOST_NAME
            )
        else:
            is_bad = False
        if is_bad:
            raise Fault(f"{line!r} has the {each.name} {value!r}")


def _check_bounds(world: World, key: int, piece: bytes) -> None:
    answered = world.written
    if answered > MOST_ANSWER * (1 + piece.count(b"\n")):
        raise Fault(f"{len(piece)} bytes were answered with {answered}")
    session = world.session(key)
    if session is None:
        return
    limits = world.relay.limits
    held = 0 if session.partial is None else len(session.partial.partial or b"")
    if held > session.line_limit:
        raise Fault(f"holds {held} bytes of a line")
    if len(session.workers) > limits.workers_per_session or len(session.assignments) > 4096:
        raise Fault(f"keeps {len(session.workers)} workers, {len(session.assignments)} assignments")
    for user in session.workers:
        if len(user) > MOST_NAME:
            raise Fault(f"keeps the user name {user!r}")
        if len(worker_of(user)) > MOST_WORKER or not worker_of(user).isascii():
            raise Fault(f"tells of the worker {user!r} as {worker_of(user)!r}")
