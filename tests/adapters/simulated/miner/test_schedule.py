import asyncio

from proxy.adapters.simulated.miner.schedule import Pace, Schedule
from proxy.units import Seconds


class Log:
    """Names in the order in which they were called."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._awaited = 0
        self._enough = asyncio.Event()

    def add(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) >= self._awaited:
            self._enough.set()

    async def first(self, count: int) -> list[str]:
        self._awaited = count
        async with asyncio.timeout(10):
            await self._enough.wait()
        return self.names


class Bell:
    def __init__(self, log: Log, name: str, again: list[float] | None = None) -> None:
        self._log, self._name, self._again = log, name, again or []

    def work(self, now: Seconds, pace: Pace) -> Seconds | None:
        self._log.add(self._name)
        return Seconds(now + self._again.pop(0)) if self._again else None


async def test_workers_are_called_in_the_order_of_their_times() -> None:
    schedule, log = Schedule(), Log()
    now = schedule.now()
    schedule.put(Bell(log, "late"), Seconds(now + 0.03))
    schedule.put(Bell(log, "early"), Seconds(now + 0.01))
    schedule.put(Bell(log, "middle"), Seconds(now + 0.02))
    assert await log.first(3) == ["early", "middle", "late"]
    assert len(schedule) == 0


async def test_a_worker_comes_again_when_it_says() -> None:
    schedule, log = Schedule(), Log()
    schedule.put(Bell(log, "again", [0.001, 0.001]), schedule.now())
    assert await log.first(3) == ["again"] * 3
    assert len(schedule) == 0


async def test_a_new_time_replaces_the_one_before() -> None:
    schedule, log = Schedule(), Log()
    bell, now = Bell(log, "moved"), schedule.now()
    schedule.put(bell, Seconds(now + 0.01))
    schedule.put(bell, Seconds(now + 0.03))
    schedule.put(Bell(log, "between"), Seconds(now + 0.02))
    assert await log.first(2) == ["between", "moved"]


async def test_a_dropped_worker_is_not_called() -> None:
    schedule, log = Schedule(), Log()
    bell, now = Bell(log, "dropped"), schedule.now()
    schedule.put(bell, now)
    schedule.put(Bell(log, "other"), Seconds(now + 0.01))
    schedule.drop(bell)
    assert await log.first(1) == ["other"]


async def test_many_new_times_do_not_pile_up() -> None:
    schedule, log = Schedule(), Log()
    bell, far = Bell(log, "far"), Seconds(schedule.now() + 1000)
    for _ in range(10_000):
        schedule.put(bell, far)
    assert len(schedule._heap) < 200
    schedule.drop(bell)
    assert len(schedule) == 0


async def test_a_worker_without_pause_leaves_the_loop_to_others() -> None:
    schedule, log = Schedule(), Log()
    greedy = Bell(log, "greedy", [0.0] * 10**6)
    schedule.put(greedy, schedule.now())
    # Ten turns of the loop come about although there is always something due.
    for _ in range(10):
        await asyncio.sleep(0)
    assert 0 < len(log.names) < 10**6
    schedule.drop(greedy)
