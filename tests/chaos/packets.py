"""A cable that is pulled out: a socket that takes no packet any more, and so acknowledges none.

Closing a socket or reading no more from it is not that: the kernel goes on answering for it. A filter that
lets nothing pass drops packets before TCP sees them: acknowledgements, probes, the first of a connection. It
needs no privilege, and touches no other socket.
"""

import ctypes
import socket
import struct
from asyncio.trsock import TransportSocket

SO_ATTACH_FILTER = 26
SO_DETACH_FILTER = 27

_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""One instruction of classic BPF: keep 0 bytes of the packet."""

Socket = socket.socket | TransportSocket


def deafen(sock: Socket) -> None:
    """Let no packet reach ``sock``. What it sends still goes out."""
    program = ctypes.create_string_buffer(_RETURN_NOTHING, len(_RETURN_NOTHING))
    # struct sock_fprog: a count, and a pointer to the instructions.
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))


def undeafen(sock: Socket) -> None:
    """Let packets reach ``sock`` again: what its peer still sends anew arrives."""
    sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
