"""The threads in which the model computes. A call cannot be stopped: one that does not come back is only known here."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

MOST = 2  # calls at once
_LONG = 0.5  # seconds: one that began just before the deadline does not hang


class Calls:
    """Calls of the model, those of one that has been replaced among them.

    Attributes:
        soon: calls what it is given once those who ask at the same moment have asked; at once, where nobody can tell.
    """

    def __init__(self):
        self.soon: Callable[[Callable[[], None]], None] = lambda work: work()
        self._threads = ThreadPoolExecutor(MOST, "model")
        self._lock = threading.Lock()
        self._late_at: dict[Callable[[], None], float] = {}

    def start(self, work: Callable[[], None], *, deadline: float) -> None:
        """Do this in a thread.

        Args:
            work: the call, and what is to be done with its scores.
            deadline: of the last of its requests, by the monotonic clock: from then on it is late.
        """
        with self._lock:
            self._late_at[work] = max(deadline, time.monotonic() + _LONG)
        self._threads.submit(self._run, work)

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                del self._late_at[work]

    def late_at(self) -> float:
        """When the first of the calls under way was or will be late; without any, never."""
        with self._lock:
            return min(self._late_at.values(), default=math.inf)
