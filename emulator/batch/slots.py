"""How many tasks of all jobs run at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Slots:
    """How many tasks may run at once."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._change = threading.Condition()

    def take(self, unwanted: Callable[[], bool]) -> bool:
        """Wait for a free place; False when it is not wanted any more."""
        with self._change:
            self._change.wait_for(lambda: self._free > 0 or unwanted())
            if unwanted():
                return False
            self._free -= 1
            return True

    def give_back(self) -> None:
        """The task has ended."""
        with self._change:
            self._free += 1
            self._change.notify()

    def wake(self) -> None:
        """Look again whether the place is still wanted."""
        with self._change:
            self._change.notify_all()
