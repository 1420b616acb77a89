"""A worker that takes another's place: with the last good model, beside the others, and never to their harm."""

import os
import signal

import model_folder
import pytest
from live import Server, wait_until


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_folder.export(tmp_path_factory.mktemp("export") / "saved_model")


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("replacement") / "log", MODEL_URI=str(model), WORKERS="2")
    yield server.wait_until_ready()
    server.stop()


def test_a_replacement_without_a_model_leaves_the_others_alone_and_tries_again(server, model):
    victim, other = sorted(server.workers())
    good = (model / "manifest.json").read_bytes()
    try:
        (model / "manifest.json").write_text("{}")
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: server.lines("this worker has no model; it tries again in 2 seconds"))
        for _ in range(30):  # on new connections, of which the one without a model takes none
            assert server.predict("good")["label"] == "positive"
            assert server.call("GET", "/readyz")[0] == 200
        assert {line["process"] for line in server.lines("request")[-30:]} == {other}
        assert other in server.workers()
    finally:
        (model / "manifest.json").write_bytes(good)
    server.wait_until_ready()


def test_with_all_workers_gone_and_no_model_the_service_lives_unready(server, model):
    good = (model / "manifest.json").read_bytes()
    before = len(server.lines("this worker has no model; it tries again in 2 seconds"))
    try:
        (model / "manifest.json").write_text("{}")
        for worker in server.workers():
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: len(server.lines("this worker has no model; it tries again in 2 seconds")) >= before + 2)
        assert server.call("GET", "/livez")[0] == 200
        assert server.call("GET", "/readyz")[0] == 503
        assert server.process.poll() is None
    finally:
        (model / "manifest.json").write_bytes(good)
    server.wait_until_ready()
    assert server.predict("good")["label"] == "positive"


def test_at_the_first_start_a_model_that_scores_its_canary_wrong_ends_the_server(model, tmp_path):
    good = (model / "manifest.json").read_text()
    try:
        (model / "manifest.json").write_text(good.replace('"probability": 0.5', '"probability": 0.6'))
        server = Server(tmp_path / "log", MODEL_URI=str(model), WORKERS="2")
        assert server.process.wait(120) in (1, 3)  # 1 where the second worker fails while gunicorn stops for the first
    finally:
        (model / "manifest.json").write_text(good)
    assert server.lines_with("scores its canary text")
