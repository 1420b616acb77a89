import numpy as np
import pandas as pd
import pytest

from pipelines.evaluation import baselines, results, wording


def test_runs_are_compared_with_others_of_the_same_parameters_by_rows(finish):
    finish("100_units-64", rows=100, accuracy=0.7)
    finish("50", rows=50, accuracy=0.7)
    run = finish("all", rows=400, accuracy=0.8)
    finish("400", rows=400, accuracy=0.8)
    assert [found.name for found in results.finished_runs(run)[0]] == ["50", "all"]


def test_a_run_of_another_size_from_before_a_default_was_changed_is_left_out_and_one_that_rows_make_differ_is_not(
    finish,
):
    run = finish(
        "400", rows=400, accuracy=0.8, parameters={"dense_units": 128, "units": 128, "epochs": 3, "word_offsets": True}
    )
    finish(
        "100", rows=100, accuracy=0.7, parameters={"dense_units": 128, "units": 64, "epochs": 4, "word_offsets": False}
    )
    finish("50", rows=50, accuracy=0.7, parameters={"dense_units": 64, "epochs": 4})
    found, left_out = results.finished_runs(run)
    assert [one.name for one in found] == ["100", "400"]
    assert left_out == {"50": {"dense_units": [128, 64]}}


def test_a_run_on_validation_rows_of_before_is_left_out(finish):
    run = finish("100", rows=100, accuracy=0.8)
    old = finish("50", rows=50, accuracy=0.7)
    scored = pd.read_parquet(old.predictions("validation"))
    scored.assign(row=scored["row"] + 1).to_parquet(old.predictions("validation"), index=False)
    found, left_out = results.finished_runs(run)
    assert [one.name for one in found] == ["100"]
    told = "Left out, trained otherwise: `50` (validation rows of before, here of now). Trained again, it counts."
    assert wording.left_out(left_out) == told


def test_a_parameter_that_an_older_run_does_not_know_was_off():
    new = {"units": 64, "language_model": False, "naive_bayes_start": 0.0, "word_offsets": None}
    assert results.differences(new, {"units": 64}, free=()) == {}
    switched_on = new | {"language_model": True}
    assert results.differences(switched_on, {"units": 64}, free=()) == {"language_model": [True, None]}
    assert results.differences({"units": 64}, {"units": 128}, free=()) == {"units": [64, 128]}


def test_a_run_without_predictions_is_not_finished(finish, dataset):
    run = finish("100", rows=100, accuracy=0.7)
    dataset.run("200").folder.mkdir(parents=True)
    assert [found.name for found in results.finished_runs(run)[0]] == ["100"]
    with pytest.raises(FileNotFoundError, match="run 04_train for invented/200 first"):
        results.scores(dataset.run("200"), "validation")


def test_the_curve_holds_training_validation_and_the_baselines_that_are_there(finish):
    runs = [finish("100", rows=100, accuracy=0.7), finish("400", rows=400, accuracy=0.9)]
    baselines.kept_scores(runs[1], baselines.fitted(runs[1], rows=400))
    curve = results.size_curve(runs)
    assert curve.groupby("rows")["name"].agg(list).to_dict() == {
        100: ["training", "validation"],
        400: ["training", "validation", "baseline"],
    }
    assert curve.query("name == 'validation'")["accuracy"].to_list() == [0.7, 0.9]
    assert (curve["low"] < curve["accuracy"]).all()


def test_runs_scored_on_other_rows_are_refused(finish):
    runs = [finish("100", rows=100, accuracy=0.7), finish("400", rows=400, accuracy=0.9)]
    path = runs[1].predictions("validation")
    frame = pd.read_parquet(path)
    frame.assign(row=frame["row"] + 1).to_parquet(path)
    with pytest.raises(ValueError, match="400 was scored on other validation rows than 100"):
        results.validation_correct(runs)


def test_a_forecast_needs_four_sizes_and_leaves_out_what_it_is_held_against():
    rows = np.array([100, 200, 400, 800, 1600])
    correct = np.arange(100) < np.array([[60], [65], [70], [74], [77]])
    law, fit = results.power_law(rows, correct, largest=800)
    assert law is not None
    assert "800 rows" in fit
    assert "1,600" not in fit
    law, fit = results.power_law(rows, correct, largest=400)
    assert law is None
    assert "there are 3" in fit


def test_scores_keep_the_order_of_the_split(dataset):
    labels = results.training_labels(dataset, rows=5)
    assert labels.tolist() == [0, 1, 0, 1, 0]
    found = results.guessed(dataset.split("test"), labels)
    assert found.row[:2].tolist() == [2000, 2001]
    assert found.correct.mean() == 0.5
    assert len(results.texts(dataset.split("test"))) == len(found.labels) == 120
