"""Scores the texts of concurrent requests together, behind a bounded queue.

No text waits on a timer. A call begins when all that has come is read, a batch is full, or reading takes long; while
one runs, the next gathers. A lone request therefore never waits, and batches grow by themselves as load does.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from serving import calls, fiber, problems
from serving.calls import Calls
from serving.predictor import Predictor
from serving.problems import Problem
from serving.settings import Settings


class _Job:
    """One request's texts on their way through the model."""

    __slots__ = ("deadline", "error", "scores", "started", "texts", "wake")

    def __init__(self, texts: Sequence[str], started: float, deadline: float):
        self.texts, self.started, self.deadline = texts, started, deadline
        self.scores: list[float] | None = None
        self.error: Exception | None = None
        self.wake = fiber.event()


class Batcher:
    """A predictor that many threads and fibers may call.

    Args:
        predictor: the model.
        settings: bounds of the queue and of a batch.
        threads: in which the model computes.
        observe: takes the name of a figure, and its value.
    """

    def __init__(
        self,
        predictor: Predictor,
        settings: Settings,
        threads: Calls,
        *,
        observe: Callable[[str, float], None],
    ):
        self.predictor, self._settings, self._threads = predictor, settings, threads
        self._observe = observe
        self._lock = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._queued_texts = 0
        self._shown_texts = 0  # in the metrics
        self._calls = 0

    def score(self, texts: Sequence[str], *, deadline: float | None = None) -> list[float]:
        """P(positive) of each text, in order.

        Args:
            texts: of one request.
            deadline: by the monotonic clock; None is `request_seconds` from now.

        Raises:
            Problem: overloaded, where the queue is full; deadline, where the wait was too long.
        """
        started = time.monotonic()
        job = _Job(texts, started, started + self._settings.request_seconds if deadline is None else deadline)
        self._enqueue(job)
        if not job.wake.wait(max(0, job.deadline - started)) and self._withdraw(job):
            raise problems.late(self._settings.request_seconds)
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
            may_begin, is_full = self._may_begin(), self._is_full()
            if not may_begin:
                self._show_queue()
        if may_begin and is_full:
            self._begin()
        elif may_begin:
            self._threads.soon(self._begin)

    def _may_begin(self) -> bool:
        """Whether there is work for a call now: for a second one beside the first, a full batch. The lock is held."""
        # The second only for a full batch: one call does not keep every core busy.
        return bool(self._queue) and self._calls < (calls.MOST if self._is_full() else 1)

    def _is_full(self) -> bool:
        """Whether a batch has as many texts as it may. The lock is held."""
        return self._queued_texts >= self._settings.batch_texts

    def _begin(self) -> None:
        """Start what calls may start now."""
        with self._lock:
            while self._may_begin():
                batch = self._take()
                self._calls += 1
                self._threads.start(partial(self._run, batch), deadline=max(job.deadline for job in batch))
            self._show_queue()

    def _withdraw(self, job: _Job) -> bool:
        """Take a request back out; False where it has been answered at the last moment."""
        with self._lock:
            if job.wake.is_set():
                return False
            if job in self._queue:
                self._queue.remove(job)
                self._queued_texts -= len(job.texts)
                self._observe("queue_seconds", time.monotonic() - job.started)
                self._show_queue()
            return True

    def _run(self, jobs: list[_Job]) -> None:
        """In a thread of the model."""
        self._score(jobs)
        if len(jobs) > 1 and jobs[0].error:  # by a text of one of them, perhaps: the others shall not suffer for it
            for job in jobs:
                self._score([job])
        with self._lock:
            self._calls -= 1
            for job in jobs:
                job.wake.set()
            may_begin = self._may_begin()
        if may_begin:
            self._threads.soon(self._begin)

    def _score(self, jobs: list[_Job]) -> None:
        """Score them in one call; it fails for all or for none."""
        texts = [text for job in jobs for text in job.texts]
        try:
            scores = iter(self.predictor.score(texts))
            for job in jobs:
                job.error, job.scores = None, [next(scores) for _ in job.texts]
        except Exception as error:
            for job in jobs:
                job.error = error
        self._observe("batch_texts", len(texts))

    def _take(self) -> list[_Job]:
        """The next jobs, at least one, together at most `batch_texts` where there are several."""
        jobs, count, now = [], 0, time.monotonic()
        while self._queue and (not jobs or count + len(self._queue[0].texts) <= self._settings.batch_texts):
            jobs.append(self._queue.popleft())
            self._observe("queue_seconds", now - jobs[-1].started)
            count += len(jobs[-1].texts)
        self._queued_texts -= count
        return jobs

    def _show_queue(self) -> None:
        """Tell the metrics what has changed; for a lone request that is nothing. The lock is held."""
        if self._queued_texts != self._shown_texts:
            self._observe("queue_texts", self._queued_texts - self._shown_texts)
            self._shown_texts = self._queued_texts
