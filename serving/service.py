"""What the routes of one application share."""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Request, current_app
from pydantic import TypeAdapter

from serving.manifest import ModelError
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.problems import Problem
from serving.settings import Settings
from serving.slot import Slot

log = logging.getLogger("serving")


@dataclass(frozen=True)
class Service:
    """Settings, the model's slot, metrics and the request schema."""

    settings: Settings
    slot: Slot
    metrics: Metrics
    request_schema: TypeAdapter[Any] = field(repr=False)
    load: Callable[[], Predictor] = field(repr=False)

    def start(self, on_failure: Callable[[Exception], None]) -> None:
        """Load the model in a thread of its own, so that /livez answers meanwhile."""
        threading.Thread(target=self._fill, args=(on_failure,), name="load-model", daemon=True).start()

    def reload(self) -> None:
        """Load whatever MODEL_URI names by now, and answer with it once it is warm; the old one answers until then."""
        self.start(on_failure=self._count_failure)

    def _fill(self, on_failure: Callable[[Exception], None]) -> None:
        try:
            loaded = self.load()
        except Exception as error:
            on_failure(error)
            return
        self.metrics.show_model(loaded.model_version)
        self.slot.fill(loaded)

    def _count_failure(self, error: Exception) -> None:
        self.metrics.failed_reloads.inc()
        log.error("the model in use stays: %s", error, exc_info=None if isinstance(error, ModelError) else error)

    def require_key(self, request: Request) -> None:
        """Refuse a request without the API key, where there is one.

        Raises:
            Problem: unauthorized.
        """
        if not self.settings.api_key:
            return
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        # WSGI hands a header's bytes over as latin-1.
        right = hmac.compare_digest(sent.strip().encode("latin-1", "replace"), self.settings.api_key.encode())
        if scheme.lower() != "bearer" or not right:
            detail = "Send the header Authorization: Bearer KEY, with the key that the operator gave you."
            raise Problem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def service() -> Service:
    """The service of the application that handles the current request."""
    return current_app.extensions["serving"]
