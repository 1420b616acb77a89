"""What a request's log line holds, and what it never does unless that is wanted."""

import json
import logging
import os
import sys
import time

import pytest

from serving import logs


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


@pytest.fixture
def pipe():
    """A pipe: the end to read, and the end to write as a text file."""
    read, write = os.pipe()
    with os.fdopen(read, "rb"), os.fdopen(write, "w") as writer:
        yield read, writer


def record(message):
    return logging.LogRecord("serving", logging.INFO, __file__, 0, message, (), None)


def test_a_pipe_that_nobody_reads_holds_up_nothing_and_what_is_left_out_is_counted(pipe, monkeypatch):
    read, writer = pipe
    monkeypatch.setattr(sys, "stderr", writer)
    console, started = logs.Console(), time.monotonic()
    console.setFormatter(logs.JsonFormatter())
    for number in range(2000):
        console.handle(record(f"line {number}"))
    assert time.monotonic() - started < 5
    kept = os.read(read, 2**20).decode().splitlines()
    assert [json.loads(line)["message"] for line in kept] == [f"line {number}" for number in range(len(kept))]
    console.handle(record("again"))
    told, again = (json.loads(line) for line in os.read(read, 2**20).decode().splitlines())
    assert told["message"] == f"{2000 - len(kept)} log lines were left out: nobody read them"
    assert (told["level"], again["message"]) == ("warning", "again")


def test_a_standard_error_that_is_no_file_is_written_to(monkeypatch, capsys):
    console = logs.Console()
    console.handle(record("here"))
    assert capsys.readouterr().err == "here\n"


def test_a_line_fits_into_what_a_pipe_takes_at_once():
    record = logging.LogRecord("serving", logging.INFO, __file__, 0, "request", None, None)
    record.sent, record.scores = ["é" * 140] * 32, [0.1234] * 256
    said = logs.JsonFormatter().format(record)
    found = json.loads(said)
    assert len(said) < 4096
    assert found["cut"] is True
    assert 0 < len(found["sent"]) < 32
    assert found["scores"] == record.scores
    record.sent = record.sent[:1]
    assert "cut" not in json.loads(logs.JsonFormatter().format(record))


def test_of_a_long_traceback_the_end_is_kept():
    try:
        raise ValueError("x" * 9000 + " the end")
    except ValueError:
        record = logging.LogRecord("serving", logging.ERROR, __file__, 0, "failed", None, sys.exc_info())
    said = logs.JsonFormatter().format(record)
    assert len(said) < 4096
    assert json.loads(said)["exception"].endswith(" the end")


@logs.without_remarks()
def _fail():
    raise ZeroDivisionError


def test_remarks_of_libraries_reach_nobody_and_what_comes_after_does(capfd):
    with logs.without_remarks():
        os.write(2, b"cudart_stub.cc: no GPU")
    with pytest.raises(ZeroDivisionError):
        _fail()
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"
