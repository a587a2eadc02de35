"""How a simulated pool behaves, as frozen values."""

from dataclasses import dataclass
from enum import Enum, auto

from proxy.units import Difficulty, Seconds

BIP320_MASK = 0x1FFFE000
"""The 16 version bits of BIP 320."""


class Configure(Enum):
    """What becomes of ``mining.configure``."""

    GRANT = auto()
    """Answered by BIP 310: every requested key."""
    REFUSE = auto()
    """Unknown method: error -3."""
    DISCONNECT = auto()
    """The connection is closed, as pools older than BIP 310 do."""
    SILENT = auto()
    """No answer; the rest goes on."""


class SubscribeShape(Enum):
    """What the first element of the subscribe result looks like (all seen in the field)."""

    PAIRS = auto()
    FLAT = auto()
    EMPTY = auto()
    NULL = auto()


class Refusals(Enum):
    """How "no" to a submit is written."""

    LIST = auto()
    """``"result": null, "error": [21, "Job not found", null]``."""
    FALSE_LIST = auto()
    """The same with ``"result": false``."""
    STRING = auto()
    """``"error": "Stale"``."""
    REASON = auto()
    """``"result": false, "error": null, "reject-reason": "Stale"`` (ckpool)."""
    OBJECT = auto()
    """``"error": {"code": 21, "message": ...}``."""


class Submits(Enum):
    """How submits are answered. Whatever the answer, the truth keeps the honest verdict."""

    JUDGE = auto()
    ACCEPT_ALL = auto()
    REJECT_ALL = auto()
    WRONG_IDS = auto()
    SILENT = auto()
    TWICE = auto()
    LATE = auto()


class Nonsense(Enum):
    """What is sent in the place of a notify, once ``nonsense_after`` honest ones have gone out."""

    NONE = auto()
    MISSING_FIELDS = auto()
    WRONG_TYPES = auto()
    NON_HEX = auto()
    HUGE_MERKLE = auto()
    """10,000 branches: no block has more than some thirty."""
    NOT_JSON = auto()
    DEEP = auto()
    """100 KB of opening brackets."""
    ENDLESS = auto()
    """A megabyte without a newline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VardiffSettings:
    """How a pool finds the difficulty of one connection."""

    per_minute: float = 12.0
    """Shares a minute that it aims at."""
    window: Seconds = Seconds(15.0)
    """Time after which the rate is looked at; sooner if shares come at four times the aim."""
    raise_at_most: float = 16.0
    """Greatest factor of one change, up or down."""
    powers_of_two: bool = True
    least: Difficulty = Difficulty(2.0**-32)
    most: Difficulty = Difficulty(2.0**40)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """One pool: honest and ordinary as it stands, odd where a personality says so."""

    extranonce1_size: int = 4
    """1 to 8 bytes."""
    extranonce2_size: int = 8
    """2 to 16 bytes."""
    resume: bool = True
    """A known session id in mining.subscribe brings the old extranonce1 back."""
    subscribe_shape: SubscribeShape = SubscribeShape.PAIRS

    configure: Configure = Configure.GRANT
    version_mask: int = BIP320_MASK
    forced_mask: int | None = None
    """Granted whatever was asked for, as AntPool does (5fffe000)."""
    extra_set_version_mask: bool = False
    """A mining.set_version_mask follows the configure result unasked (Titan)."""
    or_convention: bool = False
    """Version is ``job | bits`` (ckpool, DATUM) and not BIP 310's replacement of the masked bits."""
    require_version_bits: bool = False
    """A connection that negotiated a mask must send the sixth parameter (DATUM)."""

    refused_names: str | None = None
    """Regular expression of worker names that authorize answers with false."""
    password: str | None = None
    """The one password that is taken; None takes any."""
    work_at_subscribe: bool = False
    """Work is sent after subscribe already, not only after the first authorize."""
    extranonce_subscribe: bool = True
    """mining.extranonce.subscribe is answered with true, otherwise with an error."""

    difficulty: Difficulty = Difficulty(2.0**-20)
    """At the start of a connection. 2**-20 costs 4,096 hashes a share."""
    honour_suggestion: bool = True
    vardiff: VardiffSettings | None = None
    """None: the difficulty stays."""
    difficulty_alone: bool = False
    """set_difficulty is sent without a notify, as ckpool does; it counts from the next one."""

    base_version: int = 0x20000000
    toggled_version_bits: int = 0
    """Bits of the job version that change at random from template to template."""
    network_difficulty: Difficulty = Difficulty(2.0**40)
    """What a block needs; written as nbits, so rounded to 23 bits. By default no simulated miner
    finds one: a block that comes by chance makes shares on their way stale."""
    coinbase_bytes: int = 260
    """Least size of the coinbase transaction; outputs are added until it is reached."""
    branches: int | None = None
    """Merkle branches of each template; None draws 0 to 12."""
    block_interval: Seconds | None = None
    """Mean time between blocks found elsewhere; None leaves them to ``new_block()``."""
    poisson_blocks: bool = True
    """Block times are exponential, not even."""
    notify_interval: Seconds | None = Seconds(30.0)
    """Time between new templates on the same block; None leaves them to ``new_job()``."""
    ntime_window: int = 7000
    """Seconds that a share's ntime may be above its job's (ckpool)."""
    antpool_job_ids: bool = False
    """Job ids such as ``0xc01490b3b0_184`` and not plain hex."""

    refusals: Refusals = Refusals.LIST
    omit_error_key: bool = False
    """Good answers come without ``"error": null``."""
    submits: Submits = Submits.JUDGE
    late: Seconds = Seconds(2.0)
    """Delay of each answer under ``Submits.LATE``."""
    nonsense: Nonsense = Nonsense.NONE
    nonsense_after: int = 1
    """Honest notifies of a connection before the nonsense starts."""
    silent_after: int | None = None
    """Submits after which a connection hears nothing more; 0 is right after the handshake."""
    set_extranonce_every: int | None = None
    """Submits between two mid-session set_extranonce, for connections that subscribed to them."""
    reconnect_every: int | None = None
    """Submits between two client.reconnect."""
    reconnect_to: tuple[object, ...] = ("pool.example.net", 3333, 1)
    """Parameters of client.reconnect; the default names a host that nobody configured."""

    record_lines: int = 0
    """Most lines kept of all traffic; 0 keeps none."""
    remember_shares: int = 200_000
    """Most accepted shares kept one by one; counters go on."""
    most_connections: int = 20_000
    most_line: int = 16_384
    """Longest line taken from a client."""

    def __post_init__(self) -> None:
        """Refuse widths that no header could hold.

        Raises:
            ValueError: A size or a mask is outside of what the wire allows.

        """
        if not 1 <= self.extranonce1_size <= 8:
            raise ValueError(f"extranonce1_size must be 1 to 8, not {self.extranonce1_size}")
        if not 2 <= self.extranonce2_size <= 16:
            raise ValueError(f"extranonce2_size must be 2 to 16, not {self.extranonce2_size}")
        if not 0 <= self.version_mask <= 0xFFFFFFFF:
            raise ValueError(f"version_mask must be 32 bits, not {self.version_mask:#x}")
        if self.branches is not None and not 0 <= self.branches <= 64:
            raise ValueError(f"branches must be 0 to 64, not {self.branches}")
        if not 0 <= self.coinbase_bytes <= 6500:
            raise ValueError(f"coinbase_bytes must be at most 6500, not {self.coinbase_bytes}")
