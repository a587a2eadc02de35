"""The habits of a miner's firmware on the wire, as a frozen value."""

from dataclasses import dataclass
from enum import Enum, auto

from proxy.units import Difficulty


class Identities(Enum):
    """What request ids look like."""

    NUMBERS = auto()
    STRINGS = auto()
    REPEATING = auto()
    """Every submit has id 4, as cpuminer's."""


class VersionBits(Enum):
    """What the sixth parameter of a submit says about the version that was hashed."""

    NONE = auto()
    """There is no sixth parameter, and nothing is rolled."""
    REPLACE = auto()
    """``rolled & mask`` (BIP 310)."""
    XOR = auto()
    """``rolled ^ job_version`` (ESP-Miner)."""
    ODD = auto()
    """Every other share has one of the bits 0x40000000, 0x80000000, 0xc0000000, mask or no mask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Firmware:
    """One kind of client; the defaults are an ordinary modern one."""

    name: str
    source: str
    """Who reported the habits; 4.x is a section of the project's page of wire facts."""
    user_agent: str

    handshake: tuple[tuple[str, ...], ...] = (("configure",), ("subscribe",), ("authorize",))
    """Stages; the requests of one go out in one write, the next when all answers are there.

    Requests: configure, subscribe, authorize, extranonce, suggest.
    """
    mask: int = 0x1FFFE000
    """Asked for in mining.configure."""
    extensions: tuple[str, ...] = ("version-rolling",)
    """First parameter of mining.configure."""
    least_bits: int | None = 2
    """version-rolling.min-bit-count; None leaves it out, as many do."""
    version_bits: VersionBits = VersionBits.REPLACE
    heeds_set_version_mask: bool = True
    demands_configure_keys: bool = False
    """Closes (the device: loops) when an extension it named is missing in the answer."""

    handles_set_extranonce: bool = False
    session_on_reconnect: bool = False
    """Subscribes with the session id of the connection before."""
    subscribe_extra: tuple[object, ...] = ()
    """More parameters of mining.subscribe, behind agent and session."""
    suggests: Difficulty | None = None
    """Parameter of mining.suggest_difficulty, sent as it is."""
    obeys_reconnect: bool = False
    """client.reconnect closes the connection; the miner comes back to its own pool, never a foreign host."""

    params_first: bool = False
    """Key order params, id, method and blanks behind commas, as cgminer's."""
    identities: Identities = Identities.NUMBERS
    little_endian_extranonce2: bool = False
    ntime_bits: int = 0
    """Low bits of ntime that are rolled."""
    rounds_difficulty: bool = False
    """Rounds an assigned difficulty down to a power of two."""

    needs_error_key: bool = False
    """Closes when an answer has no "error" key."""
    least_extranonce2: int = 1
    """Closes when given less."""
    most_extranonce2: int = 16
    """Finds shares but does not submit them when given more."""
    most_coinbase: int | None = None
    """Bytes of coinbase transaction that it copes with; ignores jobs beyond."""
    most_branches: int | None = None
    """Merkle branches that it copes with; ignores jobs beyond."""
    most_line: int = 1 << 20
    """Bytes of a line that it copes with; ignores what is longer."""
    most_name: int | None = None
    """Characters of a user name; the rest is cut off."""

    @property
    def rolls(self) -> bool:
        """Version rolling is negotiated and used."""
        return self.version_bits is not VersionBits.NONE
