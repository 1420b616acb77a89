import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines import artifacts
from pipelines.evaluation import baselines, metrics

from .conftest import write_split


def test_it_learns_mood_from_words(dataset):
    baseline = baselines.fitted(dataset.run("400"), rows=400)
    labels = pd.read_parquet(dataset.split("test"))["label"]
    scores = baselines.score(baseline, dataset.split("test"))
    assert scores.dtype == np.float32
    assert metrics.correct(labels, scores).mean() > 0.95
    sad, happy = baseline.probabilities(pa.array(["so sad", "so happy"]))
    assert sad < 0.5 < happy
    assert "sad" in baseline.telling(20)["negative"].to_list()


def test_only_the_first_rows_are_fitted(dataset):
    baseline = baselines.fit(dataset.split("train"), rows=20)
    assert baseline.record["columns"] < baselines.fit(dataset.split("train"), rows=400).record["columns"]


def test_what_is_kept_scores_as_what_was_fitted_and_is_not_fitted_again(dataset, monkeypatch):
    run = dataset.run("400")
    texts = pa.array(["so sad", "good day", ""])
    expected = baselines.fitted(run, rows=400).probabilities(texts)
    monkeypatch.setattr(baselines, "fit", lambda *_, **__: pytest.fail("fitted again"))
    np.testing.assert_array_equal(baselines.fitted(run, rows=400).probabilities(texts), expected)
    assert not [
        path for path in run.baseline(baselines.TFIDF).iterdir() if path.suffix in (".pkl", ".pickle", ".joblib")
    ]


@pytest.mark.parametrize("what", ["rows", "data", "rules"])
def test_it_is_fitted_again_when_its_inputs_change(dataset, monkeypatch, what):
    run, rows = dataset.run("400"), 400
    before = baselines.fitted(run, rows=rows).record["inputs"]
    if what == "rows":
        rows = 300
    elif what == "data":
        write_split(dataset.split("train"), rows=400, seed=99)
        manifest = artifacts.read_json(dataset.manifest)
        manifest["files"]["train"] = artifacts.sha256(dataset.split("train"))
        artifacts.write_json(dataset.manifest, manifest)
    else:
        monkeypatch.setattr(baselines, "INVERSE_REGULARISATION", 0.5)
    assert baselines.fitted(run, rows=rows).record["inputs"] != before


def test_validation_scores_are_kept_and_test_scores_are_not(dataset):
    run = dataset.run("400")
    baseline = baselines.fitted(run, rows=400)
    kept = baselines.kept_scores(run, baseline)
    assert kept["row"].to_list() == pd.read_parquet(dataset.split("validation"))["row"].to_list()
    np.testing.assert_array_equal(kept["probability"], baselines.score(baseline, dataset.split("validation")))
    baselines.score(baseline, dataset.split("test"))
    assert sorted(path.name for path in run.baseline(baselines.TFIDF).glob("*.parquet")) == [
        "validation.parquet",
        "words.parquet",
    ]


def test_a_new_fit_throws_old_validation_scores_away(dataset):
    run = dataset.run("400")
    baselines.kept_scores(run, baselines.fitted(run, rows=400))
    baselines.fitted(run, rows=200)
    assert not (run.baseline(baselines.TFIDF) / "validation.parquet").exists()


def test_one_class_is_refused(tmp_path):
    path = tmp_path / "train.parquet"
    write_split(path, rows=10)
    pd.read_parquet(path).assign(label=np.int8(1)).to_parquet(path)
    with pytest.raises(ValueError, match=r"first 10 rows .* all have label 1"):
        baselines.fit(path, rows=10)


def test_majority_says_the_commoner_class_for_every_row():
    assert (baselines.majority(np.array([0, 0, 1]), rows=3) < 0.5).all()
    assert (baselines.majority(np.array([0, 1, 1]), rows=2) >= 0.5).all()
