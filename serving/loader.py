"""Fills the slot: at the start, at SIGHUP, and where a look finds that MODEL_URI names another model by now."""

from __future__ import annotations

import gc
import logging
import math
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from serving import manifest, predictor, store
from serving.manifest import ModelError
from serving.metrics import Metrics
from serving.predictor import Predictor
from serving.settings import Settings
from serving.shared import Board
from serving.slot import Slot

log = logging.getLogger("serving")
_BOOT_ERROR = 3  # gunicorn's: the master then stops, rather than start a worker that fails over and over
_PAUSES = (2, 5, 10, 30, 60)  # seconds between the tries of a worker that replaces another; then the last, for ever
# Until a look tries a model again: one whose files were not what its manifest says, they may come yet, and one that
# could not be loaded, it may have been this machine.
_FETCH_AGAIN_SECONDS, _LOAD_AGAIN_SECONDS = 60, 3600


class Loader:
    """Loads models in threads of its own, one at a time; the model in use answers until the next one is warm."""

    def __init__(self, settings: Settings, slot: Slot, metrics: Metrics, board: Board):
        self._settings, self._slot, self._metrics, self._board = settings, slot, metrics, board
        self._lock = threading.Lock()
        self._asked = False  # for a reload that waits for the lock: it will load whatever further ones would
        self._digest = ""  # of the manifest of the model in use
        self._not_before: dict[str, float] = {}  # by digest, when a look may try a model again that was no good
        # More than a worker's share of the cores would only slow the others. Once: a container's quota may change, and
        # TensorFlow takes no other number of threads once it has begun.
        self._threads = settings.model_threads or max(1, predictor.cores() // settings.workers)
        self.on_ready: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Load the first model, then look for others where that is wanted; /livez answers meanwhile."""
        _in_thread(self._start)

    def reload(self) -> None:
        """Load whatever MODEL_URI names by now."""
        self._board.reload_asked()  # and is done hereby
        if not self._asked:
            self._asked = True
            _in_thread(self._replace)

    def fill(self, predictor: Predictor) -> None:
        """Answer with this model from now on."""
        self._metrics.show_model(predictor.model_version)
        self._slot.fill(predictor)
        self._board.show(True)
        self.on_ready()

    def look(self) -> None:
        """Reload where MODEL_URI names another model by now, unless it has been tried lately.

        A look that fails changes nothing.
        """
        try:
            digest = store.digest(self._settings)
        except Exception as error:  # whatever a registry's library raises, the model in use goes on answering
            self._metrics.failed_looks.inc()
            log.warning("no look at %s: %s", self._settings.model_uri, error)
            return
        now = time.monotonic()
        if digest != self._digest and now >= self._not_before.get(digest, -math.inf):
            log.info("%s names another model by now", self._settings.model_uri)
            self._not_before[digest] = now + _FETCH_AGAIN_SECONDS
            self._replace()

    def _start(self) -> None:
        tries = 0
        while not self._first():
            pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
            log.warning("this worker has no model; it tries again in %d seconds", pause)
            time.sleep(pause)
            tries += 1
        if self._board.reload_asked() or store.given_up():  # before this worker heard signals, or could wait
            self._replace()
        while seconds := self._settings.model_poll_seconds:
            time.sleep(seconds * random.uniform(0.8, 1.2))  # the workers shall not load all at the same time
            self.look()

    def _first(self) -> bool:
        """Load what the others answer with; whether there is a model."""
        # A worker that takes another's place must not wait for a registry, nor run ahead of the others. Where the last
        # good model is gone or damaged it fetches anew: what the master has found may be gone or damaged as well.
        again = self._board.ever_ready()
        sources = (store.last_good, store.fetch) if again else (store.folder, store.last_good)
        try:
            with self._lock:
                if not self._slot.filled():  # by a reload, meanwhile
                    self._load_one(sources)
            _settle()
            return True
        except Exception as error:
            log.critical("no model: %s", error, exc_info=_trace(error))
            if not self._board.ever_ready():
                os._exit(_BOOT_ERROR)
            return False

    def _load_one(self, sources: Sequence[Callable[[Settings], Path | None]]) -> None:
        """Load from the first of these that has a model which answers."""
        refused, reason = None, None
        for source in sources:
            folder = source(self._settings)
            if folder in (None, refused):
                continue
            if reason:
                self._metrics.failed_reloads.inc()
                log.error("%s; going on with %s", reason, folder, exc_info=_trace(reason))
            try:
                return self._load(folder)
            except Exception as error:
                refused, reason = folder, error
        raise reason

    def _replace(self) -> None:
        first = not self._slot.filled()
        try:
            with self._lock:
                self._asked = False
                self._load(store.fetch(self._settings))
        except Exception as error:
            self._metrics.failed_reloads.inc()
            log.error("the model in use stays: %s", error, exc_info=_trace(error))
            return
        if not first:
            self._metrics.reloads.inc()
            gc.unfreeze()  # the model before is to be found and freed
        _settle()

    def _load(self, folder: Path) -> None:
        started, digest = time.monotonic(), manifest.digest(folder)
        try:
            loaded = predictor.load(folder, runtime=self._settings.serving_runtime, threads=self._threads)
        except Exception:
            self._not_before[digest] = time.monotonic() + _LOAD_AGAIN_SECONDS
            raise
        self._not_before.pop(digest, None)
        seconds = round(time.monotonic() - started, 2)
        log.info("model ready", extra={"model_version": loaded.model_version, "seconds": seconds})
        store.keep(self._settings, folder)
        self._digest = digest
        self.fill(loaded)


def _settle() -> None:
    """Take what is loaded out of the garbage collector's rounds: with TensorFlow, one stops all threads for 0.2 s."""
    gc.collect()
    gc.freeze()


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="load-model", daemon=True).start()


def _trace(error: Exception) -> Exception | None:
    return None if isinstance(error, ModelError) else error
