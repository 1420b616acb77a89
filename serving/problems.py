"""What a client is told when a request cannot be answered: RFC 9457 `application/problem+json`."""

from __future__ import annotations

import json
import logging
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

log = logging.getLogger("serving.problems")

# type (the fragment of its address in /docs) -> status, title
KINDS: dict[str, tuple[int, str]] = {
    "malformed-request": (400, "The request is not HTTP as it should be"),
    "malformed-json": (400, "The body is not JSON"),
    "unauthorized": (401, "An API key is needed"),
    "forbidden": (403, "This call is switched off"),
    "not-found": (404, "There is nothing at this address"),
    "method-not-allowed": (405, "This address does not take that method"),
    "slow-body": (408, "The body took too long to arrive"),
    "body-too-large": (413, "The body is too large"),
    "unsupported-media-type": (415, "The body must be application/json, and not compressed"),
    "invalid-input": (422, "The request is not what is accepted here"),
    "rate-limited": (429, "Too many requests from this client"),
    "headers-too-large": (431, "The request line or its headers are too large"),
    "internal-error": (500, "The service failed"),
    "not-ready": (503, "The model is not ready"),
    "overloaded": (503, "Too many requests are waiting"),
    "connections": (503, "Too many connections are open"),
    "deadline": (503, "The model took too long"),
}


class Problem(Exception):  # noqa: N818 (the name of RFC 9457)
    """A refusal. `kind` is one of KINDS; further members go into the answer as they are."""

    def __init__(self, kind: str, detail: str, *, headers: dict[str, str] | None = None, **members: Any):
        super().__init__(detail)
        self.kind, self.detail, self.members = kind, detail, members
        self.status, self.title = KINDS[kind]
        self.headers = headers or {}

    def body(self, **members: Any) -> bytes:
        """The problem document, UTF-8."""
        document = {"type": f"/docs#{self.kind}", "title": self.title, "status": self.status, "detail": self.detail}
        return json.dumps(document | self.members | members).encode()


def late(seconds: float) -> Problem:
    """The answer to a request that the model has not answered in time."""
    detail = f"There was no answer from the model within {seconds:g} seconds."
    return Problem("deadline", detail, headers={"Retry-After": "1"}, request_seconds=seconds)


def install(app: Flask) -> None:
    """Make every failure of the app a problem document."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(HTTPException, lambda error: respond(_from_http(app, error)))
    app.register_error_handler(Exception, lambda error: respond(_from_bug(error)))


def respond(problem: Problem) -> Response:
    """The answer to the current request, with its id."""
    g.problem = problem.kind
    request_id = g.get("request_id", "")
    response = Response(problem.body(request_id=request_id), problem.status, mimetype="application/problem+json")
    response.headers.update(problem.headers)
    return response


def _from_http(app: Flask, error: HTTPException) -> Problem:
    kinds = {status: kind for kind, (status, _) in reversed(KINDS.items())}
    code = error.code or 500
    if 300 <= code < 400 or code not in kinds:
        return Problem("malformed-request", error.description or str(error))
    if code == 404:
        return Problem("not-found", f"{request.path[:200]} is unknown. These are known.", paths=_paths(app))
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or []))
        detail = f"{request.method[:20]} is not accepted by {request.path[:200]}. Use {allowed}."
        return Problem("method-not-allowed", detail, headers={"Allow": allowed})
    if code >= 500:
        return _from_bug(error)
    return Problem(kinds[code], error.description or KINDS[kinds[code]][1])


def _paths(app: Flask) -> list[str]:
    return sorted({rule.rule for rule in app.url_map.iter_rules() if not rule.arguments})


def _from_bug(error: Exception) -> Problem:
    log.error("unexpected error", exc_info=error)
    return fault()


def fault() -> Problem:
    """The answer to a request that the service has failed on; the log says more."""
    return Problem("internal-error", "This is a fault of the service, not of the request. Its log has the request id.")
