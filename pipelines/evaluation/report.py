"""The tables that notebook 06 shows and the record that it writes."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.evaluation import baselines, kinds, metrics, siblings, slices
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
# A name that was bettered; kept records, which new runs are compared with, have the older one.
SLUGS = {siblings.NEW_USERS: "test_by_users_not_seen_in_training"}
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


def mcnemar(
    found: dict[str, Scores], rivals: dict[str, dict[str, Scores]], *, splits: tuple[str, ...], **bootstrap: int
) -> dict[str, dict[str, dict]]:
    """`metrics.mcnemar` of the model against each baseline on those of `splits` that there are: baseline → split."""
    return {
        rival: {
            split: metrics.mcnemar(found[split].correct, scores[split].correct, **bootstrap)
            for split in splits
            if split in found
        }
        for rival, scores in rivals.items()
    }


def by_kind(run: artifacts.Run, test: Scores) -> pd.DataFrame:
    """`slices.table` of the test split, all kinds of `slices` and `kinds`."""
    split = pq.read_table(run.dataset.split("test"), columns=["text", "date"])
    texts = split["text"].combine_chunks()
    return slices.table(texts, test.labels, test.probabilities, more=kinds.further(run, split))


def stage_seconds(run: artifacts.Run) -> dict[str, float]:
    """Wall-clock seconds of each executed stage, from the manifests that the runner writes beside the notebooks."""
    paths = [*sorted(run.dataset.folder.glob("0*.manifest.json")), *sorted(run.folder.glob("0*.manifest.json"))]
    found = {path.name.removesuffix(".manifest.json"): artifacts.read_json(path).get("seconds") for path in paths}
    return {stage: float(seconds) for stage, seconds in found.items() if seconds is not None}


def flat(result: dict) -> dict[str, float | None]:
    """The figures of metrics.json under flat names, as MLflow wants them.

    >>> flat({"splits": {"test": {"rows": 2, "accuracy": 0.5, "accuracy_interval": [0.1, 0.9]}}, "baselines": {}})
    {'test_rows': 2, 'test_accuracy': 0.5, 'test_accuracy_low': 0.1, 'test_accuracy_high': 0.9}
    """
    named = {"": result["splits"], **{f"{name}_": splits for name, splits in result["baselines"].items()}}
    found = {}
    for prefix, splits in named.items():
        for split, figures in splits.items():
            # "validation_accuracy" is the curve over epochs; one more point would bend it.
            name = f"{prefix}{'final_' if split == 'validation' else ''}{split}"
            found |= _flat_figures(name, figures, with_rows=not prefix)
    return found | _flat_extras(result)


def _flat_figures(prefix: str, figures: dict, *, with_rows: bool) -> dict[str, float | None]:
    found = {f"{prefix}_rows": figures["rows"]} if with_rows else {}
    for metric in (name for name in metrics.NAMES if name in figures):
        low, high = figures[f"{metric}_interval"] or (None, None)
        name = f"{prefix}_{metric}"
        found |= {name: figures[metric], f"{name}_low": low, f"{name}_high": high}
    return found


def _flat_extras(result: dict) -> dict[str, float | None]:
    """What not every metrics.json has: other test sets, users, seeds, wrong labels, calibration, sure mistakes."""
    found = {}
    for model, sets in result.get("test_sets", {}).items():
        for name, figures in sets.items():
            slug = SLUGS.get(name) or re.sub(r"\W+", "_", name)
            found |= _flat_figures(
                f"on_{slug}" + ("_tfidf" if model == baselines.TFIDF else ""), figures, with_rows=True
            )
    if users := result.get("clustered"):
        low, high = users["accuracy_interval"]
        found |= {"test_users": users["users"], "test_rows_with_user": users["rows_with_user"]}
        found |= {"test_accuracy_clustered_low": low, "test_accuracy_clustered_high": high}
    for name, estimate in result.get("wrong_labels", {}).items():
        slug = f"wrong_labels_{name.replace(' ', '_')}"
        found |= {slug: estimate["value"], f"{slug}_low": estimate["low"], f"{slug}_high": estimate["high"]}
        found[f"{slug}_rows"] = estimate["rows"]
    found |= {f"seeds_{name}": value for name, value in result.get("seeds", {}).items() if name != "accuracies"}
    found |= _flat_shares("test_", result.get("calibration", {}), ("expected_calibration_error",))
    found |= _flat_shares("sure_mistakes_", result.get("sure_mistakes", {}), ("share", "tfidf_agrees"))
    return found | _flat_threshold(result.get("sure_enough", {}))


def _flat_threshold(found: dict) -> dict[str, float | None]:
    if not found or found["certainty"] is None:
        return {}
    flat = {"sure_certainty": found["certainty"], "sure_rows": found["test"]["rows"]}
    return flat | _flat_shares("sure_", found["test"], ("share", "accuracy"))


def _flat_shares(prefix: str, found: dict, names: tuple[str, ...]) -> dict[str, float | None]:
    flat = {}
    for name in (name for name in names if name in found):
        low, high = found[f"{name}_interval"] or (None, None)
        flat |= {f"{prefix}{name}": found[name], f"{prefix}{name}_low": low, f"{prefix}{name}_high": high}
    return flat
