"""Every request is answered by its deadline, also by a worker whose model call never comes back."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from live import start_fake, wait_until

from serving.turn import Turn


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deadline")
    server = start_fake(folder, REQUEST_SECONDS="1", HANG_SECONDS="2", THREADS="4", QUEUE_REQUESTS="4")
    yield server.wait_until_ready()
    server.stop()
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


def ask(server, text):
    status, _, answer = server.call("POST", "/predict", json.dumps({"text": text}))
    limits = ("request_seconds", "queue_requests")
    return status, answer.get("type"), *next(((name, answer[name]) for name in limits if name in answer), ())


def wait_until_replaced(server, before, count):
    wait_until(lambda: len(before - server.workers()) == count and len(server.workers()) == len(before))
    server.wait_until_ready()


LATE = (503, "/docs#deadline", "request_seconds", 1.0)
OVERLOADED = (503, "/docs#overloaded", "queue_requests", 4)


def test_a_hanging_model_call_is_answered_for_and_its_worker_alone_replaced(server):
    before = server.workers()
    assert ask(server, "hang") == LATE
    answered, stop = [], threading.Event()

    def keep_asking():
        while not stop.is_set():
            answered.append(ask(server, "good"))

    with ThreadPoolExecutor(4) as threads:
        asking = [threads.submit(keep_asking) for _ in range(4)]
        try:
            wait_until_replaced(server, before, 1)
        finally:
            stop.set()
        for each in asking:
            each.result()  # raises what a connection that broke has raised
    assert {status for status, *_ in answered} == {200}  # new connections went to the other worker
    (line,) = [line for line in server.lines_with("this worker ends") if line["level"] == "critical"]
    assert before - server.workers() == {line["process"]}
    assert server.metric("serving_hung_workers_total") == 1
    assert server.metric('serving_problems_total{kind="deadline"}') == 1
    assert server.metric('serving_requests_total{method="POST",route="/predict",status="503"}') == 1
    assert [line["problem"] for line in server.lines("request") if line["status"] == 503] == ["deadline"]


def test_when_all_workers_hang_each_request_is_answered_and_the_service_comes_back(server):
    before = server.workers()
    assert [ask(server, "hang") for _ in before] == [LATE] * len(before)  # one that hangs takes no new connection
    status, headers, problem = server.call("GET", "/readyz")
    assert (status, problem["type"], headers["Retry-After"]) == (503, "/docs#not-ready", "2")
    # More than there are threads, so that some wait for one, and more than may wait.
    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(lambda _: ask(server, "hang"), range(40))) == {LATE, OVERLOADED}
        assert server.call("GET", "/livez")[0] == 200
    wait_until(lambda: not before & server.workers() and ask(server, "good")[0] == 200)


def test_the_connection_that_was_answered_for_is_closed_and_hears_nothing_more(server):
    before = server.workers()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /predict?text=hang HTTP/1.1\r\nHost: x\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in received
    wait_until_replaced(server, before, 1)


def test_one_turn_is_taken_by_one():
    turn, takers = Turn(0), [str(number) for number in range(16)]
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(turn.take, takers)) == 1
    assert [turn.take(taker) for taker in takers].count(True) == 1
