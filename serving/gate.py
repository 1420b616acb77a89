"""A worker with a gate before its threads and fibers: whole requests go in, slow clients wait outside.

A client that sends slowly, or asks on without hearing, holds a buffer and no thread. One that stops hearing amid an
answer larger than the kernel buffers holds a thread or a fiber for `body_seconds`, and is then let go.
"""

from __future__ import annotations

import inspect
import selectors
import socket
import time
from functools import partial
from itertools import takewhile

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import TConn

from serving import sockets
from serving.arrival import Arrival, Head
from serving.fiber_worker import FiberWorker
from serving.reader import WholeRequest

LINGER_SECONDS = 2


class GatedWorker(FiberWorker):
    """Calls `admit` with each connection whose next request is here whole, and `give_up` where that took too long."""

    max_body_bytes: int

    def init_process(self):
        self._arriving: dict[TConn, Arrival] = {}
        self._deaf: dict[TConn, Arrival] = {}  # they ask on, and have not taken the answers before
        self._lingering: dict[TConn, float] = {}
        super().init_process()

    def admit(self, conn: TConn, arriving: Arrival) -> None:
        """Answer the request that has arrived."""
        raise NotImplementedError

    def wants_body(self, head: Head) -> bool:
        """Whether the body that follows such headers will be read."""
        return True

    def give_up(self, conn: TConn, arriving: Arrival) -> None:
        """Send a client away whose request has not arrived in time."""
        raise NotImplementedError

    def enqueue_req(self, conn):
        """Wait for a request: gunicorn calls this with new connections and with kept ones that have become readable."""
        arriving = Arrival(time.monotonic() + self.body_seconds, self.max_body_bytes, self.wants_body)
        if conn.parser is not None:  # what came along with the request before
            arriving.received += conn.parser.unreader.take_buffered()
        if arriving.complete() or self._receive(conn, arriving):
            self._open(conn, arriving)
        else:
            self._arriving[conn] = arriving
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive_more, conn))

    def _receive_more(self, conn, sock):
        if self._receive(conn, self._arriving[conn]):
            self._open(conn, self._leave(conn))

    def _receive(self, conn, arriving) -> bool:
        """Take what has come; whether there is no more to wait for."""
        received, ended = sockets.read(conn.sock)
        arriving.received += received
        if arriving.owes_continue():
            self.send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")
        return ended or arriving.complete()

    def _leave(self, conn):
        self.poller.unregister(conn.sock)
        return self._arriving.pop(conn)

    def _open(self, conn, arriving):
        if not arriving.received:
            self.drop(conn)
        elif conn.parser is not None and not sockets.takes(conn.sock):
            arriving.deadline = time.monotonic() + self.body_seconds
            self._deaf[conn] = arriving
            self.poller.register(conn.sock, selectors.EVENT_WRITE, partial(self._hears_again, conn))
        else:
            self._begin(conn, arriving)

    def since(self, arriving: Arrival) -> float:
        """When it began to arrive, or to be waited for, by the monotonic clock in seconds."""
        return arriving.deadline - self.body_seconds

    def _hears_again(self, conn, sock):
        self._begin(conn, self._hear_no_more(conn))

    def _hear_no_more(self, conn):
        self.poller.unregister(conn.sock)
        return self._deaf.pop(conn)

    def _begin(self, conn, arriving):
        conn.data_ready = True
        conn.init()
        conn.parser.unreader = WholeRequest(bytes(arriving.received))
        self.admit(conn, arriving)

    def _keepalive_after(self, conn, keepalive):
        """Whether the connection can be kept: not after a broken body. The answer has gone, and no other may follow."""
        try:
            # What nobody has read of it is here; gunicorn by itself would stop after 64 KiB, and close.
            return keepalive and not _broke(conn.parser.mesg.body) and conn.parser.finish_body()
        except (OSError, ParseException) as error:
            self.log.debug("Closing connection: %s", error)
            return False

    def finish_request(self, conn, fs):
        if not (self.alive and not fs.cancelled() and fs.exception() is None and fs.result()):
            self.linger(conn)  # gunicorn would wait for the client on this thread
            return
        super().finish_request(conn, fs)
        pipelined = conn in self.keepalived_conns and conn.parser.unreader.left()
        if pipelined:
            self.on_client_socket_readable(conn, conn.sock)

    def linger(self, conn):
        """Say that there is no more to come, and close once the client has heard it: it may still be sending."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop(conn)
            return
        self._lingering[conn] = time.monotonic() + LINGER_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._discard, conn))

    def _discard(self, conn, sock):
        _, ended = sockets.read(sock)
        if ended:
            self._stop_lingering(conn)

    def _stop_lingering(self, conn):
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        self.drop(conn)

    def send(self, conn, data):
        """Send a few bytes into an empty buffer, which does not block."""
        try:
            conn.sock.send(data)
        except OSError as error:
            self.log.debug("client went away: %s", error)

    def drop(self, conn):
        """Close at once."""
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self):
        """gunicorn calls this after each round of events: whose time is up?"""
        super().murder_pending()
        now = time.monotonic()
        # All are in the order of their deadlines.
        for conn, _ in list(takewhile(lambda item: item[1] < now, self._lingering.items())):
            self._stop_lingering(conn)
        for conn, _ in list(takewhile(lambda item: item[1].deadline < now, self._deaf.items())):
            self._hear_no_more(conn)
            self.drop(conn)
        for conn, arriving in list(takewhile(lambda item: item[1].deadline < now, self._arriving.items())):
            self._leave(conn)
            if arriving.received:
                self.give_up(conn, arriving)
            else:
                self.drop(conn)

    def wait_for_and_dispatch_events(self, timeout):
        super().wait_for_and_dispatch_events(min(timeout, 0.2))  # or deadlines would wait for the next event

    def set_accept_enabled(self, enabled):
        super().set_accept_enabled(enabled)
        if not self.alive:
            self._drop_idle()

    def _drop_idle(self):
        """Drop the connections without a request, which would hold up the end until their clients close them."""
        for conn in list(self.keepalived_conns):
            self.on_client_socket_readable(conn, conn.sock)
        for conn in [conn for conn, arriving in self._arriving.items() if not arriving.received]:
            self._receive_more(conn, conn.sock)  # a last look: what has been sent is answered
            if conn in self._arriving and not self._arriving[conn].received:
                self._leave(conn)
                self.drop(conn)


def _broke(body) -> bool:
    """Whether reading a chunked body has failed: where the next request begins, nobody can tell."""
    chunks = getattr(body.reader, "parser", None)
    return chunks is not None and inspect.getgeneratorstate(chunks) == inspect.GEN_CLOSED
