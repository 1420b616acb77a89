"""What finished runs say: their scores, and those of their baselines, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.evaluation import baselines, forecast, metrics

# What follows from the number of rows, and from whose they are, where the user says nothing.
OF_THE_ROWS = ("epochs", "batch_size", "units", "embedding_dimensions", "word_offsets", "vocabulary_size")
Differences = dict[str, list]  # parameter → [this run's value, the other's]; None: not recorded


@dataclass(frozen=True)
class Scores:
    """What a model says of a split: row numbers of the raw file, labels (int8), P(positive) (float32), [rows] each."""

    row: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        return metrics.correct(self.labels, self.probabilities)

    @property
    def confusion(self) -> np.ndarray:
        return metrics.confusion(self.labels, self.probabilities)


def scores(run: artifacts.Run, split: str) -> Scores:
    """The kept predictions of a run: "validation", or "train_sample" (its first training rows, dropout off).

    Raises:
        FileNotFoundError: the run is not trained yet; says what to do.
    """
    path = run.predictions(split)
    if not path.exists():
        raise FileNotFoundError(f"no predictions at {path}: run 04_train for {run.dataset.name}/{run.name} first")
    return _of(pd.read_parquet(path))


def _of(frame: pd.DataFrame) -> Scores:
    return Scores(*(frame[column].to_numpy() for column in ("row", "label", "probability")))


def scored(split: Path, probabilities: np.ndarray) -> Scores:
    """Scores of a split from probabilities in the order of its rows."""
    frame = pd.read_parquet(split, columns=["row", "label"])
    return Scores(frame["row"].to_numpy(), frame["label"].to_numpy(), np.asarray(probabilities, np.float32))


def guessed(split: Path, training_labels: np.ndarray) -> Scores:
    """Scores of a split by `baselines.majority`."""
    return scored(split, baselines.majority(training_labels, rows=pq.read_metadata(split).num_rows))


def texts(split: Path) -> pa.Array:
    """The raw texts of a split, in its order: string [rows]."""
    return pq.read_table(split, columns=["text"])["text"].combine_chunks()


def training_labels(dataset: artifacts.Dataset, *, rows: int) -> np.ndarray:
    """Labels of the first training rows: int8 [rows]."""
    source = tokens.batches(dataset.split("train"), columns=["label"], size=rows)
    return np.concatenate([batch["label"].to_numpy() for batch in source])


def differences(own: dict, other: dict, *, free: tuple[str, ...]) -> Differences:
    """The parameters in which two runs differ, those that are `free` to differ aside: {} where they can be compared.

    One that a run does not know, which was trained before there was such a parameter, was off.
    """
    names = sorted((own.keys() | other.keys()) - {*free})
    pairs = {name: [own.get(name), other.get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if (pair[0] or None) != (pair[1] or None)}


def finished_runs(run: artifacts.Run) -> tuple[list[artifacts.Run], dict[str, Differences]]:
    """This run and those of other sizes that were trained with the same parameters, by rows; and those left out.

    The folder's name tells what was asked for: "200000_units-64" is compared with "50000_units-64", not with "50000".
    What it does not tell is a default that has changed since, or that the data were prepared anew: such a run is left
    out, its name → what differs. A change of what follows from the rows (`OF_THE_ROWS`) cannot be told.
    """
    variant = run.name.partition("_")[2]
    alike = [other for other in run.dataset.runs() if other.name.partition("_")[2] == variant]
    done = [other for other in alike if other.training.exists() and other.predictions("validation").exists()]
    trained = {other.name: artifacts.read_json(other.training) for other in done}
    used = {name: found.get("parameters", {}) for name, found in trained.items()}
    others = {name: differences(used[run.name], mine, free=OF_THE_ROWS) for name, mine in used.items()}
    judged = {other.name: scores(other, "validation").row for other in done}
    for name, rows in judged.items():
        if not np.array_equal(rows, judged[run.name]):
            others[name] = others[name] | {"validation rows": ["of now", "of before"]}
    done = [other for other in done if not others[other.name]]
    rows = {other.name: trained[other.name]["rows_train"] for other in done}
    # "all" and the number that it stands for are the same size: the run asked for wins.
    by_rows = {rows[other.name]: other for other in sorted(done, key=lambda other: other.name == run.name)}
    return [by_rows[size] for size in sorted(by_rows)], {name: found for name, found in others.items() if found}


def size_curve(runs: list[artifacts.Run]) -> pd.DataFrame:
    """Accuracy of every finished size, on a sample of its training rows and on validation, beside its baseline.

    Returns:
        Columns rows, name ("training", "validation" or "baseline"), accuracy, low, high (Wilson's 95 % interval).
    """
    lines = []
    for run in runs:
        rows = artifacts.read_json(run.training)["rows_train"]
        parts = {"training": run.predictions("train_sample"), "validation": run.predictions("validation")}
        parts["baseline"] = run.baseline(baselines.TFIDF) / "validation.parquet"
        for name, path in parts.items():
            if path.exists():
                right = _of(pd.read_parquet(path)).correct
                low, high = metrics.wilson(right.mean(), len(right))
                line = {"rows": rows, "name": name, "accuracy": float(right.mean())}
                lines.append(line | {"low": float(low), "high": float(high)})
    return pd.DataFrame(lines, columns=["rows", "name", "accuracy", "low", "high"])


def validation_correct(runs: list[artifacts.Run]) -> tuple[np.ndarray, np.ndarray]:
    """Training rows of each run (int64 [runs]), and which validation rows it has right (bool [runs, rows]).

    Raises:
        ValueError: two runs were scored on different validation rows.
    """
    found = [scores(run, "validation") for run in runs]
    for run, other in zip(runs, found, strict=True):
        if not np.array_equal(other.row, found[0].row):
            raise ValueError(f"{run.name} was scored on other validation rows than {runs[0].name}: train it again")
    rows = [artifacts.read_json(run.training)["rows_train"] for run in runs]
    return np.array(rows, np.int64), np.array([other.correct for other in found])


def power_law(
    rows: np.ndarray, correct: np.ndarray, *, largest: int | None = None
) -> tuple[forecast.PowerLaw | None, str]:
    """The power law of the sizes up to `largest`, or None, and a sentence that says which it is.

    Args:
        rows, correct: from `validation_correct`.
        largest: sizes above are left out, so that a forecast can be held against them; None for no bound.
    """
    used = rows <= (largest or rows.max())
    if used.sum() < forecast.SMALLEST_NUMBER_OF_SIZES:
        wanted = forecast.SMALLEST_NUMBER_OF_SIZES
        return (
            None,
            f'A forecast needs {wanted} finished sizes; there are {int(used.sum())}: make curves SIZES="…" makes more.',
        )
    law = forecast.fit_power_law(rows[used], correct[used])
    sizes = ", ".join(f"{size:,}" for size in rows[used])
    return (
        law,
        f"Fitted on {sizes} rows: error = {law.a[0]:.3f} + {law.b[0]:.3f} · (rows / {law.scale:,.0f})^-{law.c[0]:.2f}.",
    )
