"""The socket options that make the kernel notice a peer that is gone, and what is kept of its end."""

import asyncio
import errno
import socket
import struct
from typing import cast

from proxy.adapters.tcp import halves
from proxy.adapters.tcp.wire import SocketSettings, prepare
from tests.adapters.loops import both_loops

SETTINGS = SocketSettings(
    keepalive_idle=11, keepalive_interval=7, keepalive_probes=4, user_timeout=2.5, send_buffer=20_000
)


@both_loops
async def test_every_option_is_set() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    prepare(writer.transport, SETTINGS)
    sock: socket.socket = writer.get_extra_info("socket")
    tcp = socket.IPPROTO_TCP
    assert sock.getsockopt(tcp, socket.TCP_NODELAY)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert sock.getsockopt(tcp, socket.TCP_KEEPIDLE) == 11
    assert sock.getsockopt(tcp, socket.TCP_KEEPINTVL) == 7
    assert sock.getsockopt(tcp, socket.TCP_KEEPCNT) == 4
    assert sock.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == 2500
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 40_000  # Linux doubles it
    writer.transport.abort()
    server.close()


@both_loops
async def test_a_socket_that_is_not_tcp_is_left_alone() -> None:
    here, there = socket.socketpair()
    _, writer = await asyncio.open_connection(sock=here)
    prepare(writer.transport, SETTINGS)
    writer.transport.abort()
    there.close()


@both_loops
async def test_the_error_of_a_broken_connection_is_kept() -> None:
    # The kernel tells an error once, to whoever comes first; whoever comes later hears of a broken pipe.
    for sender_of in (halves.PlainSender, halves.Sender):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            _, writer = await asyncio.open_connection(*listening.getsockname())
            peer, _ = listening.accept()
        sender = sender_of(writer.get_extra_info("socket").fileno())
        sender.attach(cast(asyncio.Transport, writer.transport), 1000)
        sender.write(b"a")
        assert sender.error is None
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        sender.write(b"b")
        assert sender.error is not None
        assert sender.error.errno == errno.ECONNRESET
        assert writer.transport.is_closing()
        assert not sender.stalled
