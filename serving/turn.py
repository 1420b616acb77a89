"""Who answers a request: its own thread or, once that is late, the main thread. Never both."""

from __future__ import annotations

import threading


class Turn:
    """The right to answer one request.

    Attributes:
        deadline: by the monotonic clock, in seconds.
    """

    __slots__ = ("_lock", "_taken_by", "deadline")

    def __init__(self, deadline: float):
        self.deadline = deadline
        self._lock = threading.Lock()
        self._taken_by: str | None = None

    def take(self, by: str) -> bool:
        """Whether `by` is the one that answers: who asks first is, and may ask again."""
        with self._lock:
            self._taken_by = self._taken_by or by
            return self._taken_by == by
