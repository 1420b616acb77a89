"""gunicorn's threaded worker, with a gate before the threads: a request gets a thread once all of it has arrived.

Slow clients therefore hold a buffer and no thread, health checks have threads of their own, and where too many
requests wait already, the next is refused at once.
"""

from __future__ import annotations

import errno
import selectors
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from serving import arrival
from serving.problems import Problem

_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_CHUNK = 65_536


class Worker(ThreadWorker):
    """Receives on the main thread, answers on the others."""

    def init_process(self):
        self._arriving: dict[TConn, arrival.Arrival] = {}
        self._health_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")
        self._waiting = 0
        super().init_process()

    @property
    def _service(self):
        return self.wsgi.extensions["serving"]

    def enqueue_req(self, conn):
        if self.cfg.is_ssl:  # the bytes on the socket are not the request's
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        deadline = time.monotonic() + self._service.settings.body_seconds
        self._arriving[conn] = arrival.Arrival(deadline, self._service.settings.max_body_bytes)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))
        if conn.parser is not None:  # what came along with the request before
            self._arriving[conn].received += conn.parser.unreader.take_buffered()
        self._receive(conn, conn.sock)

    def _receive(self, conn, sock):
        arriving = self._arriving[conn]
        ended = False
        try:
            received = sock.recv(_CHUNK)
            arriving.received += received
            ended = not received
        except OSError as error:
            ended = error.errno not in _AGAIN
        if arriving.owes_continue():
            self._send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")
        if ended or arriving.complete():
            self._leave_gate(conn)
            if arriving.received:
                self._dispatch(conn, arriving)
            else:
                self._close(conn)

    def _leave_gate(self, conn):
        del self._arriving[conn]
        self.poller.unregister(conn.sock)

    def _dispatch(self, conn, arriving):
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(bytes(arriving.received))
        conn.sock.settimeout(self._service.settings.body_seconds)  # for what the gate took for complete and was not
        if arriving.is_health_check():
            self._submit(self._health_threads, conn)
        elif self._waiting >= self.cfg.threads + self._service.settings.queue_requests:
            self._refuse(
                conn, Problem("overloaded", f"{self._waiting} requests are under way in this process already.")
            )
        else:
            self._waiting += 1
            self._submit(self.tpool, conn).add_done_callback(lambda done: self.method_queue.defer(self._one_less))

    def _submit(self, threads, conn):
        future = threads.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self.finish_request, conn, done))
        return future

    def _one_less(self):
        self._waiting -= 1

    def finish_request(self, conn, fs):
        super().finish_request(conn, fs)
        pipelined = conn in self.keepalived_conns and conn.parser.unreader.buf.tell()
        if pipelined:
            self.on_client_socket_readable(conn, conn.sock)

    def murder_pending(self):
        super().murder_pending()
        now = time.monotonic()
        for conn, arriving in list(self._arriving.items()):
            if arriving.deadline < now:
                self._leave_gate(conn)
                if arriving.received:
                    seconds = self._service.settings.body_seconds
                    self._refuse(conn, Problem("slow-body", f"A request must arrive within {seconds:g} seconds."))
                else:
                    self._close(conn)

    def _refuse(self, conn, problem):
        self._service.metrics.problems.labels(problem.kind).inc()
        self._send(conn, arrival.raw_response(problem))
        self._close(conn)

    def _send(self, conn, data):
        try:
            conn.sock.send(data)  # small, into an empty buffer: it does not block
        except OSError as error:
            self.log.debug("client went away: %s", error)

    def _close(self, conn):
        self.nr_conns -= 1
        conn.close()

    def handle_error(self, req, client, addr, exc):
        """What gunicorn's parser refuses, as a problem document and never as a 5xx."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        too_large = isinstance(exc, errors.LimitRequestLine | errors.LimitRequestHeaders)
        problem = Problem("headers-too-large" if too_large else "malformed-request", str(exc)[:300])
        self._service.metrics.problems.labels(problem.kind).inc()
        try:
            client.sendall(arrival.raw_response(problem))
        except OSError as error:
            self.log.debug("client went away: %s", error)

    def wait_for_and_dispatch_events(self, timeout):
        super().wait_for_and_dispatch_events(min(timeout, 0.5))  # or the deadlines would wait for the next event

    def set_accept_enabled(self, enabled):
        super().set_accept_enabled(enabled)
        if not self.alive:
            self._close_idle()

    def _close_idle(self):
        """Close the connections without a request, which would hold up the end until their clients close them."""
        while self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self._close(conn)
        for conn in [conn for conn, arriving in self._arriving.items() if not arriving.received]:
            self._leave_gate(conn)
            self._close(conn)

    def handle_exit(self, sig, frame):
        """SIGTERM: unready first, so that a load balancer looks elsewhere, then no more connections."""
        wsgi = getattr(self, "wsgi", None)
        self.cfg.set("keepalive", 0)  # each answer from now on is its connection's last
        if wsgi is None or not self._service.settings.drain_seconds:
            super().handle_exit(sig, frame)
        elif not self._service.slot.draining:
            threading.Timer(self._service.settings.drain_seconds, super().handle_exit, (sig, frame)).start()
        if wsgi is not None:
            self._service.slot.draining = True
