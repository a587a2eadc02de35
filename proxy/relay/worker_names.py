"""The names under which shares go up: one for all, or every miner's own, asked for when it is needed."""

from enum import Enum

from proxy.relay.settings import PoolSettings


class NameState(Enum):
    """Whether a pool has taken a worker name."""

    ASKED = "asked"
    TAKEN = "taken"
    REFUSED = "refused"


class WorkerNames:
    """What one pool connection has said to the names of a template."""

    def __init__(self, settings: PoolSettings) -> None:
        self._settings = settings
        self._states: dict[str, NameState] = {}
        self._asked: dict[int, str] = {}

    def upstream_name(self, worker: str) -> str:
        """Return the miner's own name upstream; only of use where the user is a template."""
        return self._settings.user.replace("{worker}", worker)

    def name_for(self, worker: str) -> str:
        """Return the name to submit under: until the pool has taken a miner's own, the fallback."""
        if not self._settings.is_template:
            return self._settings.user
        name = self.upstream_name(worker)
        return name if self._states.get(name) is NameState.TAKEN else self._settings.fallback_user

    def wants_asking(self, worker: str, most: int) -> bool:
        """Return whether this name has not been asked for and may be: ``most`` bounds how many are."""
        if not self._settings.is_template or len(self._states) >= most:
            return False
        return self.upstream_name(worker) not in self._states

    def asked(self, worker: str, call: int) -> None:
        """Note that request ``call`` asks for a miner's name."""
        name = self.upstream_name(worker)
        self._states[name] = NameState.ASKED
        self._asked[call] = name

    def answered(self, call: int, *, taken: bool) -> str | None:
        """Note an answer and return the name that it is about, or None if ``call`` was about none."""
        name = self._asked.pop(call, None)
        if name is not None:
            self._states[name] = NameState.TAKEN if taken else NameState.REFUSED
        return name

    @property
    def refused(self) -> int:
        """How many miners' own names this pool did not take."""
        return sum(state is NameState.REFUSED for state in self._states.values())
