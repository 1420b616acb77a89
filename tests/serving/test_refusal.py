"""What never reaches the application is answered, counted and logged as what does."""

import contextlib
import json
import logging
import socket
from types import SimpleNamespace

import pytest

from serving.app import create_app
from serving.arrival import Head
from serving.problems import Problem
from serving.refusal import Refusals
from serving.settings import Settings
from serving.turn import CURRENT, Pool, Turn, UnderWay
from serving.worker import Worker

HEAD = b"POST /predict?text=secret HTTP/1.1\r\nHost: x\r\nx-request-id: mine\r\nOrigin: https://a.example\r\n\r\n"
PROBLEM = Problem("overloaded", "too many", headers={"Retry-After": "1"}, queue_requests=4)


@pytest.fixture
def refuse(predictor):
    """The status line, headers and body of a refusal by an application with these settings, and that application."""

    def make(head=HEAD, **settings):
        app = create_app(Settings(**settings), predictor)
        data = Refusals(app).response(PROBLEM, Head(head), peer=("127.0.0.1", 5), seconds=0.5)
        raw, body = data.split(b"\r\n\r\n")
        status, *lines = raw.decode().split("\r\n")
        return status, dict(line.split(": ", 1) for line in lines), body, app

    return make


def test_it_has_the_headers_and_the_id_of_any_answer(refuse):
    status, headers, body, app = refuse(cors_allow_origins="https://a.example")
    usual = app.test_client().post("/predict", headers={"Origin": "https://a.example", "X-Request-ID": "mine"})
    assert status == "HTTP/1.1 503 Service Unavailable"
    for name in set(usual.headers.keys()) - {"Content-Length"}:
        assert headers[name] == usual.headers[name]
    assert (headers["Retry-After"], headers["Connection"]) == ("1", "close")
    assert (headers["Content-Length"], len(headers)) == (str(len(body)), len(usual.headers) + 3)
    document = json.loads(body)
    assert (document["type"], document["request_id"], document["queue_requests"]) == ("/docs#overloaded", "mine", 4)


@pytest.mark.parametrize("head", [b"", b"GET", b"X-Request-ID: a b\r\n\r\n", HEAD.replace(b"mine", b"<script>")])
def test_it_has_a_new_id_where_none_has_come(refuse, head):
    _, headers, body, _ = refuse(head)
    assert json.loads(body)["request_id"] == headers["X-Request-ID"]
    assert len(headers["X-Request-ID"]) == 32


def test_another_origin_and_operators_calls_are_shared_with_nobody(refuse):
    for head in (HEAD.replace(b"a.ex", b"b.ex"), HEAD.replace(b"/predict", b"/docs")):
        assert "Access-Control-Allow-Origin" not in refuse(head, cors_allow_origins="https://a.example")[1]


def test_no_body_follows_where_only_the_head_was_asked_for(refuse):
    _, headers, body, _ = refuse(HEAD.replace(b"POST", b"HEAD"))
    assert (body, int(headers["Content-Length"]) > 0) == (b"", True)


@pytest.mark.parametrize(
    ("head", "method", "route"),
    [(HEAD, "POST", "/predict"), (b"BREW /\xff HTTP/1.1\r\n", "other", "unknown"), (b"", "other", "unknown")],
)
def test_it_is_counted_and_logged(refuse, caplog, head, method, route):
    caplog.set_level(logging.INFO, "serving")
    *_, app = refuse(head, log_clients=True, trusted_proxies="1")
    exposition = app.test_client().get("/metrics").get_data(as_text=True)
    assert f'serving_requests_total{{method="{method}",route="{route}",status="503"}} 1.0' in exposition
    assert f'serving_request_seconds_sum{{route="{route}"}} 0.5' in exposition
    assert 'serving_problems_total{kind="overloaded"} 1.0' in exposition
    (line,) = [vars(record) for record in caplog.records if record.getMessage() == "request"]
    assert (line["route"], line["method"], line["status"], line["problem"]) == (route, method, 503, "overloaded")
    assert (line["client"], line["milliseconds"]) == ("127.0.0.1", 500)
    assert "secret" not in str(line)


def test_behind_proxies_the_client_is_the_one_they_name(refuse, caplog):
    caplog.set_level(logging.INFO, "serving")
    refuse(HEAD[:-2] + b"X-Forwarded-For: 192.0.2.1\r\n\r\n", log_clients=True, trusted_proxies="127.0.0.0/8")
    assert caplog.records[-1].client == "192.0.2.1"


@contextlib.contextmanager
def under_way(*, taken_by):
    """While this lasts, a request is under way that one of two has answered."""
    request = UnderWay(None, Head(HEAD), Pool(None, 1), Turn(0))
    assert request.turn.take(taken_by)
    token = CURRENT.set(request)
    yield
    CURRENT.reset(token)


@pytest.fixture
def worker(predictor):
    worker = object.__new__(Worker)
    worker.refusals, worker.log = Refusals(create_app(Settings(), predictor)), logging.getLogger("worker")
    return worker


def test_what_fails_beside_the_application_is_logged_without_its_query_and_answered_once(worker, caplog):
    request = SimpleNamespace(method="POST", uri="/predict?text=secret")
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            for taken_by in ("main", "thread"):
                with under_way(taken_by=taken_by):
                    try:
                        raise ValueError("a fault")
                    except ValueError as error:
                        worker.handle_error(request, ours, ("127.0.0.1", 5), error)
        received = b"".join(iter(lambda: theirs.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 500 ")
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"/docs#internal-error" in received
    assert caplog.text.count("ValueError: a fault") == 2
    assert "POST /predict" in caplog.text
    assert "secret" not in caplog.text


def test_an_answer_for_which_the_main_thread_has_answered_goes_nowhere(worker):
    worker._hangs, worker.alive = False, True
    worker.parts, worker.close_if_last = lambda conn: False, lambda conn, *, last: None
    closed = []
    for body in ([b"late"], SimpleNamespace(close=lambda: closed.append(True))):
        worker._app = lambda environ, start_response, body=body: body
        with under_way(taken_by="main"), pytest.raises(BrokenPipeError, match="answered by its deadline"):
            worker._answer({"PATH_INFO": "/predict"}, None)
    assert closed == [True]
