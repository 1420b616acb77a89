"""A worker that takes another's place: with the last good model, beside the others, and never to their harm."""

import logging
import os
import runpy
import signal
import socket
from types import SimpleNamespace

import model_folder
import pytest
from live import ROOT, Server, wait_until

from serving import predictor as predictors
from serving import shared
from serving.loader import Loader
from serving.metrics import Metrics
from serving.settings import Settings
from serving.shared import Board
from serving.slot import Slot


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


def test_a_reload_asked_for_before_a_worker_hears_signals_is_made_up_for(tmp_path, monkeypatch, predictor):
    loads = []
    monkeypatch.setattr(predictors, "load", lambda folder, **options: loads.append(folder) or predictor)
    settings = Settings(model_uri=str(model_folder.pretend(tmp_path / "model")))
    for asked in (False, True):
        board = Board()
        board.ask_for_reload()  # before the fork: nothing to make up for
        board.reserve(set())
        if asked:
            board.ask_for_reload()
        Loader(settings, Slot(settings), Metrics(), board)._start()
        assert len(loads) == 1 + asked
        loads.clear()


def test_a_reload_keeps_the_number_of_threads_though_the_cores_have_changed(tmp_path, monkeypatch, predictor):
    threads = []
    monkeypatch.setattr(predictors, "load", lambda folder, **options: threads.append(options["threads"]) or predictor)
    monkeypatch.setattr(predictors, "cores", lambda: 8)
    settings = Settings(model_uri=str(model_folder.pretend(tmp_path / "model")), workers=2)
    loader = Loader(settings, Slot(settings), Metrics(), Board())
    loader._start()
    monkeypatch.setattr(predictors, "cores", lambda: 2)  # of a container whose quota is another by now
    loader._replace()
    assert threads == [4, 4]  # TensorFlow would refuse to change


@pytest.mark.parametrize("key", ["", "key"])
@pytest.mark.parametrize(
    ("address", "is_open"),
    [("0.0.0.0", True), ("127.0.0.1", False), ("127.0.0.2", False), ("path", False)],
)
def test_without_a_key_an_open_address_is_warned_of_wherever_gunicorn_has_it_from(
    monkeypatch, tmp_path, caplog, address, is_open, key
):
    monkeypatch.setattr(shared, "MASTER", shared.MASTER)
    monkeypatch.setenv("API_KEY", key)
    monkeypatch.setenv("HOST", "127.0.0.1" if is_open else "0.0.0.0")  # the command line has said another
    made = runpy.run_path(str(ROOT / "serving" / "gunicorn_conf.py"))
    family = socket.AF_UNIX if address == "path" else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind(str(tmp_path / "socket") if address == "path" else (address, 0))
        made["when_ready"](SimpleNamespace(LISTENERS=[listener], log=logging.getLogger("gunicorn")))
        warning = f"Anyone who reaches {address}:{listener.getsockname()[1]} gets predictions: API_KEY is not set."
    assert caplog.messages == ([warning] if is_open and not key else [])


def test_the_master_outlives_a_worker_that_it_finds_gone(monkeypatch):
    monkeypatch.setattr(shared, "MASTER", shared.MASTER)
    monkeypatch.syspath_prepend(ROOT)
    made = runpy.run_path(str(ROOT / "serving" / "gunicorn_conf.py"))
    monkeypatch.setattr(os, "_exit", lambda status: pytest.fail("the master has ended"))
    made["worker_exit"](None, SimpleNamespace(pid=os.getpid() + 1))
