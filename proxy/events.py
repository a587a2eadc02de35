"""What happened, as frozen values. Emitted for people and other engines, never once per share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A miner has authorised and belongs to a tenant."""

    session: int
    tenant: str
    worker: str
    user_agent: str
    peer: str


@dataclass(frozen=True, slots=True)
class MinerAtRisk:
    """What a miner is given exceeds what its software is known to bear. Told once a session and kind."""

    session: int
    tenant: str
    worker: str
    client: str
    text: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A miner's connection ended."""

    session: int
    tenant: str
    worker: str
    cause: str


@dataclass(frozen=True, slots=True)
class SessionRefused:
    """A peer was disconnected, or a login refused, by a rule of ours."""

    session: int
    peer: str
    cause: str


@dataclass(frozen=True, slots=True)
class Draining:
    """The program ends, and lets its miners go one after another."""

    miners: int
    """With work: those whose load is let down evenly."""
    idle: int
    """Sessions without work, closed at once."""
    kw: float | None
    """What the miners with work draw by what is known of them; None where nothing is."""
    seconds: float
    """From the first to the last."""


@dataclass(frozen=True, slots=True)
class ConnectionsRefused:
    """Connections were closed at the door, unread. Told at most once a second and cause."""

    peer: str
    """The address of the last one."""
    count: int
    cause: str


@dataclass(frozen=True, slots=True)
class AddressCrowded:
    """More sessions have logged in from one address than the operator expects; told once."""

    peer: str
    sessions: int


@dataclass(frozen=True, slots=True)
class UpstreamReady:
    """A pool connection is subscribed, authorised and has a job."""

    tenant: str
    pool: str
    connection: int
    extranonce2_size: int
    version_mask: int | None


@dataclass(frozen=True, slots=True)
class UpstreamDown:
    """A pool connection was lost or could not be made."""

    tenant: str
    pool: str
    connection: int
    cause: str
    retry_in: float


@dataclass(frozen=True, slots=True)
class WorkMoved:
    """Sessions now work for another connection: a failover, a failback, or the first work at all."""

    tenant: str
    pool: str
    connection: int
    sessions: int
    cause: str


@dataclass(frozen=True, slots=True)
class NoUpstream:
    """No pool of a tenant works: the last real job is held for the grace, then its shares are stale."""

    tenant: str


@dataclass(frozen=True, slots=True)
class PoolSaid:
    """Words of a pool for the operator, or something it asked for that was not done."""

    tenant: str
    pool: str
    text: str


@dataclass(frozen=True, slots=True)
class WorkerNameRefused:
    """A pool refused a miner's own name: its shares go up under the fallback name."""

    tenant: str
    pool: str
    name: str
    fallback: str


@dataclass(frozen=True, slots=True)
class RouteFull:
    """No connection has room for another session: it waits without work."""

    tenant: str
    waiting: int


@dataclass(frozen=True, slots=True)
class WidthsChanged:
    """The extranonce widths of a tenant had to change: miners are told, or asked to reconnect."""

    tenant: str
    lease: int
    miner: int


@dataclass(frozen=True, slots=True)
class BlockFound:
    """A share meets the network target. The header and coinbase are everything a block needs of us."""

    tenant: str
    pool: str
    worker: str
    block_hash: str
    header: bytes
    coinbase: bytes


@dataclass(frozen=True, slots=True)
class LedgerDegraded:
    """No disk takes anything: miners are answered all the same, and what they are told is not proven."""

    cause: str


@dataclass(frozen=True, slots=True)
class LedgerRestored:
    """A disk takes batches again, and has taken what was kept in memory meanwhile."""

    seconds: float
    lost_shares: int
    """Answered, and too many to be kept: their number and difficulty stand in the ledger as a gap."""


@dataclass(frozen=True, slots=True)
class LedgerReserveUsed:
    """The disk is full: the room that was kept for this is given back, and lasts for minutes."""


@dataclass(frozen=True, slots=True)
class LedgerProblem:
    """Something about the ledger wants an operator; shares are written and answered."""

    text: str


@dataclass(frozen=True, slots=True)
class Curtailed:
    """There is less power than the miners that are here could use."""

    budget_w: float
    wanted_w: float
    """What they draw at their ceilings."""
    bound: str
    """Name of the constraint."""
    sentence: str


@dataclass(frozen=True, slots=True)
class CurtailmentEnded:
    """All miners that are here may have what they can use."""

    seconds: float
    kwh: float
    """What they could have used meanwhile and were not offered."""


@dataclass(frozen=True, slots=True)
class PowerDecided:
    """The governor did something, or advises it."""

    what: str
    miners: int
    watts: float
    """By how much the fleet is to change: negative is down."""
    bound: str
    sentence: str
    acts: bool
    """False: it is advice."""


@dataclass(frozen=True, slots=True)
class PowerAlarm:
    """Something about power wants a person."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class PowerOrdered:
    """An operator gave an order about power, or took one back."""

    order: str
    """``cap``, ``hold``, ``stop``, ``order`` or ``release``; ``lockout`` or ``unlock`` of a circuit."""
    kw: float | None
    seconds: float | None
    reason: str
    who: str
    circuit: str = ""
    """That is locked out or unlocked."""
    name: str = ""
    """Of a curtailment; or what alone was released."""


@dataclass(frozen=True, slots=True)
class GovernorSilent:
    """Who governs has not been heard: nobody new gets work until it is, and who has some keeps it."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GovernorHeard:
    """The governor is back."""

    seconds: float
    """How long it was silent."""


Event = (
    SessionOpened
    | MinerAtRisk
    | SessionClosed
    | SessionRefused
    | Draining
    | ConnectionsRefused
    | AddressCrowded
    | UpstreamReady
    | UpstreamDown
    | WorkMoved
    | NoUpstream
    | PoolSaid
    | WorkerNameRefused
    | RouteFull
    | WidthsChanged
    | BlockFound
    | LedgerDegraded
    | LedgerRestored
    | LedgerReserveUsed
    | LedgerProblem
    | Curtailed
    | CurtailmentEnded
    | PowerDecided
    | PowerAlarm
    | PowerOrdered
    | GovernorSilent
    | GovernorHeard
)
