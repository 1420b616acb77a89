"""Puts the service together: `create_app()` is what gunicorn calls in each worker."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
import uuid

from flask import Flask, Response, g, request

from serving import operation, problems, routes, schema
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.service import Service, service
from serving.settings import Settings
from serving.slot import Slot

log = logging.getLogger("serving")
MASTER: int | None = None  # gunicorn's first process, set by its configuration: no model may be loaded there
_BOOT_ERROR = 3  # gunicorn's: the master then stops, rather than start a worker that fails over and over
_HEADERS = [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store")]
# Nothing is kept, so nothing is asked for under a condition; Werkzeug fails on dates that no calendar has.
_CONDITIONS = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
_PAGE_HEADERS = [
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


def create_app(settings: Settings | None = None, predictor: Predictor | None = None) -> Flask:
    """The WSGI application.

    Args:
        settings: None reads the environment.
        predictor: answers at once; None loads the model of `settings.model_uri` in the background.
    """
    if predictor is None and os.getpid() == MASTER:
        sys.exit("--preload cannot be used: a model that is loaded before the fork hangs every request after it.")
    settings = settings or Settings.from_environment()
    app = Flask(__name__)
    app.json.sort_keys = False
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1  # at exactly its limit Werkzeug cuts off silently
    metrics = Metrics()
    slot = Slot(settings, observe=metrics.observe)
    own = Service(settings, slot, metrics, schema.request_schema(settings), load=lambda: _load(settings))
    app.extensions["serving"] = own
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(operation.blueprint)
    problems.install(app)
    app.before_request(_begin)
    app.after_request(_finish)
    if predictor is not None:
        slot.fill(predictor)
    else:
        own.start(on_failure=_give_up)
    return app


def _load(settings: Settings) -> Predictor:
    from serving import predictor, store

    started = time.monotonic()
    loaded = predictor.load(store.folder(settings), threads=settings.model_threads)
    seconds = round(time.monotonic() - started, 2)
    log.info("model ready", extra={"model_version": loaded.model_version, "seconds": seconds})
    return loaded


def _give_up(error: Exception) -> None:
    from serving.manifest import ModelError

    log.critical("no model: %s", error, exc_info=None if isinstance(error, ModelError) else error)
    os._exit(_BOOT_ERROR)


def _begin() -> None:
    g.started = time.perf_counter()
    for name in _CONDITIONS:
        request.environ.pop(name, None)
    sent = request.environ.get("HTTP_X_REQUEST_ID")
    g.request_id = sent if sent and re.fullmatch(schema.REQUEST_ID, sent) else uuid.uuid4().hex


def _finish(response: Response) -> Response:
    own, about = service(), vars(g._get_current_object())  # one look-up each: this runs for every request
    seconds = time.perf_counter() - about["started"]
    route = request.url_rule.rule if request.url_rule else "unknown"
    method = request.method if request.method in {"GET", "POST", "HEAD", "OPTIONS"} else "other"
    own.metrics.requests.labels(route, method, response.status_code).inc()
    own.metrics.seconds.labels(route).observe(seconds)
    if "problem" in about:
        own.metrics.problems.labels(about["problem"]).inc()
    response.headers.extend(_HEADERS + _PAGE_HEADERS if response.mimetype == "text/html" else _HEADERS)
    response.headers["X-Request-ID"] = about["request_id"]
    # Health checks would drown the rest.
    if own.settings.log_requests and not (request.blueprint == "operation" and method == "GET"):
        _log(about, seconds, route=route, method=method, status=response.status_code)
    return response


def _log(about: dict, seconds: float, **more) -> None:
    # The route and never the query: that holds the text.
    more |= {
        "milliseconds": round(seconds * 1000, 2),
        "texts": about.get("texts", 0),
        "problem": about.get("problem", ""),
    }
    log.info("request", extra={"request_id": about["request_id"]} | more)
