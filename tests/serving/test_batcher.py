import math
import threading
import time

import pytest

from serving.batcher import Batcher
from serving.calls import Calls
from serving.problems import Problem
from serving.settings import Settings


class HeldPredictor:
    """Scores a text by its length, but only while the gate is open."""

    def __init__(self):
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.batches = []

    def score(self, texts):
        self.entered.release()
        assert self.gate.wait(10)
        self.batches.append(list(texts))
        if "broken" in texts:
            raise RuntimeError("broken model")
        return [float(len(text)) for text in texts]


@pytest.fixture
def predictor():
    return HeldPredictor()


@pytest.fixture
def make(predictor):
    def make(**settings):
        return Batcher(predictor, Settings(**settings), Calls(), observe=lambda name, value: None)

    return make


def in_threads(batcher, requests):
    """Each request in a thread of its own, started once the one before has been queued."""
    outcomes = [None] * len(requests)

    def ask(index):
        try:
            outcomes[index] = batcher.score(requests[index])
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    return threads, outcomes


def wait_for(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_lone_request_is_scored_at_once(make, predictor):
    predictor.gate.set()
    assert make().score(["a", "bbb"]) == [1.0, 3.0]


def test_requests_that_wait_are_scored_together_and_each_gets_its_own(make, predictor):
    batcher = make()
    threads, outcomes = in_threads(batcher, [["a"], ["bb", "c"], ["ddd"], ["eeee"]])
    wait_for(lambda: len(batcher._queue) == 3)
    predictor.gate.set()
    for thread in threads:
        thread.join(10)
    assert outcomes == [[1.0], [2.0, 1.0], [3.0], [4.0]]
    assert len(predictor.batches) == 2


def test_a_batch_is_no_larger_than_the_setting_unless_one_request_is(make, predictor):
    predictor.gate.set()
    batcher = make(batch_texts=2)
    predictor.gate.clear()
    threads, _ = in_threads(batcher, [["a"]] * 6 + [["b"] * 5])
    wait_for(lambda: len(batcher._queue) == 4)  # one in the first call, two in the second
    predictor.gate.set()
    for thread in threads:
        thread.join(10)
    assert sorted(map(len, predictor.batches))[-1] == 5
    assert all(len(batch) <= 2 or batch == ["b"] * 5 for batch in predictor.batches)


def test_the_wait_of_each_request_is_observed_and_not_its_model_call(predictor):
    waits = []
    batcher = Batcher(
        predictor, Settings(), Calls(), observe=lambda name, value: name == "queue_seconds" and waits.append(value)
    )
    threads, _ = in_threads(batcher, [["a"], ["b"], ["c"]])
    wait_for(lambda: len(batcher._queue) == 2)
    time.sleep(0.1)
    with pytest.raises(Problem):
        batcher.score(["late"], deadline=0)
    predictor.gate.set()
    for thread in threads:
        thread.join(10)
    assert len(waits) == 4
    assert sum(wait < 0.1 for wait in waits) == 2  # the first, and the one that did not wait any longer


def test_a_batch_that_is_full_waits_for_nobody(make, predictor):
    predictor.gate.set()
    batcher, soon = make(batch_texts=4), []
    batcher._threads.soon = soon.append
    started = threading.Thread(target=batcher.score, args=(["a"] * 3,))
    started.start()
    wait_for(lambda: soon)
    assert batcher.score(["b"]) == [1.0]
    started.join(10)
    assert predictor.batches == [["a", "a", "a", "b"]]


def test_past_the_bound_a_request_is_refused_at_once(make, predictor):
    batcher = make(queue_texts=2)
    threads, _ = in_threads(batcher, [["a"], ["b", "c"]])
    predictor.entered.acquire(timeout=10)
    wait_for(lambda: len(batcher._queue) == 1)
    with pytest.raises(Problem, match="waiting already") as caught:
        batcher.score(["d"])
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"]
    predictor.gate.set()
    for thread in threads:
        thread.join(10)


def test_a_request_that_waits_too_long_is_given_up_and_not_scored(make, predictor):
    batcher = make()
    threads, outcomes = in_threads(batcher, [["a"]])
    predictor.entered.acquire(timeout=10)
    with pytest.raises(Problem, match=r"within 10 seconds"):
        batcher.score(["late"], deadline=time.monotonic() + 0.05)
    predictor.gate.set()
    threads[0].join(10)
    assert outcomes == [[1.0]]
    assert predictor.batches == [["a"]]
    assert batcher._queued_texts == 0


def test_a_call_that_does_not_come_back_holds_nobody_beyond_the_deadline(make, predictor):
    batcher = make(request_seconds=0.6)
    with pytest.raises(Problem, match=r"within 0\.6 seconds"):
        batcher.score(["a"])
    assert batcher._threads.late_at() <= time.monotonic()
    predictor.gate.set()
    wait_for(lambda: batcher._threads.late_at() == math.inf)
    assert batcher.score(["bb"]) == [2.0]


def test_an_error_reaches_the_request_that_made_it_and_no_other(make, predictor):
    batcher = make()
    threads, outcomes = in_threads(batcher, [["first"], ["one", "three"], ["broken"], ["ok"]])
    wait_for(lambda: len(batcher._queue) == 3)
    predictor.gate.set()
    for thread in threads:
        thread.join(10)
    first, both, broken, ok = outcomes
    assert (first, both, ok) == ([5.0], [3.0, 5.0], [2.0])
    assert str(broken) == "broken model"
    assert [len(batch) for batch in predictor.batches[:2]] == [1, 4]  # they were together, before each went alone
    assert batcher.score(["later"]) == [5.0]


def test_many_threads_all_get_the_answers_to_their_own_questions(make, predictor):
    predictor.gate.set()
    batcher = make(batch_texts=8)
    threads, outcomes = in_threads(batcher, [["x" * index] for index in range(200)])
    for thread in threads:
        thread.join(10)
    assert outcomes == [[float(index)] for index in range(200)]
