"""The calls of those who operate the service: liveness, readiness, metrics and documentation."""

from __future__ import annotations

import functools
import os
import signal
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from serving import openapi, problems, variables
from serving.problems import Problem
from serving.service import Service, needs_key, service

blueprint = Blueprint("operation", __name__)
METRICS = "/metrics"
_HEALTH_CHECKS = ("/livez", "/readyz", METRICS)


def is_health_check(method: str, path: str) -> bool:
    """Whether a call must be answered however busy the service is, has no limit, and would drown the log."""
    return path in _HEALTH_CHECKS and method in ("GET", "HEAD")


def owns(endpoint: str | None) -> bool:
    """Whether an endpoint is one of this module's, which no page of another origin may read."""
    return (endpoint or "").startswith(f"{blueprint.name}.")


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> Response:
    """The model is loaded, warmed up, scored its canary right and does not hang; the process is not about to end."""
    slot = service().slot
    if request.environ.get("serving.hanging"):  # of worker.py; it takes no new connection either
        raise Problem("not-ready", "A call of the model has not come back in time.", headers={"Retry-After": "2"})
    if slot.draining:
        raise Problem("not-ready", "This process is about to end; it takes no new work.", headers={"Retry-After": "2"})
    return jsonify(status="ready", model_version=slot.get().predictor.model_version)


@blueprint.post("/admin/reload")
@needs_key
def reload() -> tuple[Response, int]:
    """All workers load whatever MODEL_URI names by now. Needs the API key, and does nothing where there is none."""
    own = service()
    if not own.settings.api_key:
        raise Problem("forbidden", "Set API_KEY to make this call possible, or send SIGHUP to the process.")
    if request.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        os.kill(os.getppid(), signal.SIGHUP)
    else:
        own.loader.reload()
    return jsonify(status="reloading"), 202


@blueprint.get(METRICS)
def metrics() -> Response:
    """Figures of all workers, for Prometheus."""
    exposition, media_type = service().metrics.exposition()
    return Response(exposition, content_type=media_type)


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(_document(service()))


@blueprint.get("/docs")
def docs() -> str:
    """The same for people; it needs no outside assets."""
    # Not `host_url`, which decodes the names of other scripts and fails on those that are none.
    return _page(service(), f"{request.scheme}://{request.host}/")


# Milliseconds each, in which a process answers nobody else; and hosts are the clients' to choose.
@functools.lru_cache(maxsize=4)
def _document(own: Service) -> dict[str, Any]:
    return openapi.document(own)


@functools.lru_cache(maxsize=64)
def _page(own: Service, address: str) -> str:
    more = {"kinds": problems.KINDS, "variables": variables.table(own.settings), "settings": own.settings}
    return render_template("docs.html", document=_document(own), address=address, **more)
