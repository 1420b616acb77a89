"""A run beside its siblings: the same size and parameters on other test rows, or with other seeds."""

from __future__ import annotations

import re

import numpy as np
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import derived
from pipelines.evaluation import baselines, metrics
from pipelines.evaluation.results import OF_THE_ROWS, Differences, Scores, differences

NAMES = {"later": "later in time", "users": "other users", "leaky": "leaky, as is usual"}
NEW_USERS = "test, by users not known to be in training"  # most training rows have no user
LEAST_ROWS = 200  # of a part of the test rows that is worth a line of its own


def held_out(run: artifacts.Run, parameters: dict) -> tuple[dict[str, dict], dict[str, Differences]]:
    """metrics.json of each finished run on other test rows with this one's name and parameters, by `derived.HOLDOUTS`.

    Args:
        parameters: of this run; a default may have changed since another of its name was trained.

    Returns:
        The runs, and those left out → what differs, but for `results.OF_THE_ROWS`.
    """
    runs = {name: artifacts.Dataset(f"{run.dataset.name}-{name}").run(run.name) for name in derived.HOLDOUTS}
    return _alike(runs, parameters, free=OF_THE_ROWS)


def _alike(runs: dict[str, artifacts.Run], parameters: dict, *, free: tuple[str, ...]) -> tuple[dict, dict]:
    results = {name: artifacts.read_json(run.metrics) for name, run in runs.items() if run.metrics.exists()}
    found = {name: differences(parameters, result.get("parameters", {}), free=free) for name, result in results.items()}
    alike = {name: result for name, result in results.items() if not found[name]}
    return alike, {name: different for name, different in found.items() if different}


def side_by_side(own: dict[str, tuple[dict, dict]], others: dict[str, dict]) -> tuple[dict, dict]:
    """Figures of the model, and of TF-IDF, on each test set; every run on other test rows has both of its own.

    Args:
        own: name of a test set → figures of this run's model and of its TF-IDF.
        others: from `held_out`.

    Returns:
        Two times name → figures, for `report.comparison`; where users are known, with the intervals of drawing them
        whole, for both.
    """
    found = dict(own)
    for name, result in others.items():
        tfidf = result["baselines"][baselines.TFIDF]["test"]
        found[NAMES[name]] = (
            result["splits"]["test"] | (result.get("clustered") or {}),
            tfidf | (result.get("clustered_tfidf") or {}),
        )
    return {name: model for name, (model, _) in found.items()}, {name: tfidf for name, (_, tfidf) in found.items()}


def own_sets(
    figures: dict[str, dict],
    tfidf: dict[str, dict],
    *,
    test: tuple[Scores, Scores],
    whole: tuple[dict | None, dict | None],
    names: np.ndarray,
    chosen: np.ndarray,
    **bootstrap: int,
) -> dict[str, tuple[dict, dict]]:
    """The test sets of this run: its test split, the part of it by users not known to be in training, the manual set.

    Args:
        figures, tfidf: split → figures, of the model and of TF-IDF.
        test: scores of both on the test split; whole: intervals of both there, from `clustered`.
        names: who wrote its rows, from `users`.
        chosen: bool [rows], from `unseen`; all rows, or fewer than `LEAST_ROWS`, make no test set of their own.
    """
    found = {"test": (figures["test"] | (whole[0] or {}), tfidf["test"] | (whole[1] or {}))}
    if LEAST_ROWS <= chosen.sum() < len(chosen):
        parts = ((scores.labels[chosen], scores.probabilities[chosen]) for scores in test)
        groups = clusters(names[chosen])
        found[NEW_USERS] = tuple(metrics.evaluate(*part, groups=groups, **bootstrap) for part in parts)
    return found | ({"by hand": (figures["manual"], tfidf["manual"])} if "manual" in figures else {})


def users(run: artifacts.Run, split: str) -> np.ndarray:
    """Who wrote each row of a split: object [rows], None where it is not known."""
    return pq.read_table(run.dataset.split(split), columns=["user"])["user"].to_numpy()


def clusters(names: np.ndarray) -> np.ndarray | None:
    """Rows of one user as one cluster, each row of an unknown user as its own: int64 [rows]; None without a user."""
    known = np.array([name is not None for name in names], bool)
    if not known.any():
        return None
    found = np.arange(len(names), dtype=np.int64)
    found[known] = len(names) + np.unique(names[known].astype(str), return_inverse=True)[1]
    return found


def clustered(found: Scores, names: np.ndarray, **bootstrap: int) -> dict[str, object] | None:
    """Intervals of the figures of a split when users are drawn instead of rows; None where no user is known.

    Returns:
        "rows", "rows_with_user", "users", "rows_sharing_a_user" (with another row), and `NAME_interval` for each of
        `metrics.NAMES`.
    """
    groups = clusters(names)
    if groups is None:
        return None
    figures = metrics.evaluate(found.labels, found.probabilities, groups=groups, **bootstrap)
    known = groups >= len(groups)
    texts_of = np.unique(groups[known], return_counts=True)[1]
    facts = {"rows": len(groups), "rows_with_user": int(known.sum()), "users": len(texts_of)}
    facts |= {"rows_sharing_a_user": int(texts_of[texts_of > 1].sum())}
    return facts | {f"{name}_interval": figures[f"{name}_interval"] for name in metrics.NAMES}


def unseen(run: artifacts.Run, names: np.ndarray, *, rows_train: int) -> np.ndarray:
    """Rows of known users of whom no training row is known: bool [rows]."""
    column = pq.read_table(run.dataset.split("train"), columns=["user"])["user"].slice(0, rows_train)
    seen = set(column.unique().to_pylist()) | {None}
    return np.array([name not in seen for name in names], bool)


def seeds(run: artifacts.Run, parameters: dict) -> tuple[dict[int, dict], dict[str, Differences]]:
    """metrics.json of each other finished run that differs from this one in its seed only, by seed.

    Args:
        parameters: of this run; a default may have changed since another of its name was trained.

    Returns:
        The runs, and those left out, by name → what differs.
    """
    others = [other for other in run.dataset.runs() if other.name != run.name and _unseeded(other) == _unseeded(run)]
    alike, left_out = _alike({other.name: other for other in others}, parameters, free=("seed",))
    return {result["seed"]: result for result in alike.values()}, left_out


def _unseeded(run: artifacts.Run) -> str:
    return re.sub(r"_seed-\d+(?=_|$)", "", run.name)


def spread(values: list[float]) -> dict[str, float | None]:
    """Mean, sample standard deviation (None of a single one), smallest and largest of a figure over n seeds."""
    found = np.asarray(values, np.float64)
    deviation = float(found.std(ddof=1)) if len(found) > 1 else None
    figures = {"mean": float(found.mean()), "standard_deviation": deviation}
    return {"n": len(found)} | figures | {"smallest": float(found.min()), "largest": float(found.max())}
