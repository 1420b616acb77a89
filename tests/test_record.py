"""What is kept of an execution is fit to be read."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from pipelines import artifacts, record, stages


def test_of_a_progress_bar_the_last_state_stays_and_of_start_up_chatter_nothing(tmp_path):
    chatter = (
        "WARNING: All log messages before absl::InitializeLog() are…\nI0000 00:00:1795469999.060015 1 port.cc:153] x\n"
    )
    outputs = [
        new_output("stream", name="stderr", text=chatter),
        new_output("stream", name="stderr", text="\repoch 1:   0%"),
        new_output("stream", name="stderr", text="\repoch 1:  50%"),
        new_output("stream", name="stderr", text="\repoch 1: 100%\n"),
        new_output("stream", name="stdout", text="I saw E0000 things\n"),
    ]
    path = tmp_path / "x.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell("x", outputs=outputs), new_code_cell("y", outputs=outputs[:1])]), path
    )
    record.make_readable(path)
    first, second = nbformat.read(path, as_version=4).cells
    assert [output.text.strip() for output in first.outputs] == ["epoch 1: 100%", "I saw E0000 things"]
    assert second.outputs == []


@pytest.fixture
def recorded(data_folder, monkeypatch):
    """Runs a stage within its record, whose ids count up; returns what says which record is whose."""
    begun = []

    def start_run(*, name, tags, resume):
        begun.append(resume or f"record-{len(begun)}")
        return begun[-1]

    monkeypatch.setattr(record.tracking, "start_run", start_run)
    monkeypatch.setattr(record.tracking, "end_run", lambda run_id, *, status: None)
    monkeypatch.setattr(record, "_upload", lambda stage, run_id, *, failed: None)

    def executed(name, *, fails=False):
        stage = stages.Stage(name, artifacts.Dataset("d").run("100").folder)
        try:
            with record.recorded(stage, {"dataset": "d", "run": "100"}):
                assert not fails, "as was asked for"
        except AssertionError:
            assert fails
        return artifacts.read_json(stage.mlflow_run)

    return executed


def test_a_training_that_failed_goes_on_in_its_record_and_the_next_one_has_a_new_one(recorded):
    assert recorded("04_train", fails=True) == {"id": "record-0", "finished": False}
    assert recorded("04_train") == {"id": "record-0", "finished": True}
    assert recorded("04_train")["id"] != "record-0"


def test_a_diagnosis_that_failed_leaves_the_record_of_its_training_finished(recorded):
    first = recorded("04_train")
    assert recorded("05_diagnose", fails=True) == first
    assert recorded("04_train")["id"] != first["id"]
