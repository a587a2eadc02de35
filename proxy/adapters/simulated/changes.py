"""Waiting for something to become true, without sleeping and looking."""

import asyncio
from collections.abc import Callable

from proxy.units import Seconds

AT_ONCE = Seconds(0)


class Changes:
    """Wakes whoever waits for a condition on an object that says when it has changed.

    Args:
        owner: Said in the message of a wait that failed.
        describe: What the state is now, for the same message.
        pause: Least time between two looks. A fleet of thousands changes too often to look each time.

    """

    def __init__(self, owner: str, describe: Callable[[], object], pause: Seconds = AT_ONCE) -> None:
        self._owner = owner
        self._describe = describe
        self._pause = pause
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._look: asyncio.TimerHandle | None = None

    def happened(self) -> None:
        """Let the waiting look again, now or after the pause."""
        if not self._waiting or self._look is not None:
            return
        if self._pause > 0:
            self._look = asyncio.get_running_loop().call_later(self._pause, self._check)
        else:
            self._check()

    def _check(self) -> None:
        self._look = None
        still: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        for condition, future in self._waiting:
            if future.done():
                continue
            try:
                if condition():
                    future.set_result(None)
                    continue
            except Exception as error:  # the waiter's own condition failed: the waiter hears it, not we
                future.set_exception(error)
                continue
            still.append((condition, future))
        self._waiting = still

    async def wait_for(self, condition: Callable[[], bool], timeout: float) -> None:
        """Return as soon as ``condition`` holds.

        Raises:
            TimeoutError: It did not within ``timeout`` seconds; the message tells the state then.

        """
        if condition():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, future))
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise TimeoutError(f"{self._owner}: not within {timeout} s; now {self._describe()}") from None
        finally:
            self._waiting = [entry for entry in self._waiting if entry[1] is not future]
