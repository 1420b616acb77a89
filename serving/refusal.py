"""Answers to requests that never reach the application, with the id, headers, figures and log line of any other."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask
from gunicorn.util import http_date

from serving import envelope, headers, operation, proxies
from serving.arrival import Head
from serving.problems import Problem


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

    def _headers(self, problem: Problem, head: Head, route: str) -> list[tuple[str, str]]:
        fixed = [("Date", http_date()), ("Content-Type", "application/problem+json"), *headers.DATA]
        settings = self._own.settings
        if settings.cors_allow_origins and not operation.owns(self._endpoints.get(route)):
            fixed += [("Vary", "Origin"), *headers.readable(head.header("Origin"), settings).items()]
        return [*fixed, *problem.headers.items()]

    def _environ(self, head: Head, peer: tuple | str) -> dict[str, str]:
        address = peer[0] if isinstance(peer, tuple) else ""
        return {"REMOTE_ADDR": address, "HTTP_X_FORWARDED_FOR": head.header("X-Forwarded-For")}
