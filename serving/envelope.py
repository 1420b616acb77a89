"""What surrounds every answer: an id, the client's limit, headers, figures and a log line."""

from __future__ import annotations

import logging
import math
import random
import re
import time
from functools import partial

from flask import Flask, Response, g, request

from serving import headers, operation, rate, schema
from serving.problems import Problem
from serving.service import Service
from serving.settings import Settings

log = logging.getLogger("serving")
_METHODS = {"GET", "POST", "HEAD", "OPTIONS"}  # by name in the figures; a client may make up any number of others
# Nothing is kept, so nothing is asked for under a condition; Werkzeug fails on dates that no calendar has.
_CONDITIONS = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
_HOST = re.compile(r"[\w.~!$&'()*+;=%:\[\]-]*", re.ASCII)
_LOGGED_SCORES, _LOGGED_TEXTS, _LOGGED_CHARACTERS = 256, 32, 280


def install(app: Flask) -> None:
    """Put it around every call of the application."""
    own = app.extensions["serving"]  # handed on: to look it up costs as much as what is done with it
    app.before_request(partial(_begin, own))
    app.before_request(partial(_limit, own))
    app.after_request(partial(_finish, own))


def _begin(own: Service) -> None:
    environ, about = request.environ, g._get_current_object()  # one look-up each: this runs for every request
    for name in _CONDITIONS:
        environ.pop(name, None)
    about.request_id = request_id(environ.get("HTTP_X_REQUEST_ID"))
    turn = environ.get("serving.turn")  # of worker.py; other servers have none
    about.started = turn.since if turn else time.monotonic()  # the wait for a thread or a fiber is part of it
    about.deadline = turn.deadline if turn else about.started + own.settings.request_seconds
    host = environ.get("HTTP_HOST")  # RFC 9112, 3.2
    if host is None and environ.get("SERVER_PROTOCOL") == "HTTP/1.1":
        raise Problem("malformed-request", "A request by HTTP/1.1 must have a Host header.")
    if host and not _HOST.fullmatch(host):
        raise Problem("malformed-request", f"Host was {host[:100]!r}, which names no host.")


def _limit(own: Service) -> None:
    per_minute = own.settings.rate_limit
    if not per_minute or _has_no_limit():
        return
    wait = own.rates.take(rate.client_key(request.remote_addr or ""), per_minute=per_minute)
    if wait:
        detail = f"One client may make {per_minute} requests in a minute; the next is due in {wait:.1f} seconds."
        raise Problem("rate-limited", detail, headers={"Retry-After": str(math.ceil(wait))}, rate_limit=per_minute)


def _has_no_limit() -> bool:
    if request.endpoint == "static":  # the page's own files are no work
        return True
    return operation.is_health_check(request.method, request.path) or headers.is_preflight(request)


def _finish(own: Service, response: Response) -> Response:
    about, asked = vars(g._get_current_object()), request._get_current_object()
    turn = asked.environ.get("serving.turn")
    if turn is not None and not turn.take("thread"):
        return response  # nobody gets it: the worker has answered, and counted that
    seconds = time.monotonic() - about["started"]
    if own.settings.cors_allow_origins and not operation.owns(asked.endpoint):
        headers.share(asked, response, own.settings)
    response.headers["X-Request-ID"] = about["request_id"]
    route = asked.url_rule.rule if asked.url_rule else "unknown"
    told = {"route": route, "method": asked.method, "status": response.status_code, "client": asked.remote_addr}
    record(own, about, seconds=seconds, **told)
    return response


def request_id(sent: str | None) -> str:
    """The id that a client has sent, where it is sane, or a new one."""
    if sent and re.fullmatch(schema.REQUEST_ID, sent):
        return sent
    return f"{random.getrandbits(128):032x}"  # it must be unique, and is no secret


def record(
    own: Service, about: dict, *, route: str, method: str, status: int, seconds: float, client: str | None
) -> None:
    """Count an answer and log it.

    Args:
        own: the service.
        about: request_id; problem, texts, scores and model_version, where there are any.
        route: the rule and never the query: that holds the text.
        method: of the request.
        status: of the answer.
        seconds: to the answer.
        client: its address.
    """
    method = method if method in _METHODS else "other"
    own.metrics.count_answer(route=route, method=method, status=status, seconds=seconds)
    if "problem" in about:
        own.metrics.problems.labels(about["problem"]).inc()
    if own.settings.log_requests and not operation.is_health_check(method, route):
        more = {"client": client} if own.settings.log_clients else {}
        _log(own.settings, about, seconds, route=route, method=method, status=status, **more)


def _log(settings: Settings, about: dict, seconds: float, **more) -> None:
    texts, scores = about.get("texts", ()), about.get("scores")
    line = {"request_id": about["request_id"], **more}
    line |= {"milliseconds": round(seconds * 1000, 2), "texts": len(texts), "problem": about.get("problem", "")}
    if scores is not None:
        line["model_version"] = about["model_version"]
        if settings.log_scores:
            line["scores"] = [round(score, 4) for score in scores[:_LOGGED_SCORES]]
    if settings.log_texts:
        line["sent"] = [text[:_LOGGED_CHARACTERS] for text in texts[:_LOGGED_TEXTS]]
    log.info("request", extra=line)
