"""Whom a busy service still answers: honest clients beside a crowd of slow ones, and those who ask how it is."""

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from live import start_fake, wait_until


def test_a_crowd_of_slow_clients_keeps_no_honest_one_waiting(tmp_path):
    starts = (b"", b"POST /predict HTTP/1.1\r\nHost: x\r\n", b"POST /predict HTTP/1.1\r\nContent-Length: 50\r\n\r\n{")
    server = start_fake(tmp_path, BODY_SECONDS="6").wait_until_ready()
    crowd = []
    try:
        for number in range(600):
            crowd.append(socket.create_connection(("127.0.0.1", server.port), timeout=30))
            crowd[-1].sendall(starts[number % len(starts)])
        for _ in range(5):
            assert server.predict("good")["label"] == "positive"
        # Not only once the slow ones had been sent away, which takes six seconds: their places are not needed.
        assert server.metric('serving_problems_total{kind="slow-body"}') == 0
    finally:
        for connection in crowd:
            connection.close()
        server.stop()


def test_health_checks_are_answered_while_the_models_queue_is_full(tmp_path):
    held = tmp_path / "held"
    held.touch()
    server = start_fake(tmp_path, WORKERS="1", THREADS="4", QUEUE_TEXTS="2", REQUEST_SECONDS="60")
    server.wait_until_ready(workers=1)

    def ask(text):
        return server.call("POST", "/predict", json.dumps({"text": text}))

    with ThreadPoolExecutor(3) as threads:
        try:
            answers = [threads.submit(ask, f"hang while {held}")]
            wait_until(lambda: server.metric("serving_queue_seconds_count") == 1)  # the model is at work
            answers += [threads.submit(ask, "good") for _ in range(2)]
            wait_until(lambda: server.metric("serving_queue_texts") == 2)
            status, _, problem = ask("good")
            assert (status, problem["type"], problem["queue_texts"]) == (503, "/docs#overloaded", 2)
            assert [server.call("GET", path)[0] for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
        finally:
            held.unlink()
            statuses = [answer.result()[0] for answer in answers]
            server.stop()
    assert statuses == [200] * 3


def ask_without_hearing(server):
    """A client that asks on for as long as the server listens, and takes no answer."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(1)
    client.connect(("127.0.0.1", server.port))
    with suppress(TimeoutError):
        while True:
            client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    return client


def wait_until_idle(server):
    """Until the only worker uses no CPU: the kernel takes no more answers to those who do not hear them."""
    (worker,) = server.workers()
    before, used = None, ""
    while used != before:
        time.sleep(1)
        before, used = used, Path(f"/proc/{worker}/stat").read_text().split()[13]


def test_clients_that_never_hear_hold_no_thread(tmp_path):
    server = start_fake(tmp_path, WORKERS="1", THREADS="2", BODY_SECONDS="100", LOG_REQUESTS="false")
    server.wait_until_ready(workers=1)
    deaf = []
    try:
        with ThreadPoolExecutor(3) as threads:
            deaf += threads.map(ask_without_hearing, [server] * 3)
        wait_until_idle(server)
        assert server.predict("good")["label"] == "positive"
    finally:
        for client in deaf:
            client.close()
        server.stop()
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


def test_a_client_that_is_slow_to_hear_gets_every_answer_and_holds_up_nobody(tmp_path):
    count, texts = 400, json.dumps({"texts": ["good", "bad"] * 128}).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    server = start_fake(tmp_path, WORKERS="1", BODY_SECONDS="60", LOG_REQUESTS="false").wait_until_ready(workers=1)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", server.port))
    sending = threading.Thread(target=slow.sendall, args=((head % len(texts) + texts) * count,))
    try:
        sending.start()
        wait_until_idle(server)  # it waits for room for an answer
        assert server.predict("good")["label"] == "positive"
        answers = slow.makefile("rb")
        for _ in range(count):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.rstrip().split(b": ") for line in iter(answers.readline, b"\r\n"))
            labels = [
                each["label"] for each in json.loads(answers.read(int(headers[b"Content-Length"])))["predictions"]
            ]
            assert labels == ["positive", "negative"] * 128
    finally:
        slow.close()
        sending.join()
        server.stop()


def test_clients_that_ask_on_how_it_is_keep_no_other_waiting(tmp_path):
    server = start_fake(tmp_path, WORKERS="1", LOG_REQUESTS="false").wait_until_ready(workers=1)
    asked, stop = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 500, threading.Event()

    def ask_on():
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            while not stop.is_set():
                connection.sendall(asked)
                answers = b""
                while answers.count(b"HTTP/1.1 200 OK") < 500:
                    answers += connection.recv(65536)

    with ThreadPoolExecutor(3) as threads:
        asking = [threads.submit(ask_on) for _ in range(3)]
        try:
            started = time.monotonic()
            for _ in range(20):
                assert server.predict("good")["label"] == "positive"
            assert time.monotonic() - started < 10
        finally:
            stop.set()
            for each in asking:
                each.result()
            server.stop()


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics"])
def test_a_crowd_at_the_metrics_keeps_no_other_health_check_waiting(tmp_path, path):
    server = start_fake(tmp_path, WORKERS="1", BODY_SECONDS="100").wait_until_ready(workers=1)

    def scrape(_):
        return server.call("GET", path)[:2]

    with ThreadPoolExecutor(24) as threads:
        try:
            answers = list(threads.map(scrape, range(240)))
            assert server.call("GET", "/livez")[0] == 200
        finally:
            server.stop()
    assert {status for status, _ in answers} == {200, 503}
    assert {headers["Retry-After"] for status, headers in answers if status == 503} == {"1"}
