"""What Prometheus reads at /metrics, right across workers."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from serving.predictor import Score

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TENTHS = tuple(tenth / 10 for tenth in range(1, 11))
_OURS = re.compile(r"(counter|histogram|summary|gauge_[a-z]+)_\d+\.db")  # prometheus_client's names for its files
_made: Path | None = None  # the folder, where this process has made it


def prepare_folder() -> Path:
    """Clear the folder through which workers share their counts. prometheus_client reads its name when imported."""
    global _made
    folder = Path(os.environ.get(FOLDER) or tempfile.mkdtemp(prefix="serving-metrics-"))
    if not (os.environ.get(FOLDER) and folder.is_dir()):
        folder.mkdir(parents=True, exist_ok=True)
        _made = folder
    _remove_files(folder)  # of an earlier run: they would be counted again
    os.environ[FOLDER] = str(folder)
    return folder


def remove_folder() -> None:
    """Remove the figures, at the end of the last process, and the folder where it was made for them."""
    if os.environ.get(FOLDER):
        _remove_files(Path(os.environ[FOLDER]))
    if _made:
        with contextlib.suppress(OSError):  # somebody else has put a file there
            _made.rmdir()


def _remove_files(folder: Path) -> None:
    """Remove prometheus_client's files, and no others: the operator names the folder, which may be /tmp."""
    for path in folder.glob("*.db"):
        if _OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)


def forget_worker(process_id: int) -> None:
    """Drop the gauges of a worker that has ended; its counts stay."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(process_id)


class Metrics:
    """The instruments of one application."""

    def __init__(self):
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

        own = self._registry = CollectorRegistry()
        self.requests = Counter("serving_requests", "Answers", ["route", "method", "status"], registry=own)
        self.problems = Counter("serving_problems", "Refusals by their kind", ["kind"], registry=own)
        self.seconds = Histogram(
            "serving_request_seconds", "Time from arrival to answer", ["route"], buckets=SECONDS, registry=own
        )
        self.queue_seconds = Histogram("serving_queue_seconds", "Wait for the model", buckets=SECONDS, registry=own)
        self.batch_texts = Histogram("serving_batch_texts", "Texts in one model call", buckets=TEXTS, registry=own)
        self.texts = Counter("serving_texts", "Texts scored", ["label"], registry=own)
        self.tokens = Counter("serving_tokens", "Tokens read", registry=own)
        self.unknown_tokens = Counter("serving_unknown_tokens", "Tokens outside the vocabulary", registry=own)
        self.truncated_texts = Counter("serving_truncated_texts", "Texts longer than what is read", registry=own)
        self.probability = Histogram("serving_probability", "P(positive) given", buckets=TENTHS, registry=own)
        self.model = Gauge(
            "serving_model", "Workers with this model", ["model_version"], registry=own, multiprocess_mode="livesum"
        )
        self.queue_texts = Gauge(
            "serving_queue_texts", "Texts that wait for the model now", registry=own, multiprocess_mode="livesum"
        )
        self.reloads = Counter("serving_reloads", "Models that took over from another", registry=own)
        self.failed_reloads = Counter("serving_failed_reloads", "Models that were not taken", registry=own)
        self.failed_looks = Counter("serving_failed_looks", "Looks for another model that failed", registry=own)
        self.hung_workers = Counter("serving_hung_workers", "Workers replaced as their model hung", registry=own)
        self._record = {
            "queue_seconds": self.queue_seconds.observe,
            "batch_texts": self.batch_texts.observe,
            "queue_texts": self.queue_texts.inc,
        }
        # Kept: looking the children up again costs as much as counting. There are few: clients make up none of these.
        self._answers = functools.cache(
            lambda route, method, status: (self.requests.labels(route, method, status), self.seconds.labels(route))
        )
        self._texts = functools.cache(self.texts.labels)
        self._shown = ""

    def show_model(self, version: str) -> None:
        """Name the model that this worker answers with."""
        if self._shown:
            self.model.labels(self._shown).set(0)
        self.model.labels(version).set(1)
        self._shown = version

    def count_answer(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count an answer and its time."""
        counter, histogram = self._answers(route, method, status)
        counter.inc()
        histogram.observe(seconds)

    def count_read(self, scores: Sequence[float]) -> None:
        """Count what the network read of the texts with these scores, as far as the model tells."""
        told = [score for score in scores if isinstance(score, Score)]
        counts = (
            (self.tokens, sum(score.tokens for score in told)),
            (self.unknown_tokens, sum(score.unknown for score in told)),
            (self.truncated_texts, sum(score.truncated for score in told)),
        )
        for counter, count in counts:
            if count:
                counter.inc(count)

    def count_predictions(self, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Count what was answered of texts: label and probability of each."""
        labels = [prediction["label"] for prediction in predictions]
        for label in set(labels):
            self._texts(label).inc(labels.count(label))
        for prediction in predictions:
            self.probability.observe(prediction["probability"])

    def observe(self, name: str, value: float) -> None:
        """Record a value of the batcher: of a histogram, or what a gauge has changed by."""
        self._record[name](value)

    def exposition(self) -> tuple[bytes, str]:
        """All workers' figures as Prometheus text, and its media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = self._registry
        if os.environ.get(FOLDER):
            registry = CollectorRegistry()
            registry.register(_Workers(Path(os.environ[FOLDER])))
        return generate_latest(registry), CONTENT_TYPE_LATEST


class _Workers:
    """The figures of all workers, for a registry."""

    def __init__(self, folder: Path):
        self._folder = folder

    def collect(self):
        from prometheus_client.multiprocess import MultiProcessCollector

        # A worker that starts makes its files empty, and prometheus_client's own search fails on those.
        return MultiProcessCollector.merge([str(path) for path in self._folder.glob("*.db") if _size(path)])


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # of a worker that has ended meanwhile
        return 0
