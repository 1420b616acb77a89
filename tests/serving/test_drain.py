"""The end on SIGTERM, under the load of clients that keep their connections: nothing that was sent stays unanswered."""

import os
import signal
import socket
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest
from live import start_fake, wait_until

from serving.drain import DrainingWorker

CLIENTS, BEFORE = 24, 600  # requests until the signal


def ask_until_gone(server, answers):
    """One text after another, on a new connection when told that the last is closed, until none is accepted."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        while True:
            if connection.sock is None:
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            status, headers, _ = server.call("POST", "/predict", '{"text": "good"}', connection=connection)
            answers.append((status, headers["Connection"]))


@pytest.mark.parametrize("drain_seconds", [0, 2])
def test_no_request_is_dropped(tmp_path, drain_seconds):
    server = start_fake(tmp_path, DRAIN_SECONDS=str(drain_seconds), LOG_REQUESTS="false").wait_until_ready()
    answers = []
    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = [threads.submit(ask_until_gone, server, answers) for _ in range(CLIENTS)]
        try:
            wait_until(lambda: len(answers) >= BEFORE)
            server.process.send_signal(signal.SIGTERM)
            if drain_seconds:
                wait_until(lambda: server.call("GET", "/readyz")[0] == 503)
                assert server.predict("good")["label"] == "positive"  # also on a new connection
        finally:
            server.stop()
        for each in asking:
            each.result()  # raises what a connection that broke has raised
    assert server.process.returncode == 0
    counts = Counter(answers)
    assert set(counts) == {(200, "keep-alive"), (200, "close")}
    assert counts[200, "keep-alive"] >= BEFORE
    assert counts[200, "close"] >= CLIENTS  # each kept connection's last, and new ones
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


def test_a_worker_that_gives_place_after_so_many_requests_drops_none(tmp_path):
    server = start_fake(tmp_path, GUNICORN_CMD_ARGS="--max-requests 150", LOG_REQUESTS="false").wait_until_ready()
    answers, before = [], server.workers()

    def ask():
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            while not replaced():
                if connection.sock is None:
                    connection.connect()
                status, headers, _ = server.call("POST", "/predict", '{"text": "good"}', connection=connection)
                answers.append((status, headers["Connection"]))

    def replaced():
        return not before & server.workers()

    try:
        with ThreadPoolExecutor(CLIENTS) as threads:
            for each in [threads.submit(ask) for _ in range(CLIENTS)]:
                each.result()  # raises what a connection that broke has raised
    finally:
        server.stop()
    assert set(answers) == {(200, "keep-alive"), (200, "close")}


def test_a_worker_that_is_told_to_end_alone_is_replaced(tmp_path):
    server = start_fake(tmp_path, WORKERS="1").wait_until_ready(workers=1)
    try:
        [before] = server.workers()
        os.kill(before, signal.SIGTERM)
        wait_until(lambda: server.workers() - {before})
        server.wait_until_ready(workers=1)
        assert server.predict("good")["label"] == "positive"  # by a new connection, which it must take
    finally:
        server.stop()


def test_of_the_last_connections_no_more_are_taken_than_there_are_places_for():
    worker, taken = object.__new__(DrainingWorker), []

    def accept(listener):
        taken.append(stack.enter_context(listener.accept()[0]))
        worker.nr_conns += 1

    worker.accept, worker.nr_conns, worker.worker_connections = accept, 5, 7
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for _ in range(3):
            stack.enter_context(socket.create_connection(listener.getsockname()))
        worker._take_all(listener)
    assert len(taken) == 2
