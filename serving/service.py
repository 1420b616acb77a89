"""What the routes of one application share."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Request, current_app, request
from pydantic import TypeAdapter

from serving.loader import Loader
from serving.metrics import Metrics
from serving.problems import Problem
from serving.rate import Table
from serving.settings import Settings
from serving.slot import Slot


@dataclass(frozen=True)
class Service:
    """Settings, the model's slot and what fills it, metrics, the clients' buckets and the request schema."""

    settings: Settings
    slot: Slot
    loader: Loader
    metrics: Metrics
    rates: Table
    request_schema: TypeAdapter[Any] = field(repr=False)

    def require_key(self, request: Request) -> None:
        """Refuse a request without the API key, where there is one.

        Raises:
            Problem: unauthorized.
        """
        if self.settings.api_key and not self.is_key(request.headers.get("Authorization", "")):
            detail = "Send the header Authorization: Bearer KEY, with the key that the operator gave you."
            raise Problem("unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})

    def is_key(self, authorization: str) -> bool:
        """Whether a header Authorization, its bytes as latin-1, holds the API key; where there is none, any does."""
        if not self.settings.api_key:
            return True
        scheme, _, sent = authorization.partition(" ")
        right = hmac.compare_digest(sent.strip().encode("latin-1", "replace"), self.settings.api_key.encode())
        return scheme.lower() == "bearer" and right


def needs_key(view: Callable[[], Any]) -> Callable[[], Any]:
    """The view, for holders of the API key only; asked for before anything is read that costs work.

    The mark that it gets tells the OpenAPI document so.
    """

    @functools.wraps(view)
    def call():
        service().require_key(request)
        return view()

    call.needs_key = True
    return call


def service() -> Service:
    """The service of the application that handles the current request."""
    return current_app.extensions["serving"]
