"""The mistakes that a model was surest of, sorted into groups by rules that are written down before they are read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset.examples import mask_names
from pipelines.evaluation import metrics, slices
from pipelines.evaluation.baselines import Baseline
from pipelines.evaluation.calibration import share

SURE = 0.9  # certainty from which on a mistake counts as a confident one
TFIDF_SURE = 0.8  # TF-IDF's own certainty from which on it counts as sure
MIXED = 0.67  # the weaker side has so much of the stronger side's weight
SHORT = 3  # words
LAUGHTER = r"(?i)\b(lol|lmao|rofl|haha\w*|hehe\w*|yay|woo+hoo+|yeah right|oh well)\b"


def confident(labels: np.ndarray, probabilities: np.ndarray, *, least: float = SURE) -> np.ndarray:
    """Positions of the wrong rows given `least` or more for the wrong side, surest first: int64 [mistakes]."""
    labels, probabilities = metrics.checked(labels, probabilities)
    distance = np.where(metrics.correct(labels, probabilities), -1, np.abs(labels - probabilities))
    order = np.argsort(-distance, kind="stable")
    return order[distance[order] >= least]


def surest(texts: pa.Array, labels: np.ndarray, probabilities: np.ndarray, *, count: int) -> pd.DataFrame:
    """The mistakes that the model was surest of, `count` of each label, surest first, names masked.

    Returns:
        Columns text, label ("negative" or "positive") and P(positive).
    """
    chosen = confident(labels, probabilities, least=0)
    found = np.asarray(labels)[chosen]
    kept = (np.where(found == 1, np.cumsum(found == 1), np.cumsum(found == 0)) <= count).nonzero()[0]
    chosen, names = chosen[kept], np.array(["negative", "positive"])[found[kept]]
    shown = mask_names(texts.take(pa.array(chosen)))
    return pd.DataFrame({"text": shown, "label": names, "P(positive)": np.asarray(probabilities)[chosen].round(3)})


def sides(baseline: Baseline, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the words and pairs of each text that speak for negative and for positive, by TF-IDF: float [rows]."""
    matrix = baseline.features.transform(texts)
    return matrix @ np.maximum(-baseline.weights, 0), matrix @ np.maximum(baseline.weights, 0)


def grouped(
    texts: pa.Array, labels: np.ndarray, probabilities: np.ndarray, baseline: Baseline, *, least: float = SURE
) -> pd.DataFrame:
    """Confident mistakes in groups; each is in the first whose rule it meets.

    Args:
        texts: string [rows], raw; labels: int [rows]; probabilities: float [rows].
        baseline: TF-IDF; where it is sure of the network's side too, single words and pairs say the opposite of the
            label.
        least: see `confident`.

    Returns:
        Columns group, rows, share (of these mistakes), low and high (its 95 % interval after Wilson 1927), tfidf_agrees
        (share of the group in which TF-IDF contradicts the label as well) and example (the surest, names masked).
    """
    chosen = confident(labels, probabilities, least=least)
    mine, label = texts.take(pa.array(chosen)), np.asarray(labels)[chosen]
    against = np.abs(label - baseline.probabilities(mine)) if len(chosen) else np.zeros(0)
    left = np.ones(len(chosen), bool)
    lines = []
    for name, rule in _rules(mine, label, baseline, against=against).items():
        found = np.flatnonzero(left & rule)
        left[found] = False
        if len(found):
            agrees = float((against[found] > metrics.THRESHOLD).mean())
            example = mask_names(mine.take(pa.array(found[:1])))[0][:160]
            line = {"group": name, "rows": len(found), **share("share", len(found), len(chosen))}
            line["low"], line["high"] = line.pop("share_interval")
            lines.append(line | {"tfidf_agrees": agrees, "example": example})
    return pd.DataFrame(lines, columns=["group", "rows", "share", "low", "high", "tfidf_agrees", "example"])


def sure(groups: pd.DataFrame, *, wrong: int, least: float = SURE) -> dict[str, object]:
    """How many mistakes were confident ones, and in how many of these TF-IDF contradicts the label as well.

    Args:
        groups: from `grouped`; wrong: all mistakes; least: see `confident`.

    Returns:
        "certainty" (the least), "rows", "wrong_rows", and the shares "share" (of all mistakes) and "tfidf_agrees" (of
        the confident ones), each with `NAME_interval`, after Wilson; a share of no rows is None.
    """
    rows = int(groups["rows"].sum())
    agree = round(float((groups["rows"] * groups["tfidf_agrees"]).sum()))
    found = {"certainty": least, "rows": rows, "wrong_rows": wrong}
    return found | share("share", rows, wrong) | share("tfidf_agrees", agree, rows)


def usual_agreement(
    labels: np.ndarray, probabilities: np.ndarray, tfidf: np.ndarray, *, least: float = SURE
) -> dict[str, object]:
    """How often TF-IDF is on the network's side where that is right and sure: what its agreement elsewhere is held to.

    Args:
        labels: int [rows]; probabilities, tfidf: P(positive) by the network and by TF-IDF, float [rows].
        least: certainty of the network, as for `confident`.

    Returns:
        "right_rows" and the share "tfidf_agrees_where_right" with its interval, after Wilson; a share of none is None.
    """
    labels, probabilities = metrics.checked(labels, probabilities)
    sure = metrics.correct(labels, probabilities) & (np.maximum(probabilities, 1 - probabilities) >= least)
    rows, agrees = int(sure.sum()), int(metrics.correct(labels, tfidf)[sure].sum())
    return {"right_rows": rows} | share("tfidf_agrees_where_right", agrees, rows)


def _rules(texts: pa.Array, labels: np.ndarray, baseline: Baseline, *, against: np.ndarray) -> dict[str, np.ndarray]:
    if not len(texts):
        return {}
    negative, positive = sides(baseline, texts)

    def has(pattern: str) -> np.ndarray:
        return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)

    words = pc.count_substring_regex(texts, r"\S+").to_numpy(zero_copy_only=False)
    return {
        "TF-IDF is sure of the opposite, too": against >= TFIDF_SURE,
        f"too short: {SHORT} words or fewer": words <= SHORT,
        "negation": has(slices.KINDS["negation"]),
        "laughter or irony under a negative label": has(LAUGHTER) & (labels == 0),
        "words of both sides": np.minimum(negative, positive) >= MIXED * np.maximum(negative, positive),
        "none of these": np.ones(len(texts), bool),
    }
