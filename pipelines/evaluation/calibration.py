"""Whether a probability of 0.8 is right 80 % of the time."""

from __future__ import annotations

import numpy as np

from pipelines.evaluation import metrics

# As many as Guo et al. 2017 took, but of equally many rows (Nguyen and O'Connor 2015), so that none is nearly empty.
BINS = 15


def reliability(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = BINS) -> dict[str, np.ndarray]:
    """Predicted probability against how often it came true, in bins of equally many rows.

    Args:
        labels: int [rows]; probabilities: float [rows], P(positive).
        bins: at most; fewer where there are fewer rows.

    Returns:
        Arrays [bins]: "probability" (mean predicted), "share" (of positive rows), "low" and "high" (its 95 % interval
        after Wilson 1927) and "rows".
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    order = np.argsort(probabilities, kind="stable")
    edges = np.linspace(0, len(order), min(bins, len(order)) + 1).astype(np.int64)
    rows = np.diff(edges)
    share = np.add.reduceat(labels[order].astype(np.float64), edges[:-1]) / rows
    low, high = metrics.wilson(share, rows)
    predicted = np.add.reduceat(probabilities[order], edges[:-1]) / rows
    return {"probability": predicted, "share": share, "low": low, "high": high, "rows": rows}


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = BINS) -> float:
    """Mean distance between predicted and true share over the bins of `reliability`, weighted by rows; 0 is best."""
    table = reliability(labels, probabilities, bins=bins)
    distance = np.abs(table["probability"] - table["share"])
    return float((distance * table["rows"]).sum() / table["rows"].sum())


def error_interval(
    labels: np.ndarray, probabilities: np.ndarray, *, resamples: int = metrics.RESAMPLES, seed: int = 0
) -> list[float]:
    """A 95 % interval [low, high] of `expected_calibration_error`, for the bins of these rows.

    The error is a sum of distances, so noise only adds to it: an honest model shows 6 % on 359 rows. A percentile
    bootstrap doubles that noise and misses the truth. Here the low edge takes off all that noise can have added (by the
    triangle inequality: the distances of the resamples from these rows), the high edge is that of the basic bootstrap
    (Davison and Hinkley 1997, section 5.2), or the error itself where that is higher. In simulations of 100 to 20,000
    rows each edge held in 92 % or more, and of 40 rows in 90 %.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    order = np.argsort(probabilities, kind="stable")
    rows = len(order)
    edges = np.linspace(0, rows, min(BINS, rows) + 1).astype(np.int64)[:-1]
    differences = (probabilities - labels)[order]
    found = np.add.reduceat(differences, edges) / rows
    generator, noise, drawn = np.random.default_rng(seed), [], []
    for _ in range(resamples):
        weights = np.bincount(generator.integers(rows, size=rows), minlength=rows)
        sums = np.add.reduceat(weights * differences, edges) / rows
        noise.append(np.abs(sums - found).sum())
        drawn.append(np.abs(sums).sum())
    error, (least, most) = expected_calibration_error(labels, probabilities), metrics.INTERVAL
    # On few rows of a good model every resample is noisier than the rows themselves, and the basic edge falls below the
    # error found. An error at the top of its interval is then what it looks like: likely nothing but noise.
    high = max(2 * error - np.percentile(drawn, least), error)
    return [max(float(error - np.percentile(noise, most)), 0.0), min(float(high), 1.0)]


def coverage(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, np.ndarray]:
    """Accuracy among the surest rows, for every share of rows kept (half a per cent is the least).

    Returns:
        Arrays of at most 200 points, surest first: "share" of rows kept, "accuracy" of those, and "certainty", the
        least max(p, 1 − p) among them.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    certainty = np.maximum(probabilities, 1 - probabilities)
    order = np.argsort(-certainty, kind="stable")
    right = np.cumsum(((probabilities >= metrics.THRESHOLD) == labels)[order])
    points = min(200, len(order))
    kept = np.linspace(len(order) / points, len(order), points).astype(np.int64)
    return {"share": kept / len(order), "accuracy": right[kept - 1] / kept, "certainty": certainty[order][kept - 1]}


def sure_enough(labels: np.ndarray, probabilities: np.ndarray, *, target: float) -> float | None:
    """The least certainty, max(p, 1 − p), from which on the share of right rows is `target`; None where it never is.

    Choose it on validation: on the rows that it was chosen on it looks better than it is.

    >>> sure_enough(np.array([1, 1, 0, 1]), np.array([0.9, 0.8, 0.3, 0.4]), target=0.95)
    0.7
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    certainty = np.maximum(probabilities, 1 - probabilities)
    order = np.argsort(-certainty, kind="stable")
    share = np.cumsum(metrics.correct(labels, probabilities)[order]) / np.arange(1, len(order) + 1)
    # Rows of equal certainty come together: only the last of them tells what taking all of them gives.
    last = np.r_[np.diff(certainty[order]) < 0, True]
    enough = np.flatnonzero((share >= target) & last)
    return float(certainty[order][enough[-1]]) if len(enough) else None


def share(name: str, part: int, rows: int) -> dict[str, object]:
    """A share of rows as `name`, with its 95 % interval after Wilson as `name_interval`; of no rows both are None."""
    if not rows:
        return {name: None, f"{name}_interval": None}
    return {name: part / rows, f"{name}_interval": [float(edge) for edge in metrics.wilson(part / rows, rows)]}


def surest(labels: np.ndarray, probabilities: np.ndarray, *, certainty: float) -> dict[str, object]:
    """What a threshold on certainty gives: "rows" and "share" of all that pass it, their "accuracy", both with Wilson's
    95 % interval ("share_interval", "accuracy_interval"); without a row that passes the accuracy is None.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    passed = np.maximum(probabilities, 1 - probabilities) >= certainty
    rows = int(passed.sum())
    found = {"rows": rows, "of_rows": len(passed), **share("share", rows, len(passed))}
    return found | share("accuracy", int(metrics.correct(labels, probabilities)[passed].sum()), rows)
