"""One trial: a training with sampled parameters on the run's encoded rows, in a folder of its own that goes afterwards.

What counts is the accuracy on validation rows, not their loss: where label smoothing is searched, the losses of two
trials are not of one kind. Test rows are not read. All trials train with one seed, so that no seed is chosen.
"""

from __future__ import annotations

import math
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from pipelines import artifacts, parameters, record, tracking
from pipelines.evaluation import metrics
from pipelines.search import space as spaces
from pipelines.search.study import USUAL, Sweep


@dataclass(frozen=True)
class Workplace(artifacts.Run):
    """A run that reads vocabulary and encoded rows of the run it is named after, and writes everything into `own`."""

    own: Path

    folder = property(lambda self: self.own)
    vocabulary = property(lambda self: self.dataset.run(self.name).vocabulary)

    def encoded(self, split: str) -> Path:
        return self.dataset.run(self.name).encoded(split)


def objective(trial: optuna.Trial, *, sweep: Sweep) -> float:
    """Train with the parameters that a trial draws; returns the accuracy on validation rows, a share.

    Raises:
        optuna.TrialPruned: after an epoch it stood below the median of the other trials, or its loss was no number.
    """
    import keras

    from pipelines.model import plan, training

    drawn = spaces.suggest(trial, sweep.space)
    trial.set_user_attr("values", drawn)
    who = "the usual parameters: " if trial.user_attrs.get(USUAL) else ""
    print(f"── trial {trial.number}  {who}{parameters.joined(drawn)}", flush=True)
    place = Workplace(sweep.run.dataset, sweep.run.name, sweep.trial_folder(trial.number))
    dataset, run = sweep.run.dataset.name, sweep.run.name
    tags = {"dataset": dataset, "run": run, "stage": "09_sweep", "sweep": sweep.name, "trial": str(trial.number)}
    name = f"{dataset}/{run} trial {trial.number}"
    with record.own_run(name=name, tags=tags, killed_by=optuna.TrialPruned) as run_id:
        trial.set_user_attr("mlflow_run", run_id)
        try:
            word_vectors = np.load(sweep.run.word_vectors, mmap_mode="r")
            rows = artifacts.read_json(place.encoded("train") / "encoding.json")["rows"]
            configuration, recipe = plan.settings(sweep.usual | drawn, word_vectors, rows=rows)
            tracking.log_parameters({**configuration.as_dict(), **recipe.as_dict()})
            after = partial(_after_epoch, trial=trial, last=recipe.epochs)
            training.train(place, configuration, recipe, word_vectors=word_vectors, on_epoch=after)
            return _result(sweep, trial, place)
        finally:
            shutil.rmtree(place.folder, ignore_errors=True)
            keras.utils.clear_session()


def _after_epoch(figures: dict, *, trial: optuna.Trial, last: int) -> None:
    tracking.log_epoch(figures)
    trial.report(figures["validation_accuracy"], step=figures["epoch"])
    if not math.isfinite(figures["validation_loss"]):
        raise optuna.TrialPruned(f"its loss was {figures['validation_loss']} after epoch {figures['epoch']}")
    # The usual parameters are what the others are held against; after the last epoch nothing is saved any more.
    if figures["epoch"] < last and not trial.user_attrs.get(USUAL) and trial.should_prune():
        raise optuna.TrialPruned(f"below the median of the other trials after epoch {figures['epoch']}")


def _result(sweep: Sweep, trial: optuna.Trial, place: Workplace) -> float:
    scored = pd.read_parquet(place.predictions("validation"))
    labels, probabilities = scored["label"].to_numpy(), scored["probability"].to_numpy()
    accuracy = float(metrics.correct(labels, probabilities).mean())
    figures = {"validation_log_loss": float(metrics.losses(labels, probabilities).mean())}
    figures |= {name: artifacts.read_json(place.training)[name] for name in ("best_epoch", "epochs_run", "seconds")}
    for name, value in figures.items():
        trial.set_user_attr(name, value)
    tracking.log_metrics(figures | {"accuracy_of_kept_epoch": accuracy})
    kept = sweep.predictions(trial.number)
    kept.parent.mkdir(parents=True, exist_ok=True)
    os.replace(place.predictions("validation"), kept)
    return accuracy
