import threading
import time

import pytest
from greenlet import getcurrent

from serving import fiber
from serving.fiber import Fibers


@pytest.fixture
def signals():
    return threading.Semaphore(0)


@pytest.fixture
def fibers(signals):
    return Fibers(signals.release)


def run_until(fibers, condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        fibers.run()


def test_while_one_waits_others_run_and_each_goes_on_where_it_was(fibers):
    seen, events = [], []

    def work(name):
        events.append(fiber.event())
        seen.append((name, events[-1].wait(10)))

    for name in "abc":
        fibers.start(lambda name=name: work(name))
    fibers.run()
    assert (len(events), seen) == (3, [])
    assert not fibers.due()
    for event in reversed(events):
        event.set()
    fibers.run()
    assert seen == [("c", True), ("b", True), ("a", True)]


def test_another_thread_wakes_a_fiber_and_signals_once_for_many(fibers, signals):
    seen, events = [], []

    def work():
        events.append(fiber.event())
        seen.append(events[-1].wait(10))

    for _ in range(20):
        fibers.start(work)
    run_until(fibers, lambda: len(events) == 20)
    thread = threading.Thread(target=lambda: [event.set() for event in events])
    thread.start()
    thread.join()
    assert signals.acquire(blocking=False)
    assert not signals.acquire(blocking=False)
    run_until(fibers, lambda: len(seen) == 20)
    assert all(seen)


def test_what_is_set_before_or_while_it_is_asked_for_is_not_waited_for(fibers):
    seen = []

    def work():
        event = fiber.event()
        event.set()
        seen.append(event.wait(10))
        seen.append(fiber.event().wait(0.01))  # the wake-up of the first is no sign of this one

    fibers.start(work)
    run_until(fibers, lambda: len(seen) == 2)
    assert seen == [True, False]


def test_a_wait_ends_at_its_time_also_behind_longer_ones(fibers):
    seen = []
    for seconds in (10, 0.05):
        fibers.start(lambda seconds=seconds: seen.append((seconds, fiber.event().wait(seconds))))
    started = time.monotonic()
    run_until(fibers, lambda: seen)
    assert seen == [(0.05, False)]
    assert 0.05 <= time.monotonic() - started < 1


def test_what_is_wanted_soon_is_called_once_after_all_that_runs_now(fibers):
    seen = []

    def last():
        seen.append("last")

    def work():
        fibers.soon(last)
        seen.append("work")

    for _ in range(3):
        fibers.start(work)
    fibers.run()
    assert seen == ["work"] * 3
    fibers.start(lambda: seen.append("came meanwhile"))  # a look at the sockets has brought it
    fibers.run()
    fibers.run()
    assert seen == ["work"] * 3 + ["came meanwhile", "last"]
    assert not fibers.due()


def test_where_nobody_else_can_ask_what_is_wanted_soon_waits_for_no_look(fibers):
    seen, fibers.alone = [], True
    fibers.start(lambda: (fibers.soon(lambda: seen.append("called")), seen.append("asked")))
    fibers.run()
    assert seen == ["called", "asked"]


def test_what_is_wanted_soon_waits_no_longer_than_a_slice_for_others(fibers):
    seen = []
    fibers.start(lambda: fibers.soon(lambda: seen.append("called")))
    for _ in range(4):  # they do not stop to come
        fibers.start(lambda: time.sleep(0.004))
        fibers.run()
    assert seen == ["called"]


def test_no_more_than_a_moment_is_run_at_a_time(fibers):
    seen = []
    for number in range(10):
        fibers.start(lambda number=number: (time.sleep(0.004), seen.append(number)))
    fibers.run()
    assert 1 <= len(seen) <= 4
    assert fibers.due()
    run_until(fibers, lambda: len(seen) == 10)
    assert seen == list(range(10))


def test_fibers_are_used_again_and_one_that_starts_another_goes_on(fibers):
    seen = []

    def inner():
        seen.append(("inner", getcurrent()))

    def outer():
        fibers.start_now(inner)
        seen.append(("outer", getcurrent()))

    fibers.start(outer)
    fibers.start(lambda: seen.append(("other", getcurrent())))
    fibers.run()
    assert [name for name, _ in seen] == ["outer", "other", "inner"]
    assert len({used for _, used in seen}) == 1


def test_what_ends_the_process_is_raised_on_the_main_thread(fibers):
    def work():
        raise SystemExit(3)

    fibers.start(work)
    with pytest.raises(SystemExit):
        fibers.run()


def test_outside_fibers_threads_wait_as_ever():
    assert not fiber.running()
    event = fiber.event()
    threading.Timer(0.01, event.set).start()
    assert event.wait(10)
