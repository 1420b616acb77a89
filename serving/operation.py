"""The calls of those who operate the service: liveness, readiness, metrics and documentation."""

from __future__ import annotations

import os
import signal

from flask import Blueprint, Response, jsonify, render_template, request

from serving import openapi, problems, settings
from serving.problems import Problem
from serving.service import service

blueprint = Blueprint("operation", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> Response:
    """The model is loaded, warmed up and scores its canary right, and the process is not about to end."""
    slot = service().slot
    if slot.draining:
        raise Problem("not-ready", "This process is about to end; it takes no new work.", headers={"Retry-After": "2"})
    return jsonify(status="ready", model_version=slot.get().predictor.model_version)


@blueprint.post("/admin/reload")
def reload() -> tuple[Response, int]:
    """All workers load whatever MODEL_URI names by now. Needs the API key, and does nothing where there is none."""
    own = service()
    if not own.settings.api_key:
        raise Problem("forbidden", "Set API_KEY to make this call possible, or send SIGHUP to the process.")
    own.require_key(request)
    if request.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        os.kill(os.getppid(), signal.SIGHUP)
    else:
        own.loader.reload()
    return jsonify(status="reloading"), 202


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures of all workers, for Prometheus."""
    exposition, media_type = service().metrics.exposition()
    return Response(exposition, content_type=media_type)


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """The OpenAPI 3.1 document."""
    return jsonify(openapi.document(service()))


@blueprint.get("/docs")
def docs() -> str:
    """The same for people; it needs no outside assets."""
    own = service()
    more = {"kinds": problems.KINDS, "variables": settings.table(), "settings": own.settings}
    return render_template("docs.html", document=openapi.document(own), **more)
