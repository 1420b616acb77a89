"""What surrounds every answer: an id, the client's limit, headers, figures and a log line."""

from __future__ import annotations

import logging
import math
import re
import time
import uuid

from flask import Flask, Response, g, request

from serving import headers, rate, schema
from serving.problems import Problem
from serving.service import service

log = logging.getLogger("serving")
# Whoever watches the service must see it, and the page's own files are no work.
_UNLIMITED = {"operation.livez", "operation.readyz", "operation.metrics", "static"}
# Nothing is kept, so nothing is asked for under a condition; Werkzeug fails on dates that no calendar has.
_CONDITIONS = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
_LOGGED_SCORES, _LOGGED_TEXTS, _LOGGED_CHARACTERS = 256, 32, 280


def install(app: Flask) -> None:
    """Put it around every call of the application."""
    app.before_request(_begin)
    app.before_request(_limit)
    app.after_request(_finish)


def _begin() -> None:
    g.started = time.perf_counter()
    for name in _CONDITIONS:
        request.environ.pop(name, None)
    sent = request.environ.get("HTTP_X_REQUEST_ID")
    g.request_id = sent if sent and re.fullmatch(schema.REQUEST_ID, sent) else uuid.uuid4().hex
    turn = request.environ.get("serving.turn")  # of worker.py; other servers have none
    g.deadline = turn.deadline if turn else time.monotonic() + service().settings.request_seconds


def _limit() -> None:
    own = service()
    per_minute = own.settings.rate_limit
    if not per_minute or request.endpoint in _UNLIMITED or headers.is_preflight(request):
        return
    wait = own.rates.take(rate.client_key(request.remote_addr or ""), per_minute=per_minute)
    if wait:
        detail = f"One client may make {per_minute} requests in a minute; the next is due in {wait:.1f} seconds."
        raise Problem("rate-limited", detail, headers={"Retry-After": str(math.ceil(wait))}, rate_limit=per_minute)


def _finish(response: Response) -> Response:
    turn = request.environ.get("serving.turn")
    if turn is not None and not turn.take("thread"):
        return response  # nobody gets it: the worker has answered, and counted that
    own, about = service(), vars(g._get_current_object())  # one look-up each: this runs for every request
    seconds = time.perf_counter() - about["started"]
    route = request.url_rule.rule if request.url_rule else "unknown"
    method = request.method if request.method in {"GET", "POST", "HEAD", "OPTIONS"} else "other"
    own.metrics.requests.labels(route, method, response.status_code).inc()
    own.metrics.seconds.labels(route).observe(seconds)
    if "problem" in about:
        own.metrics.problems.labels(about["problem"]).inc()
    headers.secure(response)
    if own.settings.cors_allow_origins and request.blueprint != "operation":
        headers.share(request, response, own.settings)
    response.headers["X-Request-ID"] = about["request_id"]
    # Health checks would drown the rest.
    if own.settings.log_requests and not (request.blueprint == "operation" and method == "GET"):
        _log(about, seconds, route=route, method=method, status=response.status_code)
    return response


def _log(about: dict, seconds: float, **more) -> None:
    # The route and never the query: that holds the text.
    settings, texts, scores = service().settings, about.get("texts", ()), about.get("scores")
    line = {"request_id": about["request_id"], **more}
    line |= {"milliseconds": round(seconds * 1000, 2), "texts": len(texts), "problem": about.get("problem", "")}
    if scores is not None:
        line["model_version"] = about["model_version"]
        if settings.log_scores:
            line["scores"] = [round(score, 4) for score in scores[:_LOGGED_SCORES]]
    if settings.log_texts:
        line["sent"] = [text[:_LOGGED_CHARACTERS] for text in texts[:_LOGGED_TEXTS]]
    if settings.log_clients:
        line["client"] = request.remote_addr
    log.info("request", extra=line)
