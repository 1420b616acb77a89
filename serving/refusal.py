"""Answers to requests that never reach the application, with the id, headers, figures and log line of any other."""

from __future__ import annotations

import time
from http import HTTPStatus

from flask import Flask
from gunicorn.http import errors
from gunicorn.util import http_date

from serving import envelope, headers, operation, problems, proxies
from serving.arrival import Head
from serving.problems import Problem
from serving.sharing import SharingWorker
from serving.turn import CURRENT


class Refusals:
    """Makes them, on whatever thread found the problem."""

    def __init__(self, app: Flask):
        self._own = app.extensions["serving"]
        self._endpoints = {rule.rule: rule.endpoint for rule in app.url_map.iter_rules() if not rule.arguments}
        trusted = self._own.settings.trusted_proxies
        self._client = proxies.behind(lambda environ, start_response: environ["REMOTE_ADDR"], trusted)

    def response(self, problem: Problem, head: Head, *, peer: tuple | str, seconds: float) -> bytes:
        """A problem as a whole HTTP/1.1 response, the last of its connection; counts and logs it.

        Args:
            problem: to tell.
            head: of the request, as far as it has come.
            peer: its socket's address; a UNIX socket has none.
            seconds: that the client has waited.
        """
        request_id = envelope.request_id(head.header("X-Request-ID"))
        method, path = head.first_line()
        route = path if path in self._endpoints else "unknown"
        about = {"request_id": request_id, "problem": problem.kind}
        client = self._client(self._environ(head, peer), None) if self._own.settings.log_clients else ""
        envelope.record(
            self._own, about, route=route, method=method, status=problem.status, seconds=seconds, client=client
        )
        body = problem.body(request_id=request_id)
        lines = [f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in self._headers(problem, head, route)]
        lines += [f"X-Request-ID: {request_id}", f"Content-Length: {len(body)}", "Connection: close", "", ""]
        return "\r\n".join(lines).encode() + (b"" if method == "HEAD" else body)

    def count(self, problem: Problem) -> None:
        """Count one of which nobody is told: the client has asked nothing."""
        self._own.metrics.problems.labels(problem.kind).inc()

    def _headers(self, problem: Problem, head: Head, route: str) -> list[tuple[str, str]]:
        fixed = [("Date", http_date()), ("Content-Type", "application/problem+json"), *headers.DATA]
        settings = self._own.settings
        if settings.cors_allow_origins and not operation.owns(self._endpoints.get(route)):
            fixed += [("Vary", "Origin"), *headers.readable(head.header("Origin"), settings).items()]
        return [*fixed, *problem.headers.items()]

    def _environ(self, head: Head, peer: tuple | str) -> dict[str, str]:
        address = peer[0] if isinstance(peer, tuple) else ""
        return {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": head.header("X-Forwarded-For")}


class RefusingWorker(SharingWorker):
    """Sends clients away, with such an answer where they have asked something."""

    refusals: Refusals

    def refuse(self, conn, head, problem, *, seconds=0.0):
        """Answer in the place of the application, and close once the client has heard it."""
        self.send(conn, self.refusals.response(problem, head, peer=conn.client, seconds=seconds))
        self.linger(conn)

    def give_up(self, conn, arriving):
        detail = f"A request must arrive within {self.body_seconds:g} seconds."
        problem = Problem("slow-body", detail, body_seconds=self.body_seconds)
        self.refuse(conn, arriving.head(), problem, seconds=self.body_seconds)

    def crowd_out(self, conn, arriving):
        """Close at once: to wait until the client has heard why would keep its place."""
        detail = f"This process has {self.nr_conns} connections open; this one has waited longest for its client."
        problem = Problem("connections", detail, headers={"Retry-After": "1"})
        if arriving.received:
            seconds = time.monotonic() - self.since(arriving)
            self.send(conn, self.refusals.response(problem, arriving.head(), peer=conn.client, seconds=seconds))
        else:
            self.refusals.count(problem)
        self.drop(conn)

    def handle_error(self, req, client, addr, exc):
        """What gunicorn's parser refuses, as a problem document and never as a 5xx; what else fails, as a 500."""
        request = CURRENT.get()
        if isinstance(exc, errors.ParseException):
            too_large = isinstance(exc, errors.LimitRequestLine | errors.LimitRequestHeaders)
            problem = Problem("headers-too-large" if too_large else "malformed-request", str(exc)[:300])
        else:
            # gunicorn itself would log the query, which holds the text, and answer what has been answered.
            self.log.exception("a request has failed: %s %s", *request.head.first_line())
            problem = problems.fault()
        if not request.turn.take("thread"):
            return
        try:
            self.send_all(client, self.refusals.response(problem, request.head, peer=addr, seconds=request.seconds()))
        except OSError as error:
            self.log.debug("client went away: %s", error)
