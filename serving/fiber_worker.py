"""gunicorn's threaded worker, with fibers on its main thread for requests that need no thread."""

from __future__ import annotations

import selectors
import socket
import time
from types import SimpleNamespace

from gunicorn.workers.gthread import ThreadWorker

from serving import fiber
from serving.fiber import Fibers


class _Outbox:
    """A socket for gunicorn to write an answer to: kept, and sent at once."""

    def __init__(self, sock: socket.socket):
        self._sock, self.written = sock, bytearray()

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        self.written += data


class FiberWorker(ThreadWorker):
    """Answers requests in fibers or threads: `handle` may be called in either."""

    body_seconds: float

    def init_process(self):
        self.fibers = Fibers(lambda: self.method_queue.defer(lambda: None))
        # As plain attributes: twenty are looked up a request, each by a function that looks in a dictionary.
        vars(self.cfg).update((name, setting.get()) for name, setting in self.cfg.settings.items())
        super().init_process()

    def wait_for_and_dispatch_events(self, timeout):
        super().wait_for_and_dispatch_events(0 if self.fibers.due() else timeout)
        self.fibers.alone = self.nr_conns < 2
        self.fibers.run()

    def handle_request(self, req, conn):
        """Answer; the client has `body_seconds` to take it.

        Raises:
            StopIteration: it has not, gunicorn's sign to close.
        """
        if fiber.running():
            outbox = _Outbox(conn.sock)
            kept = super().handle_request(req, SimpleNamespace(sock=outbox, client=conn.client, server=conn.server))
            self.send_all(conn.sock, outbox.written)
            return kept
        conn.sock.settimeout(self.body_seconds)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            raise StopIteration("the client does not take its answer") from None

    def send_all(self, sock, data):
        """Send what a thread or a fiber answers."""
        if not fiber.running():
            sock.sendall(data)
            return
        left, deadline = memoryview(data), time.monotonic() + self.body_seconds
        while left:
            try:
                left = left[sock.send(left, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._wait_for_room(sock, deadline)

    def _wait_for_room(self, sock, deadline):
        room = fiber.event()
        self.poller.register(sock, selectors.EVENT_WRITE, lambda _: room.set())
        try:
            if not room.wait(deadline - time.monotonic()):
                raise StopIteration("the client does not take its answer")
        finally:
            self.poller.unregister(sock)
