"""Training: it learns, it can be killed, it stops."""

import json

import numpy as np
import pandas as pd
import pytest

from pipelines import artifacts
from pipelines.model import network, training
from pipelines.model.recipe import Recipe, stops_early
from pipelines.model.recipe import usual as usual_recipe


def settings(**changes):
    configuration = network.Configuration(
        vocabulary_size=100, embedding_dimensions=8, units=8, dense_units=8, ngram_buckets=256, dropout_rate=0.2
    )
    return configuration, Recipe(**{"epochs": 3, "batch_size": 64, "learning_rate": 0.02, **changes})


@pytest.fixture(scope="module")
def undisturbed(encoded_run):
    run = encoded_run("undisturbed")
    return run, training.train(run, *settings())


def test_learns_what_can_be_learned(undisturbed):
    run, summary = undisturbed
    assert summary["validation_accuracy"] > 0.95
    history = pd.read_csv(run.history)
    assert list(history["epoch"]) == [1, 2, 3]
    assert history["validation_loss"].iloc[-1] < history["validation_loss"].iloc[0]


def test_kept_predictions_are_those_of_the_kept_model(undisturbed):
    run, summary = undisturbed
    kept = pd.read_parquet(run.predictions("validation"))
    assert list(kept.columns) == ["row", "label", "probability"]
    accuracy = ((kept["probability"] > 0.5) == (kept["label"] == 1)).mean()
    assert accuracy == pytest.approx(summary["validation_accuracy"])
    assert len(pd.read_parquet(run.predictions("train_sample"))) == 600


def test_a_killed_training_goes_on_and_ends_the_same(undisturbed, encoded_run, capsys):
    run = encoded_run("killed")

    class Killed(BaseException):
        pass

    def kill(figures):
        if figures["epoch"] == 2:
            raise Killed

    with pytest.raises(Killed):
        training.train(run, *settings(), on_epoch=kill)
    seen = []
    training.train(run, *settings(), on_epoch=seen.append)
    assert "going on after epoch 2" in capsys.readouterr().out
    assert [figures["epoch"] for figures in seen] == [1, 2, 3]  # a new record has the former epochs, too
    for split in ("validation", "train_sample"):
        ours, theirs = (pd.read_parquet(other.predictions(split))["probability"] for other in (run, undisturbed[0]))
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_finished_training_says_its_epochs_again(undisturbed):
    run, summary = undisturbed
    seen = []
    assert training.train(run, *settings(), on_epoch=seen.append)["seconds"] == summary["seconds"]
    assert [figures["epoch"] for figures in seen] == [1, 2, 3]


def test_a_loss_that_is_no_number_ends_the_training_and_says_what_to_try(encoded_run):
    run, seen = encoded_run("diverged"), []
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) after epoch 1.*a learning_rate below 1e\+38"):
        training.train(run, *settings(learning_rate=1e38), on_epoch=seen.append)
    assert not np.isfinite(seen[0]["loss"])
    assert not run.model.exists()


@pytest.mark.parametrize(("smoothing", "least"), [(0.0, 0.0), (0.05, 0.1169), (0.1, 0.1985)])
def test_no_loss_is_below_that_of_the_smoothed_targets(smoothing, least):
    assert settings(label_smoothing=smoothing)[1].least_loss == pytest.approx(least, abs=1e-4)


def test_a_checkpoint_of_another_recipe_is_not_used(undisturbed, capsys):
    run, _ = undisturbed
    training.train(run, *settings(epochs=1))
    assert "going on" not in capsys.readouterr().out
    assert artifacts.read_json(run.training)["epochs_run"] == 1


@pytest.mark.parametrize(
    ("losses", "patience", "expected"),
    [
        ([], 1, False),
        ([0.5], 1, False),
        ([0.5, 0.6], 1, True),
        ([0.5, 0.6], 2, False),
        ([0.5, 0.4, 0.41, 0.42], 2, True),
    ],
)
def test_stops_when_the_best_epoch_lies_back(losses, patience, expected):
    assert stops_early(losses, patience=patience) is expected


@pytest.mark.parametrize("setting", [{"epochs": 0}, {"batch_size": 0}, {"learning_rate": 0.0}, {"patience": 0}])
def test_a_bad_recipe_is_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        settings(**setting)


def test_training_json_holds_no_surprises(undisturbed):
    run, _ = undisturbed
    summary = json.loads(run.training.read_text())
    assert {"rows_train", "parameters", "epochs_run", "best_epoch", "seconds", "tweets_per_second", "seed"} <= set(
        summary
    )


def test_few_rows_are_given_steps_enough():
    for rows in (500, 7_999, 8_000, 39_999, 40_000, 149_999, 150_000, 1_500_000):
        usual = usual_recipe(rows)
        assert usual["epochs"] * rows / usual["batch_size"] >= 120, rows
    assert usual_recipe(200_000) == {"epochs": 3, "batch_size": 512, "units": 64}
