"""The worker's policy: which whole request gets a thread, which is refused, which is late, and how the process ends."""

from __future__ import annotations

import errno
import math
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile

from gunicorn.http import errors

from serving import operation, problems, shared
from serving.drain import DrainingWorker
from serving.problems import Problem
from serving.refusal import Refusals
from serving.turn import Pool, Turn, UnderWay

_UNEVEN = 1  # connections that a worker may have more than the one with the fewest
_GIVES_WAY = 0.005  # seconds that it then waits before it looks again: many may come at once
_GRACE = 0.1  # seconds: a thread that only waits answers at its deadline by itself
_SCRAPES = 4  # of /metrics at a time, one under way: each reads the figures of all workers


class Worker(DrainingWorker):
    """Answers health checks however busy it is, refuses what would wait too long, and ends without haste."""

    def init_process(self):
        self._health = Pool(ThreadPoolExecutor(2, "health"), math.inf)
        self._metrics = Pool(ThreadPoolExecutor(1, "metrics"), _SCRAPES)
        self._gives_way = False  # to workers with fewer connections
        self._under_way: dict[UnderWay, None] = {}  # a set, in the order of the deadlines
        self._hanging: dict[UnderWay, None] = {}  # likewise: answered, but their threads have not come back
        self._thread = threading.local()
        super().init_process()

    def load_wsgi(self):
        super().load_wsgi()
        self._service = self.wsgi.extensions["serving"]
        self._service.loader.on_ready = lambda: self.method_queue.defer(self._open_or_close)
        self._settings = self._service.settings
        self.body_seconds = self._settings.body_seconds
        self.max_body_bytes = self._settings.max_body_bytes
        self.drain_seconds = self._settings.drain_seconds
        waiting = self._settings.queue_requests
        self._pool = Pool(self.tpool, self.cfg.threads + waiting, {"queue_requests": waiting})
        self._refusals = Refusals(self.wsgi)
        self._app, self.wsgi = self.wsgi, self._answer

    def set_accept_enabled(self, enabled):
        """Leave new connections to a worker that can answer them; where none can, /livez still must be answered.

        Connections stay for long, so one that took more than its share would be busy while others idle.
        """
        board = shared.memory().board
        fit = self.alive and not self.draining and self._service.slot.filled() and not self._hanging
        board.show(fit, self.nr_conns)
        its_turn = self.nr_conns <= board.least_connections() + _UNEVEN if fit else not board.anyone_ready()
        self._gives_way = fit and enabled and not its_turn
        super().set_accept_enabled(enabled and its_turn)

    def wait_for_and_dispatch_events(self, timeout):
        super().wait_for_and_dispatch_events(min(timeout, _GIVES_WAY) if self._gives_way else timeout)
        self._open_or_close()

    def _open_or_close(self):
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def admit(self, conn, arriving):
        head = arriving.head()
        pool = self._pool_for(*head.first_line())
        if arriving.head_too_large():
            detail = f"The headers have no end within {len(arriving.received)} bytes."
            self._refuse(conn, head, Problem("headers-too-large", detail))
        elif arriving.malformed:
            self._refuse(conn, head, Problem("malformed-request", arriving.malformed))
        elif pool.busy >= pool.most:
            detail = f"{pool.busy} requests are under way in this process."
            self._refuse(conn, head, Problem("overloaded", detail, headers={"Retry-After": "1"}, **pool.limits))
        else:
            turn = Turn(time.monotonic() + self._settings.request_seconds)
            self._submit(UnderWay(conn, head, pool, turn, last=not arriving.whole()))

    def _pool_for(self, method, path):
        if not operation.is_health_check(method, path):
            return self._pool
        return self._metrics if path == operation.METRICS else self._health

    def _submit(self, request):
        request.pool.busy += 1
        self._under_way[request] = None
        request.thread = request.pool.threads.submit(self._handle, request)
        request.thread.add_done_callback(lambda done: self.method_queue.defer(self._finished, request))

    def _handle(self, request):
        self._thread.request = request
        return self.handle(request.conn)

    def _answer(self, environ, start_response):
        """In a thread: what the application answers, unless the main thread has answered meanwhile."""
        turn = environ["serving.turn"] = self._thread.request.turn
        environ["serving.hanging"] = bool(self._hanging)
        body = self._app(environ, start_response)
        self.close_if_last(last=self._thread.request.last)
        if turn.take("thread"):
            return body
        body.close()
        raise BrokenPipeError(errno.EPIPE, "answered by its deadline")

    def _finished(self, request):
        request.pool.busy -= 1
        self._under_way.pop(request, None)
        self._hanging.pop(request, None)
        if not request.late:
            self.finish_request(request.conn, request.thread)

    def murder_pending(self):
        super().murder_pending()
        now = time.monotonic()
        for request in list(takewhile(lambda each: each.turn.deadline + _GRACE < now, self._under_way)):
            self._answer_late(request, problems.late(self._settings.request_seconds))
        oldest = next(iter(self._hanging), None)
        if self.alive and oldest is not None and oldest.turn.deadline + self._settings.hang_seconds < now:
            self._give_place(now - oldest.turn.deadline)

    def _answer_late(self, request, problem):
        """Answer for a thread that does not; what waits for a thread will not get one."""
        del self._under_way[request]
        if not request.turn.take("main"):
            return  # it is answering
        request.late = True
        if not request.thread.cancel():
            self._hanging[request] = None
            self._open_or_close()  # before the client hears of it: it may ask again at once, and another must hear that
            self.log.warning("a model call is late: %s", problem.detail)
        self._refuse(request.conn, request.head, problem, seconds=request.seconds())

    def _give_place(self, seconds):
        """End as on SIGTERM: a call into the model cannot be stopped, but its process can; gunicorn starts another."""
        self.log.critical("a model call has not come back %.1f seconds after its deadline: this worker ends", seconds)
        self._service.metrics.hung_workers.inc()
        self.alive = False

    def give_up(self, conn, arriving):
        detail = f"A request must arrive within {self.body_seconds:g} seconds."
        problem = Problem("slow-body", detail, body_seconds=self.body_seconds)
        self._refuse(conn, arriving.head(), problem, seconds=self.body_seconds)

    def _refuse(self, conn, head, problem, *, seconds=0.0):
        self.send(conn, self._refusals.response(problem, head, peer=conn.client, seconds=seconds))
        self.linger(conn)

    def handle_error(self, req, client, addr, exc):
        """What gunicorn's parser refuses, as a problem document and never as a 5xx."""
        if not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        request = self._thread.request
        if not request.turn.take("thread"):
            return
        too_large = isinstance(exc, errors.LimitRequestLine | errors.LimitRequestHeaders)
        problem = Problem("headers-too-large" if too_large else "malformed-request", str(exc)[:300])
        try:
            client.sendall(self._refusals.response(problem, request.head, peer=addr, seconds=request.seconds()))
        except OSError as error:
            self.log.debug("client went away: %s", error)

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGHUP, self.handle_reload)

    def handle_reload(self, sig, frame):
        """SIGHUP: what MODEL_URI names may be another model by now."""
        if hasattr(self, "_service"):
            self._service.loader.reload()

    def become_unready(self):
        self._service.slot.draining = True

    def alone(self):
        return not shared.memory().board.anyone_ready()
