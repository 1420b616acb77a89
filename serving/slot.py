"""The place of the model in use: empty while it loads, filled once it is warmed up and has passed its canary."""

from __future__ import annotations

from collections.abc import Callable

from serving.batcher import Batcher
from serving.problems import Problem
from serving.settings import Settings


class Slot:
    """Holds at most one ready model, behind its queue."""

    def __init__(self, settings: Settings, *, observe: Callable[[str, float], None] = lambda name, value: None):
        self._settings, self._observe = settings, observe
        self._current: Batcher | None = None
        self.draining = False

    def fill(self, predictor) -> None:
        """Answer with this model from now on; requests under way keep the one that they have."""
        self._current = Batcher(predictor, self._settings, observe=self._observe)

    @property
    def ready(self) -> bool:
        """Whether new requests should come here."""
        return self._current is not None and not self.draining

    def get(self) -> Batcher:
        """The model in use.

        Raises:
            Problem: not-ready, while there is none.
        """
        if self._current is None:
            raise Problem("not-ready", "The model is being loaded; try again soon.", headers={"Retry-After": "2"})
        return self._current
