"""What a request's log line holds, and what it never does unless that is wanted."""

import json
import logging

import pytest


@pytest.fixture
def line(make_client, caplog):
    """The line of one request."""

    def make(body, **settings):
        caplog.set_level(logging.INFO, "serving")
        make_client(**settings).post("/predict", json=body)
        (record,) = [record for record in caplog.records if record.getMessage() == "request"]
        return vars(record)

    return make


def test_scores_are_logged_with_their_model_and_texts_and_clients_are_not(line):
    found = line({"texts": ["good", "bad"]})
    assert (found["texts"], found["scores"], found["model_version"]) == (2, [0.9, 0.1], "fake-1")
    assert "sent" not in found
    assert "client" not in found
    assert "good" not in str(found)


def test_scores_can_be_left_out(line):
    assert "scores" not in line({"text": "x"}, log_scores=False)


def test_texts_and_clients_are_logged_where_that_is_wanted(line):
    found = line({"text": "a good day"}, log_texts=True, log_clients=True)
    assert (found["sent"], found["client"]) == (["a good day"], "127.0.0.1")


def test_a_line_is_bounded(line):
    found = line({"texts": ["x" * 1000] * 400}, log_texts=True, max_texts=1000)
    assert (found["texts"], len(found["scores"]), len(found["sent"])) == (400, 256, 32)
    assert len(json.dumps([found["scores"], found["sent"]])) < 15_000


def test_a_refused_request_has_no_scores(line):
    found = line({"text": 1}, log_texts=True)
    assert (found["texts"], found["sent"], found["problem"]) == (0, [], "invalid-input")
    assert "scores" not in found
