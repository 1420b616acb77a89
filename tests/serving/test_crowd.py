"""More connections than a worker has places for: who gives way, and who gets in."""

import json
import selectors
import socket
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn
from live import start_fake, wait_until

from serving.crowd import CrowdedWorker

SILENT, SLOW, IDLE = b"", b"POST /predict HTTP/1.1\r\nHost: x\r\n", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
PLACES = 24


def everything(connection):
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_slow_silent_and_idle_clients_give_way_to_new_ones_and_a_request_that_is_answered_does_not(tmp_path):
    held = tmp_path / "held"
    held.touch()
    server = start_fake(
        tmp_path,
        WORKERS="1",
        THREADS="2",
        BODY_SECONDS="100",
        REQUEST_SECONDS="100",
        GUNICORN_CMD_ARGS=f"--worker-connections {PLACES}",
    ).wait_until_ready(workers=1)
    with ThreadPoolExecutor(1) as threads, ExitStack() as stack:
        stack.callback(server.stop)
        stack.callback(held.unlink, missing_ok=True)
        oldest = threads.submit(server.call, "POST", "/predict", json.dumps({"text": f"hang while {held}"}))
        wait_until(lambda: server.metric("serving_queue_seconds_count") == 1)  # the model is at work
        crowd = []
        for number in range(3 * PLACES):
            crowd.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            stack.enter_context(crowd[-1])
            crowd[-1].sendall((SILENT, SLOW, IDLE)[number % 3])
        assert [server.call("GET", path)[0] for path in ("/livez", "/readyz")] == [200, 200]
        silent, slow, idle = map(everything, crowd[:3])
        assert silent == b""
        assert slow.startswith(b"HTTP/1.1 503 ")
        assert json.loads(slow.partition(b"\r\n\r\n")[2])["type"] == "/docs#connections"
        assert (idle[:12], idle.count(b"HTTP/1.1 ")) == (b"HTTP/1.1 200", 1)
        assert server.metric('serving_problems_total{kind="connections"}') >= 2 * PLACES
        held.unlink()
        assert oldest.result()[0] == 200
        assert server.predict("good")["label"] == "positive"


class Crowded(CrowdedWorker):
    """Without a service: notes what it admits and whom it crowds out."""

    body_seconds, max_body_bytes, alive = 10, 1000, True

    def __init__(self, places):
        self.cfg, self.sockets, self.worker_connections = Config(), ["a listening socket"], places
        self.poller, self.nr_conns = selectors.DefaultSelector(), 0
        self.keepalived_conns, self.pending_conns = deque(), deque()
        self._arriving, self._deaf, self._lingering = {}, {}, {}
        self.admitted, self.crowded_out = [], []

    def admit(self, conn, arriving):
        self.admitted.append(conn)

    def crowd_out(self, conn, arriving):
        self.crowded_out.append(conn)
        self.drop(conn)

    def connect(self, stack, sent):
        """A connection whose client has sent this."""
        ours, theirs = map(stack.enter_context, socket.socketpair())
        theirs.sendall(sent)
        self.nr_conns += 1
        return TConn(self.cfg, ours, None, None), theirs

    def keep(self, conn):
        """As gunicorn does after an answer."""
        conn.set_timeout()
        self.keepalived_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn))


@pytest.fixture
def stack():
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def worker(stack):
    worker = Crowded(places=8)
    stack.callback(worker.poller.close)
    return worker


def test_those_that_have_waited_longest_give_way_whatever_they_wait_for(worker, stack):
    (kept, _), (arriving, _), (deaf, _), (lingering, closed), (young, _) = (
        worker.connect(stack, sent) for sent in (b"", SLOW, IDLE, b"", SLOW)
    )
    worker.keep(kept)
    worker.enqueue_req(arriving)
    worker.enqueue_req(deaf)  # whole, so it is admitted; now as if its client took no answer
    worker.linger(lingering)
    worker.enqueue_req(young)
    held = worker._arriving[arriving]
    worker._deaf[deaf] = type(held)(held.deadline, 1000)
    worker.poller.register(deaf.sock, selectors.EVENT_WRITE, None)
    now = time.monotonic()
    kept.timeout = now + worker.cfg.keepalive - 0.4  # seconds that each has waited
    worker._arriving[arriving].deadline = now + worker.body_seconds - 0.3
    worker._deaf[deaf].deadline = now + worker.body_seconds - 0.2
    worker._lingering[lingering] = now + 2 - 0.1
    worker.nr_conns = 10  # others are answered
    worker.murder_pending()
    assert worker.crowded_out == [kept, arriving, deaf]
    worker.nr_conns = 9
    worker.murder_pending()
    assert worker.crowded_out == [kept, arriving, deaf, young]
    assert closed.recv(1) == b""
    assert worker.nr_conns == 7
    worker.nr_conns = 20  # all of them answered: there is nobody to send away
    worker.murder_pending()
    assert len(worker.crowded_out) == 4


@pytest.mark.parametrize("was_kept", [True, False])
def test_what_has_been_asked_by_the_last_moment_is_answered(worker, stack, was_kept):
    asks, theirs = worker.connect(stack, b"" if was_kept else IDLE[:9])
    if was_kept:
        worker.keep(asks)
    else:
        worker.enqueue_req(asks)
    theirs.sendall(IDLE if was_kept else IDLE[9:])
    worker.nr_conns = 8
    worker.murder_pending()
    assert (worker.admitted, worker.crowded_out) == ([asks], [])


def test_a_worker_that_ends_sends_nobody_away(worker, stack):
    worker.enqueue_req(worker.connect(stack, SLOW)[0])
    worker.nr_conns, worker.alive = 20, False
    worker.murder_pending()
    worker.alive, worker.sockets = True, []
    worker.murder_pending()
    assert worker.crowded_out == []
