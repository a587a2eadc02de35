"""What a tenant's route knows of one pool: its health, when to try it again, what it was seen to offer."""

from dataclasses import dataclass, field

from proxy.ports import Randomness
from proxy.relay.settings import PoolSettings, Timers
from proxy.relay.tally import Settlements
from proxy.units import Seconds


@dataclass(slots=True, eq=False)
class Pool:
    """One upstream of a route, in the tenant's order of preference (``rank`` 0 is the best)."""

    settings: PoolSettings
    rank: int
    attempts: int = 0
    retry_at: Seconds = Seconds(0)
    retry_dark_at: Seconds = Seconds(0)
    """The same while no other pool serves: sooner, for the whole site waits."""
    ready_since: Seconds | None = None
    """Since when some connection to it has been ready without a break."""
    extranonce2_size: int | None = None
    version_mask: int | None = None
    configure_hangups: int = 0
    """How often in a row it hung up when asked to configure."""
    cause: str = ""
    """Why it was lost last."""
    redirect: tuple[str, int] | None = None
    """Where it asked us to dial next, once."""
    settlements: Settlements = field(default_factory=Settlements)

    @property
    def name(self) -> str:
        """The pool's name in the configuration."""
        return self.settings.name

    @property
    def known_size(self) -> int | None:
        """The extranonce2 size it gave, or else the configured hint."""
        return self.extranonce2_size or self.settings.extranonce2_size

    def is_eligible(self, now: Seconds, *, dark: bool) -> bool:
        """Return whether it may be dialled now; ``dark``: no pool serves who asks."""
        return now >= (self.retry_dark_at if dark else self.retry_at)

    def is_proven(self, now: Seconds, hold: Seconds) -> bool:
        """Return whether it has been ready for at least ``hold``: what a failback waits for."""
        return self.ready_since is not None and now - self.ready_since >= hold

    def became_ready(self, now: Seconds) -> None:
        """Note that a connection works."""
        if self.ready_since is None:
            self.ready_since = now

    @property
    def takes_configure(self) -> bool:
        """Whether to ask for version rolling: two hang-ups in a row say that it knows no such method.

        One may be an accident, and would cost a site its version rolling.
        """
        return self.settings.version_rolling and self.configure_hangups < 2

    def redirected(self, host: str | None, port: int | None) -> bool:
        """Dial there next, if the configuration names the host; return whether it does."""
        settings = self.settings
        if host is not None and host != settings.host and host not in settings.reconnect_hosts:
            return False
        self.redirect = (host or settings.host, port or settings.port)
        return True

    def next_address(self) -> tuple[str, int]:
        """Return the host and port to dial; a redirection holds for one try."""
        address = self.redirect or (self.settings.host, self.settings.port)
        self.redirect = None
        return address

    def failed(
        self, cause: str, now: Seconds, timers: Timers, randomness: Randomness, *, least: Seconds = Seconds(0)
    ) -> Seconds:
        """Note a loss; return the pause before the next try: full jitter, so that pools see no herd.

        A pool that had been ready for ``backoff_reset`` is dialled again at once: most losses are a blip,
        and a backup would be kept for the whole failback hold. ``least`` holds off a pool that answers,
        but badly.
        """
        ceiling = min(timers.backoff_cap, timers.backoff_base * 2.0 ** min(self.attempts, 16))
        if self.is_proven(now, timers.backoff_reset):
            self.attempts, ceiling = 0, 0.0
        self.ready_since = None
        self.cause = cause
        self.attempts += 1
        chance = randomness.random()
        pause = Seconds(max(least, chance * ceiling))
        self.retry_at = Seconds(now + pause)
        # A pool that answers badly waits in the dark, too: long enough for another to be tried first.
        dark = max(min(least, timers.backoff_cap_dark), chance * min(ceiling, timers.backoff_cap_dark))
        self.retry_dark_at = Seconds(now + dark)
        return pause
