"""Accuracy, macro-F1, AUC and log loss, each with a 95 % bootstrap interval, and McNemar's test between two models.

One bootstrap serves all four: each resample gives every row a weight (how often it was drawn), and the metrics are
computed from weights, so that memory is that of one resample. Clusters (users) are drawn whole where they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.calibrator import bounded

NAMES = ("accuracy", "macro_f1", "auc", "log_loss")
RESAMPLES = 1_000
INTERVAL = (2.5, 97.5)  # percentiles: 95 %
THRESHOLD = 0.5
SIGNIFICANT = 0.05  # a p-value below it


def evaluate(
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, object]:
    """Metrics of one model on one split, with percentile bootstrap intervals (Efron and Tibshirani 1993, chapter 13).

    Args:
        labels: int [rows], 0 negative, 1 positive.
        probabilities: float [rows], P(positive).
        groups: [rows], whatever tells clusters of rows apart (users); None resamples single rows.
        resamples: bootstrap resamples.
        seed: of the resampling.

    Returns:
        "rows", and for each of `NAMES` the value and `NAME_interval` [low, high]. Where only one class is there AUC is
        undefined: it and its interval are None, and "auc_reason" says why.

    Raises:
        ValueError: lengths differ, there are no rows, a label is not 0 or 1, a probability is outside [0, 1] or NaN.
    """
    labels, probabilities = checked(labels, probabilities)
    table = _Sorted.of(labels, probabilities)
    point = table.metrics(np.ones(len(labels)))
    draws = np.array([table.metrics(weights) for weights in _weights(table, groups, resamples=resamples, seed=seed)])
    result: dict[str, object] = {"rows": len(labels)}
    for position, name in enumerate(NAMES):
        if np.isnan(point[position]):
            result[name] = result[f"{name}_interval"] = None
            result["auc_reason"] = f"AUC needs both classes; all {len(labels)} rows have label {labels[0]}"
            continue
        result[name] = float(point[position])
        result[f"{name}_interval"] = [float(edge) for edge in np.nanpercentile(draws[:, position], INTERVAL)]
    if result["accuracy"] in (0, 1):  # rows of which all are right, drawn again, know of no doubt
        result["accuracy_interval"] = [float(edge) for edge in wilson(result["accuracy"], len(labels))]
    return result


def wilson(share: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's (1927) 95 % interval of a share: sound for few rows and for shares of 0 and 1.

    >>> [round(float(edge), 3) for edge in wilson(0.5, 100)]
    [0.404, 0.596]
    """
    z = 1.959964
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    # The share lies inside, whatever rounding makes of the edges at 0 and 1.
    return np.clip(centre - half, 0, share), np.clip(centre + half, share, 1)


def checked(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels as int8 and probabilities as float64, or an error that says what is wrong with them."""
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    if labels.ndim != 1 or labels.shape != probabilities.shape:
        raise ValueError(f"labels {labels.shape} and probabilities {probabilities.shape}: give one of each per row")
    if not len(labels):
        raise ValueError("no rows to evaluate")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"labels {sorted(set(np.unique(labels)) - {0, 1})[:5]}: only 0 (negative) and 1 (positive)")
    outside = ~((probabilities >= 0) & (probabilities <= 1))
    if outside.any():
        row = int(outside.argmax())
        raise ValueError(
            f"{outside.sum()} probabilities are not in [0, 1], the first {probabilities[row]} in row {row}"
        )
    return labels.astype(np.int8), probabilities


@dataclass(frozen=True)
class _Sorted:
    """Rows in order of probability, so that one resample costs sums only."""

    order: np.ndarray  # int64 [rows]
    cell: np.ndarray  # int64 [rows], 2 × label + prediction
    losses: np.ndarray  # float64 [rows], nats
    tie_starts: np.ndarray  # int64 [distinct probabilities]

    @classmethod
    def of(cls, labels: np.ndarray, probabilities: np.ndarray) -> _Sorted:
        order = np.argsort(probabilities, kind="stable")
        labels, probabilities = labels[order].astype(np.int64), probabilities[order]
        starts = np.flatnonzero(np.concatenate([[True], np.diff(probabilities) > 0]))
        return cls(order, 2 * labels + (probabilities >= THRESHOLD), losses(labels, probabilities), starts)

    def metrics(self, weights: np.ndarray) -> tuple[float, float, float, float]:
        """The four metrics, in the order of `NAMES`, of rows that count `weights` times each (float64 [rows]).

        Sums, not dot products: BLAS threads would cost more than they save on so little work.
        """
        cells = np.bincount(self.cell, weights=weights, minlength=4)
        total = cells.sum()
        loss = float((weights * self.losses).sum()) / total
        return (cells[0] + cells[3]) / total, macro_f1(cells), self._auc(weights), loss

    def _auc(self, weights: np.ndarray) -> float:
        """Share of pairs in which the positive row scores higher; ties count half (Mann and Whitney 1947)."""
        positive = weights * (self.cell >= 2)
        negative = weights - positive
        if len(self.tie_starts) < len(weights):
            positive, negative = (np.add.reduceat(one, self.tie_starts) for one in (positive, negative))
        below = np.cumsum(negative) - negative / 2
        pairs = positive.sum() * negative.sum()
        return float((positive * below).sum() / pairs) if pairs else float("nan")


def losses(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Log loss of each row in nats; a sure mistake costs 16.1, not infinity."""
    inside = bounded(probabilities)
    return -np.where(np.asarray(labels) == 1, np.log(inside), np.log1p(-inside))


def macro_f1(cells: np.ndarray) -> float:
    """Mean of both classes' F1 from [true negatives, false positives, false negatives, true positives]; 0/0 is 0."""
    true_negative, false_positive, false_negative, true_positive = cells
    wrong = false_positive + false_negative
    return sum(2 * right / max(2 * right + wrong, 1e-12) for right in (true_negative, true_positive)) / 2


def _weights(table: _Sorted, groups: np.ndarray | None, *, resamples: int, seed: int):
    """Yield how often each row is drawn, float64 [rows] in `table`'s order: single rows, or whole groups."""
    generator = np.random.default_rng(seed)
    rows = len(table.order)
    if groups is not None:
        if len(groups) != rows:
            raise ValueError(f"{len(groups)} groups for {rows} rows: give one of each per row")
        group = np.unique(np.asarray(groups), return_inverse=True)[1][table.order]
    units = rows if groups is None else int(group.max()) + 1
    for _ in range(resamples):
        drawn = np.bincount(generator.integers(units, size=units), minlength=units).astype(np.float64)
        yield drawn if groups is None else drawn[group]


def confusion(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Rows by true class (down) and predicted class (across): int64 [2, 2]."""
    labels, probabilities = checked(labels, probabilities)
    return np.bincount(2 * labels + (probabilities >= THRESHOLD), minlength=4).reshape(2, 2)


def correct(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Whether each row is predicted right: bool [rows]."""
    labels, probabilities = checked(labels, probabilities)
    return (probabilities >= THRESHOLD) == labels


def mcnemar(first: np.ndarray, second: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> dict[str, object]:
    """Whether two models differ on the same rows: McNemar's (1947) test in its exact binomial form.

    Args:
        first, second: bool [rows], whether each model is right, from `correct`.

    Returns:
        "only_first_right" and "only_second_right" (rows), "difference" of the accuracies (first − second), its
        bootstrap "difference_interval", and the two-sided "p_value".
    """
    from scipy.stats import binomtest

    if len(first) != len(second) or not len(first):
        raise ValueError(f"{len(first)} and {len(second)} rows: both models must score the same rows")
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    rows = len(first)
    shares = np.array([gained, lost, rows - gained - lost]) / rows
    draws = np.random.default_rng(seed).multinomial(rows, shares, size=resamples)
    interval = np.percentile((draws[:, 0] - draws[:, 1]) / rows, INTERVAL)
    return {
        "only_first_right": gained,
        "only_second_right": lost,
        "difference": (gained - lost) / rows,
        "difference_interval": [float(edge) for edge in interval],
        "p_value": float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0,
    }
