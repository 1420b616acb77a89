import json

import numpy as np
import pytest

from pipelines import artifacts, tracking
from pipelines.evaluation import report, wording
from pipelines.evaluation.curves import Diagnosis
from pipelines.evaluation.forecast import fit_power_law
from pipelines.evaluation.results import Scores


@pytest.fixture
def splits():
    labels = np.array([0, 1] * 50)
    good = Scores(np.arange(100), labels, np.where(labels, 0.9, 0.1))
    one_class = Scores(np.arange(4), np.ones(4), np.full(4, 0.9))
    return report.evaluated({"test": good, "manual": one_class}, resamples=20, seed=1)


def test_the_table_has_a_line_for_each_split_and_model(splits):
    table = report.comparison(splits, {"majority": splits})
    assert table["split"].to_list() == ["test", "test", "manual", "manual"]
    assert table["model"].to_list() == ["this model", "majority class"] * 2
    shown = report.readable(table)
    assert shown.loc[("test", "this model"), "accuracy"] == "100.0 % [96.3, 100.0]"
    assert shown.loc[("manual", "this model"), "auc"] == "–"


def test_figures_become_flat_and_undefined_ones_stay_none(splits):
    found = report.flat({"splits": splits, "baselines": {"majority": {"test": splits["test"]}}})
    assert found["test_accuracy"] == 1
    assert found["majority_test_accuracy_low"] == pytest.approx(0.963, abs=1e-3)
    assert found["manual_auc"] is None
    assert (found["test_rows"], found["manual_rows"]) == (100, 4)
    assert len(found) == 3 * 12 + 2


def test_metrics_are_json_without_nan(splits, tmp_path):
    artifacts.write_json(tmp_path / "metrics.json", splits)
    assert json.loads((tmp_path / "metrics.json").read_text())["manual"]["auc"] is None


def test_seconds_of_all_stages_are_found(dataset):
    run = dataset.run("100")
    artifacts.write_json(dataset.folder / "01_prepare.manifest.json", {"seconds": 1.5})
    artifacts.write_json(run.folder / "04_train.manifest.json", {"seconds": 20})
    assert report.stage_seconds(run) == {"01_prepare": 1.5, "04_train": 20.0}


def test_evaluated_rows_are_recorded_by_their_hash(dataset, monkeypatch):
    seen = []
    monkeypatch.setattr(tracking, "log_dataset", lambda **facts: seen.append(facts))
    tracking.log_splits(dataset, {"train": "training", "test": "evaluation"}, rows_train=7)
    assert [(facts["name"].split("/")[1], facts["rows"], facts["context"]) for facts in seen] == [
        ("train", 7, "training"),
        ("test", 120, "evaluation"),
    ]
    assert seen[1]["digest"] == artifacts.sha256(dataset.split("test"))


def test_sentences_follow_the_figures():
    test = {"difference": 0.01, "difference_interval": [0.005, 0.015], "only_first_right": 30, "only_second_right": 20}
    assert "better than TF-IDF" in wording.difference({**test, "p_value": 0.01}, other="TF-IDF", split="test")
    assert "no difference" in wording.difference({**test, "p_value": 0.2}, other="TF-IDF", split="test")
    worse = {**test, "difference": -0.01, "p_value": 1e-9}
    assert "worse than TF-IDF: -1.00" in wording.difference(worse, other="TF-IDF", split="test")
    assert "p < 0.001" in wording.difference(worse, other="TF-IDF", split="test")


def test_a_diagnosis_reads_as_a_list():
    assert wording.diagnosis(Diagnosis("converged", ["a"], ["b"])).startswith("**Verdict: converged.**\n\n- a\n")


def test_forecasts_in_words_with_and_without_a_law():
    rows = np.array([100, 200, 400, 800])
    law = fit_power_law(rows, np.arange(1000) < np.array([[600], [660], [710], [750]]), resamples=20)
    assert "unchecked" in wording.forecast_check(law, observed={100: 0.6}, largest=800)
    assert "1,600 rows: forecast" in wording.forecast_check(law, observed={1600: 0.78}, largest=800)
    assert "takes about" in wording.target(law, accuracy=0.77, available=10)
    assert wording.target(law, accuracy=0.77, available=10, reached=9_000).endswith("a run of 9,000 has reached it.")
    assert "no number of rows" in wording.target(law, accuracy=0.9999999, available=10) or law.a[0] == 0
    assert wording.outlook(law, rows={"twice": 1600}).startswith("twice, 1,600 rows: 7")
    for sentence in (wording.outlook(None, rows={}), wording.target(None, accuracy=0.8, available=1)):
        assert "forecast" in sentence.lower()
