"""Real gunicorn workers with a real SavedModel, over loopback."""

import json
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import model_folder
import pytest
from live import Server, raw, versions, wait_until

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_folder.export(tmp_path_factory.mktemp("export") / "saved_model")


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "log"
    server = Server(
        log,
        MODEL_URI=str(model),
        WORKERS="2",
        BODY_SECONDS="2",
        DRAIN_SECONDS="1",
        MAX_BODY_BYTES="100000",
        API_KEY="key",
    )
    yield server.wait_until_ready()
    server.stop()
    assert "Traceback" not in log.read_text(), log.read_text()


def test_scores_are_those_of_the_model(server):
    for text in ("a good day", "bad, sad and bad", "", "good\x00 😀"):
        answer = server.predict(text)
        assert answer["probability"] == pytest.approx(model_folder.probability(text), abs=1e-6)
        assert answer["model_version"] == "fixture-10-00000001"


def test_tensorflow_is_shared_by_the_fork_and_the_model_is_loaded_after_it(server):
    assert "tensorflow" in Path(f"/proc/{server.process.pid}/maps").read_text()
    loaded = {line["process"] for line in server.lines("model ready")}
    assert loaded == server.workers()
    assert server.process.pid not in loaded


def test_every_worker_answers_many_at_once(server):
    def ask(index):
        text = "good " * (index % 5)
        return server.predict(text)["probability"] == pytest.approx(model_folder.probability(text), abs=1e-6)

    with ThreadPoolExecutor(32) as threads:
        assert all(threads.map(ask, range(400)))
    assert {line["process"] for line in server.lines("request")} == server.workers()


def test_figures_are_the_sum_over_all_workers(server):
    def answered():
        exposition = server.call("GET", "/metrics")[2].decode()
        found = re.search(r'serving_requests_total\{method="POST",route="/predict",status="200"\} (\S+)', exposition)
        workers = re.search(r'serving_model\{model_version="fixture-10-00000001"\} (\S+)', exposition)
        return float(found[1]) if found else 0.0, float(workers[1])

    before, _ = answered()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda index: server.predict("x"), range(50)))
    assert answered() == (before + 50, 2.0)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 60000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (
            POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
            400,
        ),
        (
            POST + b"Content-Length: 999999\r\n\r\n",
            413,
        ),
        (
            POST + b"Content-Length: 0\r\n\r\n",
            400,
        ),
    ],
)
def test_what_is_not_http_is_a_problem_and_never_a_5xx(server, data, status):
    answered, head, body = raw(server, data)
    assert answered == status
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status


@pytest.mark.parametrize("host", [b"", b"Host: a b\r\n", b"Host: <script>\r\n", b"Host: a\r\nHost: b\r\n"])
def test_a_request_without_a_host_or_with_one_that_is_none_is_refused(server, host):
    status, _, body = raw(server, b"GET /docs HTTP/1.1\r\n" + host + b"\r\n")
    assert (status, json.loads(body)["type"]) == (400, "/docs#malformed-request")


@pytest.mark.parametrize("host", [b"Host:\r\n", b"Host: [::1]:80\r\n", b"Host: my_service.local:8000\r\n"])
def test_hosts_of_every_kind_are_served(server, host):
    assert raw(server, b"GET /livez HTTP/1.1\r\n" + host + b"\r\n")[0] == 200
    assert raw(server, b"GET /livez HTTP/1.0\r\n\r\n")[0] == 200


def test_chunked_bodies_are_read_and_limited(server):
    start = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    body = b'{"text": "good"}'
    assert raw(server, [start, b"%x\r\n" % len(body), body + b"\r\n", b"0\r\n\r\n"], pause=0.02)[0] == 200
    assert raw(server, start + b"%x\r\n" % 120_000 + b"x" * 120_000 + b"\r\n0\r\n\r\n")[0] == 413


@pytest.mark.parametrize("framing", [b"Content-Length: 90000", b"Transfer-Encoding: chunked"])
def test_without_the_key_no_body_is_waited_for(server, framing):
    started = time.monotonic()
    status, _, _ = raw(server, POST.replace(b"Bearer key", b"Bearer other") + framing + b"\r\n\r\n")
    assert status == 401
    assert time.monotonic() - started < 1.5  # it is sent away after 2 s


def test_every_line_of_the_log_is_json(server):
    assert all(json.loads(line)["level"] for line in server.log.read_text().splitlines())


def test_a_reload_that_is_asked_for_before_it_is_up_does_not_end_it(model, tmp_path):
    server = Server(tmp_path / "log", MODEL_URI=str(model), WORKERS="1")
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("/proc says when a process hears a signal")
    with ExitStack() as stack:
        stack.callback(server.stop)
        # Bit 0 is that of SIGHUP; gunicorn listens seconds later, once it has imported TensorFlow.
        wait_until(lambda: int(re.search(r"SigCgt:\s*(\w+)", status.read_text())[1], 16) & 1)
        server.process.send_signal(signal.SIGHUP)
        server.wait_until_ready(workers=1)


def test_pipelined_requests_are_answered_in_order(server):
    request = b"GET /predict?text=%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nX-Request-ID: %s\r\n%s\r\n"
    data = b"".join(request % (b"good", name, end) for name, end in ((b"one", b""), (b"two", b"Connection: close\r\n")))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(data)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.findall(rb'"request_id": "(\w+)"', received) == [b"one", b"two"]


def test_no_two_answers_have_the_same_id_whichever_worker_gives_them(server):
    ids = {server.predict("good")["request_id"] for _ in range(40)}  # each on a connection of its own
    assert len(ids) == 40


@pytest.mark.parametrize("sent", [b"", b'{"text": "go'])
def test_a_body_that_ends_before_its_announced_length_is_malformed(server, sent):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(POST + b"Content-Length: 50\r\n\r\n" + sent)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"ended before its announced length" in received


def test_slow_clients_hold_no_thread_and_are_sent_away(server):
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(200)]
    try:
        head = POST + b"Content-Length: 50\r\n\r\n{"
        for connection in slow:
            connection.sendall(head)
        for _ in range(20):  # more than the slow ones would leave threads for
            assert server.predict("good")["label"] == "positive"
        assert server.call("GET", "/livez")[0] == 200
        assert {connection.recv(65536).split()[1] for connection in slow} == {b"408"}
    finally:
        for connection in slow:
            connection.close()


def test_a_client_that_never_hangs_up_holds_up_nobody(server):
    rude = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(60)]
    try:
        for connection in rude:
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for connection in rude:
            assert b" 200 " in connection.recv(65536)
        # gunicorn alone waits two seconds for each of them, one after another: longer than this call does.
        assert server.call("GET", "/livez")[0] == 200
    finally:
        for connection in rude:
            connection.close()


def test_a_client_that_goes_away_leaves_no_trace(server):
    for data in (b"", b"POST /pre", b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(data)
    assert server.predict("good")["label"] == "positive"


def test_a_new_model_takes_over_without_a_dropped_request_and_a_broken_one_never_does(server, model):
    answered, stop = [], threading.Event()

    def keep_asking(index):
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
            while not stop.is_set():
                answered.append(server.predict("good", connection)["model_version"])

    with ThreadPoolExecutor(8) as threads:
        asking = [threads.submit(keep_asking, index) for index in range(8)]
        try:
            for number in range(2, 5):
                version = f"fixture-10-0000000{number}"
                model_folder.write_manifest(model, version=version)
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda version=version: versions(server).get(version) == 2)
            (model / "manifest.json").write_text("{}")
            assert server.call("POST", "/admin/reload")[0] == 202
            wait_until(lambda: b"serving_failed_reloads_total 2.0" in server.call("GET", "/metrics")[2])
        finally:
            stop.set()
            model_folder.write_manifest(model)
        for each in asking:
            each.result()  # raises what an answer other than 200 has raised
    assert set(answered) == {f"fixture-10-0000000{number}" for number in range(1, 5)}
    assert versions(server)["fixture-10-00000004"] == 2


def test_a_killed_worker_is_replaced_and_the_others_go_on(server):
    victim = min(server.workers())
    os.kill(victim, signal.SIGKILL)
    end = time.monotonic() + 60
    while victim in server.workers() or len(server.workers()) < 2:
        assert time.monotonic() < end
        assert server.predict("good")["label"] == "positive"  # also from the new one, which loads its model meanwhile


def test_sigterm_makes_it_unready_first_and_finishes_what_is_under_way(server):
    idle, waiting = (socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(2))
    with idle, waiting, closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as known:
        server.predict("good", known)
        body = b'{"text": "still good"}'
        head = POST + b"Content-Length: %d\r\n\r\n"
        waiting.sendall(head % len(body))
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        status, headers, _ = server.call("GET", "/readyz", connection=known)
        assert (status, headers["Connection"]) == (503, "close")
        waiting.sendall(body)
        assert b'"positive"' in b"".join(iter(lambda: waiting.recv(65536), b""))
        assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    ("variables", "arguments", "message"),
    [
        ({"MODEL_URI": "/nowhere/model"}, (), "/nowhere/model is not a folder"),
        ({"MODEL_URI": ""}, (), "MODEL_URI is not set"),
        ({"PORT": "http"}, (), "PORT=http cannot be used"),
        ({"MODEL_URI": "/nowhere"}, ("--preload",), "--preload cannot be used"),
        ({}, ("--certfile", "x", "--keyfile", "y"), "speak TLS"),
    ],
)
def test_what_cannot_be_served_ends_at_once_with_one_line(tmp_path, variables, arguments, message):
    server = Server(tmp_path / "log", *arguments, **variables)
    assert server.process.wait(30) == 1
    said = [line for line in server.log.read_text().splitlines() if "Starting gunicorn" not in line]
    assert len(said) == 1, said
    assert message in said[0]


def test_a_corrupt_model_is_refused_before_it_is_loaded(tmp_path, model):
    copy = tmp_path / "copy"
    (copy / "variables").mkdir(parents=True)
    for path in model.rglob("*.*"):
        (copy / path.relative_to(model)).write_bytes(path.read_bytes())
    damaged = copy / "variables" / "variables.index"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    server = Server(tmp_path / "log", MODEL_URI=str(copy))
    assert server.process.wait(30) == 1
    assert "SHA-256" in server.log.read_text()
