"""A request under way, and who answers it: its thread or fiber or, once it is late, the worker. Never both."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field

from gunicorn.workers.gthread import TConn

from serving.arrival import Head


class Turn:
    """The right to answer one request.

    Attributes:
        since: when it was admitted, by the monotonic clock, in seconds.
        deadline: by the same clock.
    """

    __slots__ = ("_lock", "_taken_by", "deadline", "since")

    def __init__(self, deadline: float):
        self.since, self.deadline = time.monotonic(), deadline
        self._lock = threading.Lock()
        self._taken_by: str | None = None

    def take(self, by: str) -> bool:
        """Whether `by` is the one that answers: who asks first is, and may ask again."""
        with self._lock:
            self._taken_by = self._taken_by or by
            return self._taken_by == by


class Kept:
    """What a fiber has come to, as the future that gunicorn asks.

    Args:
        connection: whether it can be used for another request.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: bool):
        self._connection = connection

    def cancelled(self) -> bool:
        """Never: it has ended."""
        return False

    def exception(self) -> None:
        """None: the worker has dealt with it."""

    def result(self) -> bool:
        """Whether the connection is kept."""
        return self._connection


@dataclass(eq=False)
class Pool:
    """How many requests of a kind are under way, and the threads that answer those that no fiber does.

    Attributes:
        threads: that answer; None where fibers answer all.
        most: requests, answered now and waiting for a thread or a fiber.
        limits: settings to name to a client where there are as many.
        busy: requests now.
    """

    threads: ThreadPoolExecutor | None
    most: float
    limits: dict[str, int] = field(default_factory=dict)
    busy: int = 0


@dataclass(eq=False)
class UnderWay:
    """A request that has been given to a thread or a fiber.

    Attributes:
        last: nobody can tell where the next one on its connection begins.
        thread: what its thread or fiber comes to; None until it has one.
    """

    conn: TConn
    head: Head
    pool: Pool
    turn: Turn
    last: bool = False
    thread: Future | Kept | None = None
    late: bool = False  # answered by the worker, by its deadline

    def seconds(self) -> float:
        """How long it has been under way."""
        return time.monotonic() - self.turn.since


CURRENT: ContextVar[UnderWay] = ContextVar("request")  # that this thread or fiber answers
