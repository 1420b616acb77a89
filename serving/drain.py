"""How a worker ends on SIGTERM, or after `max_requests`, without a dropped request.

It says that it is unready, and goes on with new and kept connections, each answer the last of its connection. Then it
takes all that waits at the listening socket and closes that, gives those who have connected a moment to ask, drops the
connections without a request, finishes the requests under way, and is gone.
"""

from __future__ import annotations

import math
import select
import time

from gunicorn.workers.gthread import TConn

from serving import sockets
from serving.crowd import CrowdedWorker

_ASK_SECONDS = 0.5  # for clients that connected at the last moment, or heard that their connection would be kept


class DrainingWorker(CrowdedWorker):
    """Calls `become_unready` first, then answers for `drain_seconds` before it stops to listen."""

    drain_seconds: float = 0

    def init_process(self):
        self._listens_until = self._ends_at = math.inf
        self._told = False  # to end
        # gunicorn itself would close kept connections as soon as there were so many, amid what clients are asking.
        self._most_requests, self.max_requests = self.max_requests, math.inf
        super().init_process()

    @property
    def draining(self) -> bool:
        """Whether this process is about to end."""
        return self._listens_until < math.inf

    def become_unready(self) -> None:
        """Show from now on that no new work is wanted."""
        raise NotImplementedError()

    def alone(self) -> bool:
        """Whether no other process can take what waits at the listening socket."""
        raise NotImplementedError()

    def handle_exit(self, sig, frame):
        """SIGTERM, at any point of the main thread: so it only notes the time."""
        if not self.booted:
            super().handle_exit(sig, frame)
            return
        self._told = True
        if not self.draining:
            self._begin_to_end()
            self.method_queue.defer(lambda: None)  # wakes the main thread

    def _begin_to_end(self):
        self._listens_until = time.monotonic() + self.drain_seconds
        self.become_unready()

    def close_if_last(self, conn: TConn, *, last: bool) -> None:
        """Where a request is about to be answered: the client is to hear whether this is its connection's last answer.

        Args:
            conn: with the request.
            last: it is, even if the process goes on.
        """
        if last or self.draining:
            conn.parser.mesg.force_close()

    def murder_pending(self):
        super().murder_pending()
        if self.nr >= self._most_requests and not self.draining:
            self.log.info("%d requests: this worker gives its place to another", self.nr)
            self._begin_to_end()
        now = time.monotonic()
        if self._listens_until <= now and self.sockets:
            self._stop_listening()
            self._ends_at = now + _ASK_SECONDS
        if self._ends_at <= now or (not self.sockets and not self.nr_conns):
            self.alive = False

    def _stop_listening(self):
        """Close the listening sockets; the last process to do so resets the connections that nobody has taken."""
        self.set_accept_enabled(False)
        for listener in self.sockets:
            if self.alone():
                if self._told:  # as all may be: who connects between the last look and the close would be reset
                    sockets.let_none_connect(listener)
                self._take_all(listener)
            listener.close()
        self.sockets = []

    def _take_all(self, listener):
        # No more than there are file descriptors for: without one the worker would end amid its requests.
        while self.nr_conns < self.worker_connections and select.select([listener], [], [], 0)[0]:
            self.accept(listener)
