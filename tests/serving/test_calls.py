import math
import threading
import time

from serving.calls import Calls


def test_a_call_is_late_from_its_deadline_on_until_it_comes_back():
    calls, gate, done = Calls(), threading.Event(), threading.Event()
    assert calls.late_at() == math.inf
    deadline = time.monotonic() + 5
    calls.start(lambda: gate.wait(10), deadline=deadline)
    calls.start(done.set, deadline=deadline - 1)
    assert done.wait(10)  # beside the first
    while calls.late_at() != deadline:
        assert time.monotonic() < deadline
    gate.set()
    while calls.late_at() != math.inf:
        assert time.monotonic() < deadline


def test_one_that_begins_just_before_its_deadline_does_not_hang():
    calls, gate = Calls(), threading.Event()
    calls.start(lambda: gate.wait(10), deadline=time.monotonic() - 1)
    assert calls.late_at() > time.monotonic()
    gate.set()


def test_one_that_fails_is_under_way_no_more():
    calls = Calls()
    calls.start(lambda: 1 / 0, deadline=0)
    end = time.monotonic() + 10
    while calls.late_at() != math.inf:
        assert time.monotonic() < end
