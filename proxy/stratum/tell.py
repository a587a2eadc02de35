"""What is said to miners, as finished lines. Formatted once per job and written to many sockets."""

from collections.abc import Sequence

from proxy.stratum.jsonrpc import Json, encode, notification_line, request_line, result_line


def subscribed(identity: bytes, session_id: str, extranonce1: bytes, extranonce2_size: int) -> bytes:
    """Return the reply to a subscribe."""
    subscriptions = [["mining.set_difficulty", session_id], ["mining.notify", session_id]]
    return result_line(identity, encode([subscriptions, extranonce1.hex(), extranonce2_size]))


def configured(identity: bytes, answers: dict[str, Json]) -> bytes:
    """Return the reply to a configure: one member for each extension that was asked for."""
    return result_line(identity, encode(answers))


def set_difficulty(difficulty: float) -> bytes:
    """Return the difficulty of the jobs to come; whole numbers without a fraction (old firmware)."""
    number = int(difficulty) if difficulty == int(difficulty) else difficulty
    return notification_line("mining.set_difficulty", [number])


def set_version_mask(mask: int) -> bytes:
    """Return the version bits that may be rolled from now on."""
    return notification_line("mining.set_version_mask", [f"{mask:08x}"])


def set_extranonce(extranonce1: bytes, extranonce2_size: int) -> bytes:
    """Return the extranonce of the jobs to come; a clean job must follow in the same write."""
    return notification_line("mining.set_extranonce", [extranonce1.hex(), extranonce2_size])


def get_version() -> bytes:
    """Ask a miner what it is, to hear that it lives: the one question that miners answer since cgminer."""
    return request_line(0, "client.get_version", [])


def reconnect() -> bytes:
    """Ask a miner to dial again where it dialled before: no host is ever named."""
    return notification_line("client.reconnect", [])


def wire_prevhash(prevhash: bytes) -> str:
    """Return the header's 32 bytes as a notify carries them: each 4-byte word swapped."""
    return b"".join(prevhash[i : i + 4][::-1] for i in range(0, 32, 4)).hex()


class NotifyTemplate:
    """A job's notify line but for its id, ntime and clean flag, for re-issuing without re-encoding."""

    __slots__ = ("_head", "_middle")

    def __init__(
        self,
        prevhash: bytes,
        coinb1: bytes,
        coinb2: bytes,
        branches: Sequence[bytes],
        version: int,
        nbits: int,
    ) -> None:
        hashes = ",".join(f'"{branch.hex()}"' for branch in branches)
        self._head = b'{"id":null,"method":"mining.notify","params":["'
        self._middle = (
            f'","{wire_prevhash(prevhash)}","{coinb1.hex()}","{coinb2.hex()}",[{hashes}],'
            f'"{version:08x}","{nbits:08x}","'
        ).encode()

    def line(self, job_id: str, ntime: int, *, clean: bool) -> bytes:
        """Return the notify under ``job_id``; ours are plain ASCII without anything to escape."""
        flag = b"true" if clean else b"false"
        return self._head + job_id.encode() + self._middle + b'%08x",%b]}\n' % (ntime, flag)
