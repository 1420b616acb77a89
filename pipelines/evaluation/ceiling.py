"""How many labels are wrong by themselves, and so how good a model could be at best: three estimates, none sure.

No model is right on more rows than carry the label that the words deserve. Each estimate below is of the share of
labels that are wrong, with a 95 % interval that holds the luck of the rows and not the error of its assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.dataset import tokens
from pipelines.evaluation import baselines, metrics, ngrams
from pipelines.evaluation.forecast import Estimate

MAXIMUM_ROWS = 50_000  # for confident learning: its three fits then take seconds
FOLDS = 3
REPEATS, CONFIDENT, BY_HAND = "repeated texts", "confident learning", "hand labels"


@dataclass(frozen=True)
class WrongLabels(Estimate):
    """A share of wrong labels with its 95 % interval, and the rows that it rests on."""

    rows: int


def from_repeats(manifest: dict) -> WrongLabels | None:
    """Share of the rows of repeated texts that disagree with the majority for their text, as 01_prepare counted it.

    Texts that repeat are short and general ("good morning", spam), or say nothing at all, like a bare mention: their
    share need not be that of others. None where too few texts repeat.
    """
    found = manifest.get("repeats", {})
    return WrongLabels(*(found[key] for key in ("rate", "low", "high", "rows"))) if "rate" in found else None


def out_of_fold(split: Path, *, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """P(positive) of training rows by TF-IDF + logistic regression fitted on the others, in `FOLDS` parts.

    Args:
        split: the training split; at most `MAXIMUM_ROWS` of its first `rows` are read.
        seed: of the parts.

    Returns:
        Labels int8 [rows] and probabilities float64 [rows]; None where a class has too few rows for so many parts.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    rows = min(rows, MAXIMUM_ROWS)
    labels = np.concatenate(
        [batch["label"].to_numpy() for batch in tokens.batches(split, columns=["label"], size=rows)]
    )
    if np.bincount(labels, minlength=2).min() < FOLDS:
        return None
    # Which n-grams there are, and how common, is found on all rows: no label is read for that.
    _, matrix = ngrams.fit(batch["text"] for batch in tokens.batches(split, columns=["text"], size=rows))
    model = LogisticRegression(C=baselines.INVERSE_REGULARISATION, max_iter=baselines.ITERATIONS)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    return labels, cross_val_predict(model, matrix, labels, cv=folds, method="predict_proba")[:, 1]


def from_confident_learning(
    labels: np.ndarray, probabilities: np.ndarray, *, resamples: int = 200, seed: int = 0
) -> WrongLabels:
    """Share of wrong labels by confident learning (Northcutt, Jiang and Chuang 2021, sections 3.1 and 3.2).

    It takes the model's sure contradictions for wrong labels. A model that errs surely, too, makes it too high.

    Args:
        labels: int [rows]; probabilities: float [rows], out of fold.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    generator, rows = np.random.default_rng(seed), len(labels)
    drawn = (np.bincount(generator.integers(rows, size=rows), minlength=rows) for _ in range(resamples))
    noise = [wrong_share(confident_joint(labels, probabilities, weights)) for weights in (np.ones(rows), *drawn)]
    return WrongLabels(noise[0], *(float(edge) for edge in np.percentile(noise[1:], metrics.INTERVAL)), rows=rows)


def confident_joint(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Given label (down) against the label that it should be (across), as shares of all rows: float64 [2, 2].

    A row counts for a label when its probability of that reaches the mean that rows with this label are given; for the
    likelier one where both do. The counts are then scaled to the number of rows with each given label.
    """
    by_label = np.stack([1 - probabilities, probabilities])
    given = np.array([weights[labels == label].sum() for label in (0, 1)])
    thresholds = [(by_label[label] * weights)[labels == label].sum() / max(given[label], 1e-12) for label in (0, 1)]
    reached = np.where(by_label >= np.array(thresholds)[:, None], by_label, -1)
    counted = reached.max(axis=0) >= 0
    cells = 2 * labels[counted].astype(np.int64) + reached.argmax(axis=0)[counted]
    counts = np.bincount(cells, weights=weights[counted], minlength=4).reshape(2, 2)
    scaled = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12) * given[:, None]
    return scaled / scaled.sum()


def wrong_share(joint: np.ndarray) -> float:
    """Share of rows whose given label is not what it should be."""
    return float(1 - np.trace(joint))


def from_hand_labels(
    by_hand: np.ndarray, by_rule: np.ndarray, *, resamples: int = metrics.RESAMPLES, seed: int = 0
) -> WrongLabels | None:
    """Share of wrong labels from one model's accuracy on labels by hand, taken as right, and on labels by rule.

    With a share e wrong, independently of the model's mistakes, accuracy falls from a to a (1 − e) + (1 − a) e, hence
    e = (a − accuracy by rule) / (2 a − 1). It supposes that both sets are equally hard; Sentiment140's are not: those
    by hand are about brands and people, chosen because they say something. Below 0: the set by hand is the harder one.

    Args:
        by_hand, by_rule: bool [rows], whether the model is right on each.

    Returns:
        The estimate, its rows those by hand, of which there are fewer; None where the model is hardly better than
        chance on them.
    """
    generator = np.random.default_rng(seed)
    hand, rule = (
        np.r_[right.mean(), generator.binomial(len(right), right.mean(), resamples) / len(right)]
        for right in (by_hand, by_rule)
    )
    if np.percentile(hand, metrics.INTERVAL[0]) <= 0.55:
        return None
    share = (hand - rule) / (2 * hand - 1)
    edges = (float(edge) for edge in np.percentile(share[1:], metrics.INTERVAL))
    return WrongLabels(float(share[0]), *edges, rows=len(by_hand))
