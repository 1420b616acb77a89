"""Requests that wait without a thread: greenlets of the main thread, which goes on with others meanwhile.

A thread for each would have to be woken twice a request, and all of them would fight over Python's one lock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from greenlet import getcurrent, greenlet

_SLICE = 0.01  # seconds that fibers run before the main thread looks at its sockets again
_LOOK = 0.05  # seconds between looks for those whose time is up
_KEPT = 64  # fibers without work: a new one costs a mapping of memory


class _Fiber(greenlet):
    fibers: Fibers
    work: Callable[[], None]

    def run(self) -> None:
        self.work()
        while self.fibers.rest(self):
            self.work()


class _Event:
    """`threading.Event`, as far as it is needed, for a fiber that waits; any thread may set it."""

    def __init__(self, fiber: _Fiber):
        self._fiber, self._is_set = fiber, False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._fiber.fibers.wake(self._fiber)

    def wait(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not self._is_set and time.monotonic() < deadline:
            self._fiber.fibers.park(self._fiber, deadline)
        return self._is_set


def event() -> _Event | threading.Event:
    """What whoever calls this can wait for: a fiber lets others go on, a thread stands still."""
    return _Event(getcurrent()) if running() else threading.Event()


def running() -> bool:
    """Whether the caller is a fiber: it must wait for nothing but an `event()`."""
    return isinstance(getcurrent(), _Fiber)


class Fibers:
    """Those of the thread that makes this, its main thread.

    Args:
        signal: makes the main thread call `run`; called from other threads.

    Attributes:
        alone: nobody else can bring work: there is one connection.
    """

    alone = False

    def __init__(self, signal: Callable[[], None]):
        self._signal, self._signalled = signal, False
        self._hub, self._main = getcurrent(), threading.get_ident()
        self._new: deque[Callable[[], None]] = deque()
        self._woken: deque[_Fiber] = deque()
        self._waiting: dict[_Fiber, float] = {}  # until when, by the monotonic clock
        self._soon: dict[Callable[[], None], None] = {}  # a set, in order
        self._soon_by = 0.0  # at the latest
        self._idle: list[_Fiber] = []
        self._looked = 0.0

    def start(self, work: Callable[[], None]) -> None:
        """Do this in a fiber, after what came before."""
        self._new.append(work)

    def start_now(self, work: Callable[[], None]) -> None:
        """Do this in a fiber, before all that waits; in a fiber, which itself would never go on, after it."""
        if running():
            self.start(work)
            return
        fiber = self._idle.pop() if self._idle else _Fiber()
        fiber.fibers, fiber.work = self, work
        fiber.switch()

    def soon(self, work: Callable[[], None]) -> None:
        """Call this, once, when a look at the sockets has brought no more work, or a slice later. From any thread."""
        if self.alone:
            work()
            return
        if not self._soon:
            self._soon_by = time.monotonic() + _SLICE
        self._soon[work] = None
        self._wake_main()

    def wake(self, fiber: _Fiber) -> None:
        """Let a fiber look again at what it waits for. From any thread."""
        self._woken.append(fiber)
        self._wake_main()

    def _wake_main(self) -> None:
        if not self._signalled and threading.get_ident() != self._main:
            self._signalled = True
            self._signal()

    def park(self, fiber: _Fiber, deadline: float) -> None:
        """Go on with others, in the fiber that is to wait."""
        self._waiting[fiber] = deadline
        self._hub.switch()

    def rest(self, fiber: _Fiber) -> bool:
        """Wait for other work, in the fiber that has none; False where it is not needed any more."""
        del fiber.work
        if len(self._idle) == _KEPT:
            return False
        self._idle.append(fiber)
        self._hub.switch()
        return True

    def due(self) -> bool:
        """Whether there is something to run."""
        return bool(self._woken or self._new or self._soon)

    def run(self) -> None:
        """Run those that can for a moment; the main thread calls this after each look at its sockets."""
        self._signalled = False  # first: what comes from now on signals again
        now = time.monotonic()
        if now > self._looked + _LOOK:
            self._looked = now
            self._woken.extend(fiber for fiber, deadline in self._waiting.items() if deadline <= now)
        pauses = not (self._woken or self._new)
        while (self._woken or self._new) and time.monotonic() < now + _SLICE:
            if not self._woken:
                self.start_now(self._new.popleft())
            elif self._waiting.pop(fiber := self._woken.popleft(), None) is not None:
                fiber.switch()
        if pauses or now > self._soon_by:
            for work in list(self._soon):
                del self._soon[work]
                work()
