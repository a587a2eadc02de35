"""What is written beside the program: nobody waits for a disk that is full or a reader that is gone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Beside(Generic[Item]):
    """Takes items at once and raises nothing; a thread of its own writes them, in their order.

    ``lost`` counts those that had no room or could not be written: there is nowhere else to tell it.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Item], None],
        most_waiting: int,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare.

        Args:
            name: Of the thread.
            write: Writes one item, in that thread; may raise OSError, and what does is lost.
            most_waiting: Items that may wait; more are lost.
            end: Called there when all is written.

        """
        self._write = write
        self._most_waiting = most_waiting
        self._end = end
        self._items: SimpleQueue[tuple[Item] | None] = SimpleQueue()
        self._counting = threading.Lock()
        self.lost = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Write from now on."""
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Write what waits, for so long at most."""
        self._items.put(None)
        self._thread.join(seconds)

    @property
    def has_room(self) -> bool:
        """Whether one more may wait."""
        return self._items.qsize() < self._most_waiting

    def put(self, item: Item) -> None:
        """Take an item, if there is room for it."""
        if self.has_room:
            self._items.put((item,))
        else:
            self.lose()

    def lose(self) -> None:
        """Count one that is not written."""
        with self._counting:
            self.lost += 1

    def _work(self) -> None:
        while (one := self._items.get()) is not None:
            try:
                self._write(one[0])
            except OSError:
                self.lose()
        self._end()
