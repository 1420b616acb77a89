"""The worker's policy: which whole request gets a fiber or a thread, which is refused, which is late, what hangs."""

from __future__ import annotations

import errno
import math
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile

from serving import fiber, operation, problems
from serving.problems import Problem
from serving.refusal import Refusals, RefusingWorker
from serving.turn import CURRENT, Kept, Pool, Turn, UnderWay

_IN_FIBERS = ("/predict", "/explain")  # beside the health checks: they wait for the model, and answer little
_MOST_COST = 65_536  # of a request for a fiber, see `Arrival.cost`: reading it holds up all others
_GRACE = 0.1  # seconds: a thread that only waits answers at its deadline by itself
_SCRAPES = 4  # of /metrics at a time, one under way: each reads the figures of all workers


class Worker(RefusingWorker):
    """Answers health checks however busy it is, refuses what would wait too long, and ends without haste."""

    def init_process(self):
        self._health = Pool(None, math.inf)
        self._metrics = Pool(ThreadPoolExecutor(1, "metrics"), _SCRAPES)
        self._under_way: dict[UnderWay, None] = {}  # a set, in the order of the deadlines
        self._hangs = False  # a call of the model has not come back in time
        super().init_process()

    def load_wsgi(self):
        super().load_wsgi()
        self._service = self.wsgi.extensions["serving"]
        self._service.slot.calls.soon = self.fibers.soon
        self._service.loader.on_ready = lambda: self.method_queue.defer(self.open_or_close)
        self._settings = self._service.settings
        self.body_seconds = self._settings.body_seconds
        self.max_body_bytes = self._settings.max_body_bytes
        self.drain_seconds = self._settings.drain_seconds
        waiting = self._settings.queue_requests
        self._pool = Pool(self.tpool, self.cfg.threads + waiting, {"queue_requests": waiting})
        self.refusals = Refusals(self.wsgi)
        self._app, self.wsgi = self.wsgi, self._answer

    def fit(self):
        return self._service.slot.filled() and not self._hangs

    def wants_body(self, head):
        return not self._settings.api_key or self._service.is_key(head.header("authorization"))

    def admit(self, conn, arriving):
        head = arriving.head()
        method, path = head.first_line()
        is_light = arriving.cost() <= _MOST_COST
        pool = self._pool_for(method, path) if is_light else self._pool
        if arriving.head_too_large():
            detail = f"The headers have no end within {len(arriving.received)} bytes."
            self.refuse(conn, head, Problem("headers-too-large", detail))
        elif arriving.malformed:
            self.refuse(conn, head, Problem("malformed-request", arriving.malformed))
        elif pool.busy >= pool.most:
            detail = f"{pool.busy} requests are under way in this process."
            problem = Problem("overloaded", detail, headers={"Retry-After": "1"}, **pool.limits)
            self.fibers.start(partial(self.refuse, conn, head, problem))  # hundreds at a time would hold up the others
        else:
            turn = Turn(time.monotonic() + self._settings.request_seconds)
            request = UnderWay(conn, head, pool, turn, last=not arriving.whole())
            self._submit(request, in_fiber=is_light and path in _IN_FIBERS)

    def _pool_for(self, method, path):
        if not operation.is_health_check(method, path):
            return self._pool
        return self._metrics if path == operation.METRICS else self._health

    def _submit(self, request, *, in_fiber):
        request.pool.busy += 1
        if request.pool is self._health:
            self.fibers.start_now(partial(self._answer_in_fiber, request))
        elif in_fiber and self._service.slot.filled():  # nothing but the model is to be waited for
            self.fibers.start(partial(self._answer_in_fiber, request))
        else:
            self._under_way[request] = None
            request.thread = request.pool.threads.submit(self._handle, request)
            request.thread.add_done_callback(lambda done: self.method_queue.defer(self._finished, request))

    def _answer_in_fiber(self, request):
        if request.turn.deadline < time.monotonic():
            self._answer_late(request, problems.late(self._settings.request_seconds))
        else:
            try:
                request.thread = Kept(self._handle(request))
            except Exception:  # of gunicorn's own handling: the others, whose main thread this is, shall go on
                self.log.exception("a request has failed")
                request.thread = Kept(False)
        self._finished(request)

    def _handle(self, request):
        CURRENT.set(request)
        return self.handle(request.conn)

    def _answer(self, environ, start_response):
        """In a thread or a fiber: what the application answers, unless the main thread has answered meanwhile."""
        request = CURRENT.get()
        environ["serving.turn"], environ["serving.hanging"] = request.turn, self._hangs
        environ.pop("HTTP_UPGRADE", None)  # nothing else is spoken here, and Werkzeug has no route for a WebSocket
        environ["PATH_INFO"] = environ["PATH_INFO"] or "/"  # of http://host, which Flask would send elsewhere
        body = self._app(environ, start_response)
        if fiber.running():
            self._look_at_calls()  # before the client hears: it may ask again at once, and another must hear that
        last = request.last or self._hangs or not self.alive or self.parts(request.conn)
        self.close_if_last(request.conn, last=last)
        if request.turn.take("thread"):
            return body
        if hasattr(body, "close"):  # a list has none
            body.close()
        raise BrokenPipeError(errno.EPIPE, "answered by its deadline")

    def _finished(self, request):
        request.pool.busy -= 1
        self._under_way.pop(request, None)
        if not request.late:
            self.finish_request(request.conn, request.thread)

    def murder_pending(self):
        super().murder_pending()
        self._look_at_calls()
        now = time.monotonic()
        for request in list(takewhile(lambda each: each.turn.deadline + _GRACE < now, self._under_way)):
            self._answer_late(request, problems.late(self._settings.request_seconds))

    def _answer_late(self, request, problem):
        """Answer for a thread that does not; what waits for a thread or a fiber will not get one."""
        self._under_way.pop(request, None)
        if not request.turn.take("main"):
            return  # it is answering
        request.late = True
        if request.thread is not None:
            request.thread.cancel()
        self.refuse(request.conn, request.head, problem, seconds=request.seconds())

    def _look_at_calls(self):
        """Whether one of the model hangs: then others shall have this worker's clients and, in time, its place."""
        late_at = self._service.slot.calls.late_at()
        seconds = time.monotonic() - late_at
        hung, self._hangs = self._hangs, seconds >= 0
        if self._hangs and not hung:
            self.open_or_close()
            self.log.warning("a model call is late")
        if self.alive and seconds > self._settings.hang_seconds:
            self._give_place(seconds)

    def _give_place(self, seconds):
        """End as on SIGTERM: a call into the model cannot be stopped, but its process can; gunicorn starts another."""
        self.log.critical("a model call has not come back %.1f seconds after its deadline: this worker ends", seconds)
        self._service.metrics.hung_workers.inc()
        self.alive = False

    def init_signals(self):
        super().init_signals()
        signal.signal(signal.SIGHUP, self.handle_reload)

    def handle_reload(self, sig, frame):
        """SIGHUP: what MODEL_URI names may be another model by now."""
        if hasattr(self, "_service"):
            self._service.loader.reload()

    def become_unready(self):
        self._service.slot.draining = True
