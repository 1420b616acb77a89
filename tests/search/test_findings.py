"""What trials say, on studies whose truth is known."""

import math

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState, create_trial

from pipelines import figures
from pipelines.figures import search as drawn
from pipelines.search import findings, space, wording
from pipelines.search import study as studies
from pipelines.search.study import USUAL

SEARCH = "learning_rate units dropout_rate"


@pytest.fixture
def sweep(encoded):
    return studies.sweep_of(encoded, search=SEARCH)


def study_of(sweep, accuracies, *, seed=0, pruned=0):
    """A study whose accuracies are a function of the drawn values; the first trial has the usual ones."""
    generator, study = np.random.default_rng(seed), optuna.create_study(direction="maximize")
    for number in range(30 if callable(accuracies) else len(accuracies)):
        values = {name: sweep.usual[name] for name in sweep.space}
        if number:
            values = {
                "learning_rate": float(np.exp(generator.uniform(math.log(3e-4), math.log(2e-2)))),
                "units": int(generator.integers(1, 9)) * 32,
                "dropout_rate": round(int(generator.integers(13)) * 0.05, 2),
            }
        accuracy = accuracies(values) if callable(accuracies) else accuracies[number]
        given_up = number >= 30 - pruned
        study.add_trial(
            create_trial(
                state=TrialState.PRUNED if given_up else TrialState.COMPLETE,
                value=accuracy,
                params=values,
                distributions=sweep.space,
                user_attrs={"values": values, "mlflow_run": f"run {number}", USUAL: not number, "seconds": 1.0},
                intermediate_values={1: accuracy},
            )
        )
    return study


def keep(sweep, number, *, right):
    path = sweep.predictions(number)
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.arange(len(right)) % 2
    probabilities = np.where(right == (labels == 1), 0.9, 0.1)
    pd.DataFrame({"row": range(len(right)), "label": labels, "probability": probabilities}).to_parquet(path)


def test_the_parameter_that_alone_mattered_comes_first_with_its_spread(sweep, tmp_path):
    study = study_of(sweep, lambda values: 0.8 - 0.02 * abs(math.log(values["learning_rate"] / 0.003)), pruned=4)
    shares = findings.importances(study, sweep)
    first = shares.iloc[0]
    assert first["parameter"] == "learning_rate"
    assert first["share"] > 0.7
    assert first["low"] <= first["share"] <= first["high"]
    assert "clear of the others" in wording.mattered(shares, complete=26)
    table = findings.table(study, sweep)
    assert list(table["state"]) == ["complete"] * 26 + ["pruned"] * 4
    assert table["accuracy"][:26].is_monotonic_decreasing
    figures.style()
    ranges = {name: space.bounds(one) for name, one in sweep.space.items()}
    figures.save(drawn.which_mattered(table, shares, ranges=ranges), tmp_path / "figure.png")


def test_of_noise_no_parameter_is_clear_of_the_others(sweep):
    noise = np.random.default_rng(5)
    shares = findings.importances(study_of(sweep, lambda _: float(noise.normal(0.8, 0.01))), sweep)
    assert "more trials are needed" in wording.mattered(shares, complete=30)


@pytest.mark.parametrize("accuracies", [[0.7, 0.8, 0.9], [0.8] * 6])
def test_too_few_trials_or_equal_ones_say_nothing(sweep, accuracies):
    shares = findings.importances(study_of(sweep, accuracies), sweep)
    assert shares is None
    assert "say nothing" in wording.mattered(shares, complete=len(accuracies))


def test_of_one_parameter_no_share_is_told():
    shares = pd.DataFrame({"parameter": ["units"], "share": [1.0], "low": [1.0], "high": [1.0]})
    assert "the only one that was searched" in wording.mattered(shares, complete=20)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(60, 10, "they can be told apart"), (16, 10, "cannot be told apart"), (22, 8, "cannot be told apart")],
)
def test_the_best_is_held_against_how_many_it_was_chosen_from(sweep, gained, lost, expected):
    # 22 against 8 has p = 0.016 by itself: of four to choose from that is not enough.
    study = study_of(sweep, [0.7, 0.9, 0.6, 0.6, 0.6])
    usual = np.arange(1000) < 700
    best = usual.copy()
    best[:lost], best[700 : 700 + gained] = False, True
    keep(sweep, 0, right=usual)
    keep(sweep, 1, right=best)
    compared = findings.comparison(findings.table(study, sweep), sweep)
    assert (compared["best"], compared["usual"], compared["looks"]) == (1, 0, 4)
    assert compared["difference"] == pytest.approx((gained - lost) / 1000)
    assert compared["p_corrected"] == pytest.approx(min(1, 4 * compared["p_value"]))
    assert expected in wording.verdict(compared)


def test_where_the_usual_are_best_that_is_said(sweep):
    keep(sweep, 0, right=np.ones(10, bool))
    table = findings.table(study_of(sweep, [0.9, 0.8]), sweep)
    assert "keep them" in wording.verdict(findings.comparison(table, sweep))
    assert wording.command(table, sweep) == "make train SIZE=300 DATASET=tiny"


def test_without_predictions_nothing_is_compared(sweep):
    table = findings.table(study_of(sweep, [0.8, 0.9]), sweep)
    assert findings.comparison(table, sweep) is None
    assert "nothing to compare" in wording.verdict(None)


def test_where_no_trial_is_complete_that_is_an_error(sweep):
    study = optuna.create_study(direction="maximize")
    with pytest.raises(ValueError, match="none complete"):
        findings.table(study, sweep)
