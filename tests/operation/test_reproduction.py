"""A run made again is held against its record, figure by figure."""

import json

import pytest

from pipelines import artifacts, stages, tracking
from pipelines.dataset.provenance import SourceError
from pipelines.operation import likeness, reproduction

TEST = {"rows": 100, "accuracy": 0.8, "accuracy_interval": [0.7, 0.9], "auc": 0.5, "auc_interval": [0.5, 0.5]}
METRICS = {
    "model_version": "sentiment140-200-abcd",
    "parameters": {"epochs": 2, "seed": 1},
    "splits": {"test": TEST},
    "baselines": {"majority": {"test": {"accuracy": 0.5, "accuracy_interval": [0.4, 0.6]}}},
}
RAW = {"train.csv": {"sha256": "12ab", "bytes": 1}}


def record(**changed):
    """The record of a run with these figures; `changed` names others."""
    figures = {"test_accuracy": 0.8, "test_accuracy_low": 0.7, "test_accuracy_high": 0.9}
    figures |= {"test_auc": 0.5, "test_auc_low": 0.5, "test_auc_high": 0.5, "loss": 0.1}
    figures |= {f"majority_test_accuracy{end}": value for end, value in (("", 0.5), ("_low", 0.4), ("_high", 0.6))}
    return {
        "name": "sentiment140/200",
        "parameters": {"epochs": "2", "seed": "1", "rows_train": "200"},
        "tags": {"dataset": "sentiment140", "run": "200", "lock_sha256": "old", "raw.train.csv.sha256": "12ab"},
        "splits": {"sentiment140/train": "34cd"},
        "metrics": {name: [[0, value]] for name, value in (figures | changed).items()},
    }


def judged(**changed):
    return likeness.judged(record(**changed), METRICS)


def test_every_figure_with_an_interval_is_compared_and_equal_ones_are_the_same():
    found = judged()
    assert [one["name"] for one in found["figures"]] == ["test_accuracy", "test_auc", "majority_test_accuracy"]
    assert all(one["same"] and one["inside"] for one in found["figures"])
    assert found["status"] == 0
    assert found["verdict"] == "reproduced: all 3 figures are inside their recorded intervals, 3 to the last digit"
    assert found["parameters"] == {}


def test_a_figure_inside_its_interval_is_reproduced_and_not_called_the_same():
    found = judged(test_accuracy=0.81, test_auc=0.5 + 1e-15)
    assert found["status"] == 0
    assert "1 to the last digit" in found["verdict"]
    assert "0.810000 [0.700000, 0.900000]   0.800000  NO           yes" in likeness.table(found)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"test_accuracy": 0.9, "test_accuracy_low": 0.85, "test_accuracy_high": 0.95}, "test_accuracy"),
        ({"majority_test_accuracy": 0.7, "majority_test_accuracy_low": 0.6001}, "majority_test_accuracy"),
        ({"manual_auc": 0.9, "manual_auc_low": 0.8, "manual_auc_high": 1.0}, "manual_auc"),  # was not made here
    ],
)
def test_a_figure_outside_its_interval_is_named(changed, named):
    found = judged(**changed)
    assert found["status"] == 3
    assert found["verdict"].startswith("not reproduced: 1 of ")
    assert found["verdict"].endswith(f"outside their recorded intervals: {named}")


def test_figures_on_test_rows_of_other_data_sets_count_where_they_were_made_here():
    other = {"on_later_in_time_auc": 0.9, "on_later_in_time_auc_low": 0.8, "on_later_in_time_auc_high": 1.0}
    assert judged(**other)["status"] == 0
    made = METRICS | {"test_sets": {"model": {"later in time": TEST}}}
    assert "on_later_in_time_auc" in likeness.judged(record(**other), made)["verdict"]


def test_a_record_without_figures_is_not_reproduced():
    assert likeness.judged(record() | {"metrics": {"loss": [[1, 0.5]]}}, METRICS)["status"] == 3


def test_other_parameters_are_said():
    other = record() | {"parameters": {"epochs": "3", "seed": "1"}}
    assert likeness.judged(other, METRICS)["parameters"] == {"epochs": ["3", "2"]}


@pytest.fixture
def prepared(data_folder):
    """A data set of which only the manifest of its splits is there."""
    dataset = artifacts.Dataset("sentiment140")
    artifacts.write_json(dataset.manifest, {"raw": RAW, "files": {"train": "56ef"}, "counts": {"train": 300}})
    return dataset


def test_what_record_and_run_are_made_from_is_said_with_what_differs(prepared):
    found = likeness.made_from(record(), prepared)
    assert found["raw file train.csv"] == ("12ab", "12ab")
    assert found["split sentiment140/train"] == ("34cd", "56ef")
    lines = likeness.lines_of(found)
    assert "  raw file train.csv: 12ab, as here" in lines
    assert f"  lock_sha256: old; here {tracking.environment()['lock_sha256']}" in lines


def test_other_raw_data_is_refused_with_the_way_out(prepared):
    artifacts.write_json(prepared.manifest, {"raw": {"train.csv": {"sha256": "99"}}, "files": {}, "counts": {}})
    with pytest.raises(SourceError, match=r"train.csv has SHA-256 99, that of the record 12ab.*make data FROM="):
        likeness.made_from(record(), prepared)


@pytest.fixture
def trained(prepared, tmp_path, monkeypatch):
    """A record of size 200, and a training that gives METRICS; returns the folder of the records."""
    artifacts.write_json(tmp_path / "records" / "one" / "run.json", record())
    artifacts.write_json(prepared.source, {})

    def train(run, overrides):
        run.folder.mkdir(parents=True)
        (run.folder / "of_this_data_folder").touch()
        return METRICS

    monkeypatch.setattr(reproduction, "train", train)
    monkeypatch.setattr(reproduction.inputs, "make", lambda *arguments: None)
    return tmp_path / "records"


def reproduce(records, monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["reproduction", "--records", str(records), *arguments])
    return reproduction.main()


def test_what_was_usual_then_is_trained_again_as_recorded(trained, prepared, monkeypatch, capsys):
    recorded = record()
    recorded["parameters"] |= {"label_smoothing": "0.11", "learning_rate": "0.003", "units": "8"}
    artifacts.write_json(trained / "one" / "run.json", recorded)
    given = []
    monkeypatch.setattr(reproduction, "train", lambda run, overrides: given.append(overrides) or METRICS)
    assert reproduce(trained, monkeypatch, "--size", "200") == 0
    assert given == [{"label_smoothing": "0.11"}]  # the usual rate stays unsaid, as does what follows from the rows
    assert "trained as recorded, with label_smoothing=0.11, which is not usual any more" in capsys.readouterr().out


def test_your_own_run_of_that_size_is_left_alone(trained, prepared, monkeypatch, capsys):
    own = prepared.run("200").folder
    own.mkdir(parents=True)
    assert reproduce(trained, monkeypatch, "--size", "200") == 0
    assert list(own.iterdir()) == []
    apart = prepared.folder / "reproduced" / "sentiment140"
    assert (apart / "runs" / "200" / "of_this_data_folder").exists()
    assert (apart / "splits" / "manifest.json").read_text() == prepared.manifest.read_text()
    kept = json.loads((apart / "runs" / "200" / "reproduction.json").read_text())
    assert (kept["status"], kept["run"], kept["seed"]) == (0, "200", "1")
    assert kept["made_from"]["raw file train.csv"] == ["12ab", "12ab"]
    assert "reproduced: all 3 figures" in capsys.readouterr().out


def test_a_figure_outside_its_interval_is_the_exit_status(trained, monkeypatch, capsys):
    changed = record(test_accuracy=0.9, test_accuracy_low=0.85, test_accuracy_high=0.95)
    artifacts.write_json(trained / "one" / "run.json", changed)
    assert reproduce(trained, monkeypatch, "--size", "200") == 3
    assert "outside their recorded intervals: test_accuracy (status 3)" in capsys.readouterr().out


def test_a_size_without_a_record_is_refused_with_those_that_there_are(trained, monkeypatch, capsys):
    assert reproduce(trained, monkeypatch, "--size", "77") == 2
    assert "no record of sentiment140, SIZE=77" in capsys.readouterr().err
    assert reproduce(trained, monkeypatch) == 2
    message = capsys.readouterr().err
    assert f"SIZE={stages.DEFAULT_SIZE}, in " in message
    assert "there are SIZE=200" in message
    assert reproduce(trained, monkeypatch, "--size", "200_seed-2") == 2
    assert "SIZE=200_seed-2: expected a number of rows, or all" in capsys.readouterr().err
    assert reproduce(trained, monkeypatch, "--dataset", "reviews", "--size", "200") == 2
    assert "there are none of reviews" in capsys.readouterr().err
