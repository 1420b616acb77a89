"""A refusal names the setting whose limit was passed, with its value, so that nobody must guess which one to turn."""

import json
import threading

import pytest
from conftest import assert_problem

from serving.app import create_app
from serving.settings import Settings

NESTED = b"[" * 9 + b"]" * 9


@pytest.mark.parametrize(
    ("name", "limit", "data", "status"),
    [
        ("max_body_bytes", 50, json.dumps({"text": "x" * 50}), 413),
        ("max_texts", 2, json.dumps({"texts": ["x"] * 3}), 422),
        ("max_characters", 5, json.dumps({"text": "x" * 6}), 422),
        ("max_characters", 5, json.dumps({"texts": ["x", "x" * 6]}), 422),
        ("max_json_depth", 3, NESTED, 400),
    ],
)
def test_what_is_too_much_is_named(make_client, name, limit, data, status):
    answer = make_client(**{name: limit}).post("/predict", data=data, content_type="application/json")
    assert answer.status_code == status
    assert answer.get_json()[name] == limit


def test_a_wait_for_the_model_names_its_limit(monkeypatch):
    monkeypatch.setattr("serving.loader.Loader.start", lambda *arguments: None)
    client = create_app(Settings(request_seconds=0.05)).test_client()
    assert assert_problem(client.get("/predict?text=x"), 503, "not-ready")["request_seconds"] == 0.05


class HeldPredictor:
    model_version, labels, threshold = "held-1", ("negative", "positive"), 0.5

    def __init__(self):
        self.entered, self.gate = threading.Semaphore(0), threading.Event()

    def score(self, texts):
        self.entered.release()
        assert self.gate.wait(30)
        return [0.5] * len(texts)


def test_a_full_queue_and_a_deadline_name_their_limits():
    held = HeldPredictor()
    app = create_app(Settings(request_seconds=0.5, queue_texts=1), held)
    first = threading.Thread(target=lambda: app.test_client().get("/predict?text=x"))
    second = threading.Thread(target=lambda: late.append(app.test_client().get("/predict?text=x")))
    late = []
    try:
        first.start()
        assert held.entered.acquire(timeout=10)
        second.start()
        while not app.extensions["serving"].slot.get()._queue:
            pass
        refused = app.test_client().get("/predict?text=x")
        second.join(10)
    finally:
        held.gate.set()
        first.join(10)
    assert assert_problem(refused, 503, "overloaded")["queue_texts"] == 1
    assert assert_problem(late[0], 503, "deadline")["request_seconds"] == 0.5
