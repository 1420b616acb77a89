"""A trial trains on the run's rows, is recorded, and leaves the run as it was."""

import os

import optuna
import pandas as pd
import pytest

from pipelines import tracking
from pipelines.figures import save, search
from pipelines.search import findings, space, wording, worker
from pipelines.search import study as studies

SMALL = {"units": "8", "dense_units": "8", "ngram_buckets": "256", "epochs": "2", "batch_size": "64"}


def recorded(sweep):
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id], f"tags.sweep = '{sweep.name}'", order_by=["tags.trial"])
    return client, runs


@pytest.fixture
def sweep(encoded):
    return studies.sweep_of(encoded, search="learning_rate", fixed=SMALL)


def files(folder):
    return {
        path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and "sweeps" not in path.parts
    }


def test_trials_are_in_mlflow_and_the_run_is_left_alone(sweep, encoded, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_RUN_ID", "the kernel's own")
    before = files(encoded.folder)
    study = worker.work(sweep, wanted=2)
    assert os.environ["MLFLOW_RUN_ID"] == "the kernel's own"
    assert files(encoded.folder) == before
    assert not list((sweep.folder / "working").iterdir())
    table = findings.table(study, sweep)
    client, runs = recorded(sweep)
    assert [run.info.status for run in runs] == ["FINISHED"] * 2
    assert {run.info.run_id for run in runs} == set(table["mlflow_run"])
    for run in runs:
        mine = table.set_index("mlflow_run").loc[run.info.run_id]
        assert float(run.data.params["learning_rate"]) == mine["learning_rate"]
        assert run.data.params["units"] == "8"
        assert len(client.get_metric_history(run.info.run_id, "validation_accuracy")) == 2
        assert run.data.metrics["accuracy_of_kept_epoch"] == pytest.approx(mine["accuracy"])
        assert findings.right(sweep, mine["trial"]).mean() == pytest.approx(mine["accuracy"])
    compared = findings.comparison(table, sweep)
    assert compared["looks"] == 1
    record = wording.record(table, sweep, compared=compared, shares=findings.importances(study, sweep))
    assert record["trials"] == {"complete": 2, "pruned": 0}
    assert record["command"].startswith('make train SIZE=300 DATASET=tiny PARAMS="units=8 ')
    ranges = {name: space.bounds(one) for name, one in sweep.space.items()}
    save(search.which_mattered(table, None, ranges=ranges), tmp_path / "figure.png")


def test_a_pruned_trial_is_recorded_as_pruned_and_the_usual_one_never_is(sweep, monkeypatch):
    strict = optuna.pruners.ThresholdPruner(lower=1.1)
    monkeypatch.setattr(optuna.pruners, "MedianPruner", lambda *_: strict)
    study = worker.work(sweep, wanted=2)
    assert [trial.state.name for trial in study.get_trials()] == ["COMPLETE", "PRUNED"]
    client, runs = recorded(sweep)
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED"]
    assert len(client.get_metric_history(runs[1].info.run_id, "validation_accuracy")) == 1
    table = findings.table(study, sweep)
    assert list(table["epochs"]) == [2, 1]
    assert pd.isna(table["seconds"].iloc[1])
    assert not sweep.predictions(1).exists()


def test_trainings_of_different_length_are_not_compared_after_each_epoch(encoded):
    assert isinstance(studies.opened(studies.sweep_of(encoded, search="epochs")).pruner, optuna.pruners.NopPruner)
    assert isinstance(studies.opened(studies.sweep_of(encoded, search="units")).pruner, optuna.pruners.MedianPruner)
