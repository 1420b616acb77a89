import selectors
import socket
import time

import pytest

from serving.fiber import Fibers
from serving.fiber_worker import FiberWorker

DATA = bytes(range(256)) * 4096  # more than the kernel takes at once


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def worker():
    worker = object.__new__(FiberWorker)
    worker.fibers, worker.poller, worker.body_seconds = Fibers(lambda: None), selectors.DefaultSelector(), 10
    worker.nr_conns = 2
    yield worker
    assert not worker.poller.get_map()
    worker.poller.close()


def send(worker, sock, outcome):
    try:
        worker.send_all(sock, DATA)
        outcome.append("sent")
    except StopIteration as error:
        outcome.append(str(error))


def test_a_fiber_sends_on_as_the_client_takes_it(worker, pair):
    outcome, others, received = [], [], b""
    worker.fibers.start(lambda: send(worker, pair[0], outcome))
    worker.wait_for_and_dispatch_events(0)
    assert outcome == []
    worker.fibers.start(lambda: others.append("answered"))
    worker.wait_for_and_dispatch_events(0)
    assert others == ["answered"]
    while len(received) < len(DATA):
        received += pair[1].recv(65536)
        worker.wait_for_and_dispatch_events(0)
    assert (received, outcome) == (DATA, ["sent"])


def test_a_client_that_takes_nothing_is_given_up(worker, pair):
    outcome, worker.body_seconds, started = [], 0.1, time.monotonic()
    worker.fibers.start(lambda: send(worker, pair[0], outcome))
    while not outcome:
        worker.wait_for_and_dispatch_events(0.01)
        assert time.monotonic() < started + 5
    assert outcome == ["the client does not take its answer"]
    assert time.monotonic() >= started + 0.1


def test_a_client_that_goes_away_ends_the_wait(worker, pair):
    errors = []

    def work():
        try:
            worker.send_all(pair[0], DATA)
        except OSError as error:
            errors.append(error)

    worker.fibers.start(work)
    worker.wait_for_and_dispatch_events(0)
    pair[1].close()
    for _ in range(3):
        worker.wait_for_and_dispatch_events(0)
    assert isinstance(errors[0], BrokenPipeError | ConnectionResetError)


def test_a_thread_sends_as_it_is(worker, pair):
    worker.send_all(pair[0], b"short")
    assert pair[1].recv(10) == b"short"
