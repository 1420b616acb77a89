"""The worker's policy: which whole request gets a thread, which is refused, and how the process ends."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from gunicorn.http import errors

from serving import arrival, store
from serving.gate import GatedWorker
from serving.problems import Problem


class Worker(GatedWorker):
    """Answers health checks however busy it is, refuses what would wait too long, and ends without haste."""

    def init_process(self):
        self._health_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="health")
        self._under_way = 0
        super().init_process()

    def load_wsgi(self):
        super().load_wsgi()
        self._service = self.wsgi.extensions["serving"]
        self.body_seconds = self._service.settings.body_seconds
        self.max_body_bytes = self._service.settings.max_body_bytes

    def admit(self, conn, arriving):
        most = self.cfg.threads + self._service.settings.queue_requests
        if arriving.head_too_large():
            self._refuse(
                conn, Problem("headers-too-large", f"The headers have no end within {len(arriving.received)} bytes.")
            )
        elif arriving.is_health_check():
            self._submit(self._health_threads, conn, counted=0)
        elif self._under_way >= most:
            self._refuse(conn, Problem("overloaded", f"{self._under_way} requests are under way in this process."))
        else:
            self._submit(self.tpool, conn, counted=1)

    def _submit(self, threads, conn, *, counted):
        self._under_way += counted
        future = threads.submit(self.handle, conn)
        future.add_done_callback(lambda done: self.method_queue.defer(self._finished, conn, done, counted))

    def _finished(self, conn, done, counted):
        self._under_way -= counted
        self.finish_request(conn, done)

    def give_up(self, conn):
        self._refuse(conn, Problem("slow-body", f"A request must arrive within {self.body_seconds:g} seconds."))

    def _refuse(self, conn, problem):
        self._service.metrics.problems.labels(problem.kind).inc()
        self.send(conn, arrival.raw_response(problem))
        self.linger(conn)

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

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGHUP, self.handle_reload)

    def handle_reload(self, sig, frame):
        """SIGHUP: what MODEL_URI names may be another model by now."""
        if hasattr(self, "_service"):
            store.folder.cache_clear()
            self._service.reload()

    def handle_exit(self, sig, frame):
        """SIGTERM: unready first, so that a load balancer looks elsewhere; then no more connections."""
        self.cfg.set("keepalive", 0)  # each answer from now on is its connection's last
        service = getattr(self, "_service", None)
        if service is None or not service.settings.drain_seconds:
            super().handle_exit(sig, frame)
        elif not service.slot.draining:
            threading.Timer(service.settings.drain_seconds, super().handle_exit, (sig, frame)).start()
        if service is not None:
            service.slot.draining = True
