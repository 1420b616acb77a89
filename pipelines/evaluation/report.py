"""The tables that notebook 06 shows and the record that it writes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipelines import artifacts
from pipelines.evaluation import baselines, metrics
from pipelines.evaluation.results import Scores

NICE_NAMES = {
    "model": "this model",
    baselines.TFIDF: "TF-IDF + logistic regression",
    baselines.MAJORITY: "majority class",
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "auc": "AUC",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
}
PERCENT = ("accuracy", "macro_f1", "calibration_error")


def evaluated(named: dict[str, Scores], **bootstrap: int) -> dict[str, dict]:
    """`metrics.evaluate` for each split; `bootstrap` holds resamples and seed."""
    return {split: metrics.evaluate(found.labels, found.probabilities, **bootstrap) for split, found in named.items()}


def comparison(splits: dict[str, dict], compared: dict[str, dict[str, dict]]) -> pd.DataFrame:
    """Metrics of the model and of the baselines as one table, split by split.

    Args:
        splits: of the model, from `evaluated`.
        compared: the same for each baseline.

    Returns:
        Columns split, model, rows, and for each metric its value, `NAME_low` and `NAME_high`.
    """
    lines = []
    for split in splits:
        for name, figures in {"model": splits, **compared}.items():
            line = {"split": split, "model": NICE_NAMES.get(name, name), "rows": figures[split]["rows"]}
            for metric in metrics.NAMES:
                low, high = figures[split][f"{metric}_interval"] or (None, None)
                line |= {metric: figures[split][metric], f"{metric}_low": low, f"{metric}_high": high}
            lines.append(line)
    return pd.DataFrame(lines)


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """`comparison` for the eye: "81.2 % [80.9, 81.5]"; AUC as a share, log loss in nats."""
    shown = table[["split", "model", "rows"]].copy()
    for metric in metrics.NAMES:
        percent = metric in PERCENT
        columns = zip(*(table[column] for column in (metric, f"{metric}_low", f"{metric}_high")), strict=True)
        shown[metric.replace("_", " ")] = [cell(*values, percent=percent) for values in columns]
    return shown.set_index(["split", "model"])


def cell(value: float | None, low: float | None, high: float | None, *, percent: bool) -> str:
    """A value with its interval, where there is one: "81.2 % [80.9, 81.5]", or "0.893 [0.889, 0.897]"."""
    if value is None or np.isnan(value):
        return "–"
    if low is None:
        return f"{100 * value:.1f} %" if percent else f"{value:.3f}"
    if percent:
        return f"{100 * value:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def stage_seconds(run: artifacts.Run) -> dict[str, float]:
    """Wall-clock seconds of each executed stage, from the manifests that the runner writes beside the notebooks."""
    paths = [*sorted(run.dataset.folder.glob("0*.manifest.json")), *sorted(run.folder.glob("0*.manifest.json"))]
    found = {path.name.removesuffix(".manifest.json"): artifacts.read_json(path).get("seconds") for path in paths}
    return {stage: float(seconds) for stage, seconds in found.items() if seconds is not None}


def flat(result: dict) -> dict[str, float | None]:
    """The figures of metrics.json under flat names, as MLflow wants them.

    >>> flat({"splits": {"test": {"rows": 2, "accuracy": 0.5, "accuracy_interval": [0.1, 0.9]}}, "baselines": {}})
    {'test_accuracy': 0.5, 'test_accuracy_low': 0.1, 'test_accuracy_high': 0.9}
    """
    named = {"": result["splits"], **{f"{name}_": splits for name, splits in result["baselines"].items()}}
    found = {}
    for prefix, splits in named.items():
        for split, figures in splits.items():
            for metric in (name for name in metrics.NAMES if name in figures):
                low, high = figures[f"{metric}_interval"] or (None, None)
                # "validation_accuracy" is the curve over epochs; one more point would bend it.
                name = f"{prefix}{'final_' if split == 'validation' else ''}{split}_{metric}"
                found |= {name: figures[metric], f"{name}_low": low, f"{name}_high": high}
    return found
