"""Limits, proxies, logs and figures of two real workers, which know of each other only what they share."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from live import raw, start_fake

LIMIT = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = start_fake(
        tmp_path_factory.mktemp("clients"),
        RATE_LIMIT=str(LIMIT),
        TRUSTED_PROXIES="127.0.0.0/8",
        CORS_ALLOW_ORIGINS="https://a.example",
        LOG_TEXTS="true",
        LOG_CLIENTS="true",
        MAX_TEXTS="40",
        REQUEST_SECONDS="5",
        BODY_SECONDS="1",
    )
    yield server.wait_until_ready()
    server.stop()
    assert "Traceback" not in server.log.read_text(), server.log.read_text()


def ask(server, client, value):
    return server.call("POST", "/predict", json.dumps(value), headers={"X-Forwarded-For": client})


def test_a_limit_holds_over_all_workers_exactly(server):
    started = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(lambda _: ask(server, "192.0.2.1", {"text": "x"})[0], range(4 * LIMIT)))
    refill = (time.monotonic() - started) * LIMIT / 60
    assert set(statuses) == {200, 429}
    assert LIMIT <= statuses.count(200) <= LIMIT + refill
    lines = [line for line in server.lines("request") if line["client"] == "192.0.2.1"]
    assert {line["process"] for line in lines if line["status"] == 200} == server.workers()


def test_what_a_client_writes_itself_makes_it_no_other(server):
    statuses = [ask(server, f"203.0.113.{number}, 192.0.2.2", {"text": "x"})[0] for number in range(LIMIT + 10)]
    assert 429 in statuses


def test_texts_in_the_log_are_warned_of_at_the_start_and_go_with_their_client(server):
    ask(server, "192.0.2.3", {"texts": ["good", "bad"]})
    (warning,) = server.lines_with("LOG_TEXTS=true")
    assert warning["level"] == "warning"
    (line,) = [line for line in server.lines("request") if line["client"] == "192.0.2.3"]
    assert (line["sent"], line["scores"], line["model_version"]) == (["good", "bad"], [0.9123, 0.1], "fake-1")


def test_pages_know_the_scheme_that_their_client_uses(server):
    page = server.call("GET", "/docs", headers={"X-Forwarded-For": "192.0.2.4", "X-Forwarded-Proto": "https"})[2]
    assert f"https://127.0.0.1:{server.port}/predict".encode() in page


def test_a_refusal_before_the_application_names_its_limit_too(server):
    start = b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 192.0.2.5\r\nContent-Length: 50\r\n\r\n{"
    status, _, body = raw(server, start)
    problem = json.loads(body)
    assert (status, problem["body_seconds"]) == (408, 1.0)
    (line,) = [line for line in server.lines("request") if line["request_id"] == problem["request_id"]]
    assert (line["status"], line["route"], line["client"]) == (408, "/predict", "192.0.2.5")
    assert server.metric('serving_requests_total{method="POST",route="/predict",status="408"}') == 1


def histogram(server, name):
    """Observations below each bound, and their sum."""
    text = server.call("GET", "/metrics")[2].decode()
    buckets = {le: float(n) for le, n in re.findall(rf'{name}_bucket\{{.*?le="([^"]+)".*?\}} (\S+)', text)}
    (total,) = re.findall(rf"{name}_sum(?:\{{[^}}]*\}})? (\S+)", text)
    return buckets, float(total)


def test_every_figure_is_right_over_both_workers(tmp_path):
    folder = tmp_path / "metrics"
    server = start_fake(tmp_path, MAX_TEXTS="40", PROMETHEUS_MULTIPROC_DIR=str(folder)).wait_until_ready()
    (folder / "counter_1.db").touch()  # of a worker that has come this far
    try:
        values = [{"texts": ["good"] * 3 + ["bad"]}] * 40 + [{"text": 1}] * 10 + [{"texts": ["x"] * 41}] * 10
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda value: ask(server, "", value), values))
        assert {line["process"] for line in server.lines("request")} == server.workers()
        posts = 'serving_requests_total{{method="POST",route="/predict",status="{}"}}'
        assert [server.metric(posts.format(status)) for status in (200, 422)] == [40, 20]
        assert server.metric('serving_problems_total{kind="invalid-input"}') == 20
        assert server.metric('serving_texts_total{label="positive"}') == 120
        assert server.metric('serving_texts_total{label="negative"}') == 40
        assert server.metric('serving_request_seconds_count{route="/predict"}') == 60
        assert server.metric("serving_queue_seconds_count") == 40
        buckets, total = histogram(server, "serving_batch_texts")
        assert (total, buckets["2.0"]) == (160, 0)
        buckets, total = histogram(server, "serving_probability")
        assert (buckets["0.1"], buckets["0.9"], buckets["+Inf"]) == (40, 40, 160)
        assert total == pytest.approx(120 * 0.912346 + 40 * 0.1)
        assert server.metric("serving_queue_texts") == 0
        assert server.metric('serving_model{model_version="fake-1"}') == 2
        for none_yet in ("reloads", "failed_reloads", "failed_looks", "hung_workers"):
            assert server.metric(f"serving_{none_yet}_total") == 0
    finally:
        server.stop()
