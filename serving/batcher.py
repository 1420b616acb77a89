"""Scores the texts of concurrent requests together, behind a bounded queue.

There is no thread of its own: the first waiting request scores for all that wait beside it, then hands on to the
next. A lone request therefore never waits, and batches grow by themselves as load does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from serving import problems
from serving.predictor import Predictor
from serving.problems import Problem
from serving.settings import Settings

_CALLS = 2  # at once, the second only for a full batch: one call does not keep every core busy


class _Job:
    """One request's texts on their way through the model."""

    __slots__ = ("batch", "error", "scores", "taken", "texts", "wake")

    def __init__(self, texts: Sequence[str]):
        self.texts = texts
        self.batch: list[_Job] = []  # what this request's thread is to score, itself first; empty: another does it
        self.taken: float | None = None  # into a batch: when, by the monotonic clock
        self.scores: list[float] | None = None
        self.error: Exception | None = None
        self.wake = threading.Event()


class Batcher:
    """A predictor that many threads may call."""

    def __init__(self, predictor: Predictor, settings: Settings, *, observe: Callable[[str, float], None]):
        self.predictor, self._settings, self._observe = predictor, settings, observe
        self._lock = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._queued_texts = 0
        self._shown_texts = 0  # in the metrics
        self._calls = 0

    def score(self, texts: Sequence[str], *, deadline: float | None = None) -> list[float]:
        """P(positive) of each text, in order.

        Args:
            texts: of one request.
            deadline: by the monotonic clock; None is `request_seconds` from now. The one request whose thread makes
                the model call stays with it for as long as that takes; worker.py answers for it.

        Raises:
            Problem: overloaded, where the queue is full; deadline, where the wait was too long.
        """
        job = _Job(texts)
        started = time.monotonic()
        wait = self._settings.request_seconds if deadline is None else max(0, deadline - started)
        self._enqueue(job)
        given_up = not job.wake.wait(wait) and self._withdraw(job)
        self._observe("queue_seconds", (job.taken or time.monotonic()) - started)
        if given_up:
            raise problems.late(self._settings.request_seconds)
        if job.batch:
            self._run(job.batch)
        if job.error is not None:
            raise job.error
        return job.scores

    def _enqueue(self, job: _Job) -> None:
        limit = self._settings.queue_texts
        with self._lock:
            # An empty queue takes any request, so that no setting makes a permitted request impossible.
            if self._queue and self._queued_texts + len(job.texts) > limit:
                detail = f"{self._queued_texts} texts are waiting already; at most {limit} may."
                raise Problem("overloaded", detail, headers={"Retry-After": "1"}, queue_texts=limit)
            self._queue.append(job)
            self._queued_texts += len(job.texts)
            self._promote()
            self._show_queue()

    def _promote(self) -> None:
        """Give batches to the threads of their first requests, as many as may run. The lock is held."""
        while self._queue and self._calls < (_CALLS if self._queued_texts >= self._settings.batch_texts else 1):
            batch = self._take()
            self._calls += 1
            batch[0].batch = batch
            batch[0].wake.set()

    def _withdraw(self, job: _Job) -> bool:
        """Take a request back out; False where it has been promoted or answered at the last moment."""
        with self._lock:
            if job.wake.is_set():
                return False
            if job in self._queue:
                self._queue.remove(job)
                self._queued_texts -= len(job.texts)
                self._show_queue()
            return True

    def _run(self, jobs: list[_Job]) -> None:
        texts = [text for job in jobs for text in job.texts]
        try:
            scores = iter(self.predictor.score(texts))
            for job in jobs:
                job.scores = [next(scores) for _ in job.texts]
        except Exception as error:
            for job in jobs:
                job.error = error
        finally:
            self._hand_on(jobs)
        self._observe("batch_texts", len(texts))

    def _take(self) -> list[_Job]:
        """The next jobs, at least one, together at most `batch_texts` where there are several."""
        jobs, count, now = [], 0, time.monotonic()
        while self._queue and (not jobs or count + len(self._queue[0].texts) <= self._settings.batch_texts):
            jobs.append(self._queue.popleft())
            jobs[-1].taken = now
            count += len(jobs[-1].texts)
        self._queued_texts -= count
        return jobs

    def _hand_on(self, jobs: list[_Job]) -> None:
        with self._lock:
            self._calls -= 1
            for job in jobs:
                job.wake.set()
            self._promote()
            self._show_queue()

    def _show_queue(self) -> None:
        """Tell the metrics what has changed; for a lone request that is nothing. The lock is held."""
        if self._queued_texts != self._shown_texts:
            self._observe("queue_texts", self._queued_texts - self._shown_texts)
            self._shown_texts = self._queued_texts
