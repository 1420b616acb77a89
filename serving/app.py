"""Puts the service together: `create_app()` is what gunicorn calls in each worker."""

from __future__ import annotations

import os
import sys

from flask import Flask

from serving import envelope, headers, operation, problems, proxies, routes, schema, shared
from serving.loader import Loader
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.service import Service
from serving.settings import Settings
from serving.slot import Slot


class _App(Flask):
    """Flask, told once what it would find out for each function of each request."""

    def ensure_sync(self, func):
        return func  # no function here is a coroutine

    def create_url_adapter(self, request):
        """By path and method: no route depends on the host, and no address with one is built."""
        if request is None:
            return None
        return self.url_map.bind(
            "", request.root_path, url_scheme=request.scheme, default_method=request.method, path_info=request.path
        )


def create_app(settings: Settings | None = None, predictor: Predictor | None = None) -> Flask:
    """The WSGI application.

    Args:
        settings: None reads the environment.
        predictor: answers at once; None loads the model of `settings.model_uri` in the background.
    """
    if predictor is None and os.getpid() == shared.MASTER:
        sys.exit("--preload cannot be used: a model that is loaded before the fork hangs every request after it.")
    settings = settings or Settings.from_environment()
    app = _App(__name__)
    app.wsgi_app = proxies.behind(headers.secured(app.wsgi_app), settings.trusted_proxies)
    app.json.sort_keys = False
    app.url_map.merge_slashes = False  # it would answer with a redirect, to the host that the client names
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1  # at exactly its limit Werkzeug cuts off silently
    metrics = Metrics()
    slot = Slot(settings, observe=metrics.observe)
    memory = shared.memory()
    loader = Loader(settings, slot, metrics, memory.board)
    request_schema = schema.request_schema(settings)
    app.extensions["serving"] = Service(settings, slot, loader, metrics, memory.rates, request_schema)
    app.register_blueprint(routes.blueprint)
    app.register_blueprint(operation.blueprint)
    problems.install(app)
    envelope.install(app)
    if predictor is not None:
        loader.fill(predictor)
    else:
        loader.start()
    return app
