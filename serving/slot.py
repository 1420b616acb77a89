"""The place of the model in use: empty while it loads, filled once it is warmed up and has passed its canary."""

from __future__ import annotations

import threading
from collections.abc import Callable

from serving.batcher import Batcher
from serving.calls import Calls
from serving.problems import Problem
from serving.settings import Settings


class Slot:
    """Holds at most one ready model, behind its queue."""

    def __init__(self, settings: Settings, *, observe: Callable[[str, float], None] = lambda name, value: None):
        self._settings, self._observe = settings, observe
        self.calls = Calls()
        self._current: Batcher | None = None
        self._filled = threading.Event()
        self.draining = False

    def fill(self, predictor) -> None:
        """Answer with this model from now on; requests under way keep the one that they have."""
        self._current = Batcher(predictor, self._settings, self.calls, observe=self._observe)
        self._filled.set()

    def get(self, *, wait: float = 0) -> Batcher:
        """The model in use.

        Args:
            wait: seconds, for the first model to be loaded; a worker that replaces a dead one gets requests at once.

        Raises:
            Problem: not-ready, while there is none.
        """
        if self._current is None and not self._filled.wait(max(0, wait)):
            detail, waited = "The model is being loaded; try again soon.", self._settings.request_seconds
            raise Problem("not-ready", detail, headers={"Retry-After": "2"}, request_seconds=waited)
        return self._current

    def filled(self) -> bool:
        """Whether there is a model."""
        return self._current is not None
