"""Ways to calibrate, held against each other on validation rows that they were not fitted on.

temperature  log-odds divided by one number: order and labels stay as they are (Guo et al. 2017)
platt        and moved by another: mends a model that leans to one class, too (Platt 1999)
isotonic     any rising curve (Zadrozny & Elkan 2002), a point for each step, at its centre, so that no two scores
             become one (Oron & Flournoy 2017)
"""

from __future__ import annotations

import numpy as np

from pipelines.calibrator import Points, apply, log_odds
from pipelines.evaluation import calibration, metrics

LARGEST_TEMPERATURE = 20.0  # a model that needs more says nothing; its inverse bounds the other side
LARGEST_BIAS = 10.0
FOLDS = 5
SAME = 1e-9  # a smaller rise is rounding, and no step


def fit_temperature(labels: np.ndarray, probabilities: np.ndarray) -> Points:
    """The temperature with the least log loss: labels int [rows] of both classes, probabilities float [rows]."""
    return ((0.0, 0.0), (_least_loss(labels, probabilities, bias=0.0)[0], 1.0))


def fit_platt(labels: np.ndarray, probabilities: np.ndarray) -> Points:
    """Slope and bias with the least log loss: labels int [rows] of both classes, probabilities float [rows]."""
    temperature, bias = _least_loss(labels, probabilities, bias=LARGEST_BIAS)
    return ((0.0, bias), (temperature, 1.0 + bias))


def fit_isotonic(labels: np.ndarray, probabilities: np.ndarray) -> Points:
    """Isotonic regression: labels int [rows] of both classes, probabilities float [rows].

    A step at either end that holds one label only, whose log-odds would be infinite, joins its neighbour. Beyond the
    outermost points log-odds move as the network's do.
    """
    from sklearn.isotonic import IsotonicRegression

    labels, probabilities = _of_both(labels, probabilities)
    order = np.argsort(probabilities, kind="stable")
    odds, labels = log_odds(probabilities[order]), labels[order]
    share = IsotonicRegression(y_min=0, y_max=1).fit_transform(odds, labels)
    step = np.cumsum(np.append(False, np.diff(share) > SAME))
    step = np.clip(step, share[0] < SAME, step[-1] - (share[-1] > 1 - SAME))
    step -= step[0]
    rows, right, total = (np.bincount(step, weights=weights) for weights in (None, labels, odds))
    before, after = total / rows, np.log(right) - np.log(rows - right)
    ends = ((before[0] - 1, after[0] - 1), *zip(before, after, strict=True), (before[-1] + 1, after[-1] + 1))
    return tuple((float(one), float(other)) for one, other in ends)


# The fewer numbers are fitted, the earlier.
WAYS = {"temperature": fit_temperature, "platt": fit_platt, "isotonic": fit_isotonic}


def cross_validated(labels: np.ndarray, probabilities: np.ndarray, *, seed: int = 1) -> dict[str, dict]:
    """How well each way does on rows that it was not fitted on.

    Args:
        labels: int [rows], of validation, both classes; probabilities: float [rows], P(positive) before calibration.
        seed: of the folds that the rows are dealt into; each is calibrated by a fit on the others. No more folds than
            rows of the rarer class.

    Returns:
        For each of WAYS: "log_loss" (nats) and "expected_calibration_error" (a share) over all rows, and how much its
        log loss is above the least, "excess", with the standard error of that mean over rows, "excess_error"; nothing
        where a class has one row.
    """
    from sklearn.model_selection import StratifiedKFold

    labels, probabilities = metrics.checked(labels, probabilities)
    folds = min(FOLDS, int(np.bincount(labels, minlength=2).min()))
    if folds < 2:
        return {}
    scores = {name: np.zeros(len(labels), np.float32) for name in WAYS}
    for fitted, judged in StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels):
        for name, fit in WAYS.items():
            scores[name][judged] = apply(probabilities[judged], fit(labels[fitted], probabilities[fitted]))
    losses = {name: metrics.losses(labels, found) for name, found in scores.items()}
    least = min(losses.values(), key=np.mean)
    return {
        name: {
            "log_loss": float(losses[name].mean()),
            "expected_calibration_error": calibration.expected_calibration_error(labels, found),
            "excess": float((losses[name] - least).mean()),
            "excess_error": float((losses[name] - least).std() / np.sqrt(len(labels))),
        }
        for name, found in scores.items()
    }


def chosen(ways: dict[str, dict]) -> str:
    """The way that validates best by log loss, or one of fewer numbers within a standard error of it.

    Args:
        ways: from `cross_validated`; of nothing, the temperature.
    """
    good = (name for name in WAYS if name in ways and ways[name]["excess"] <= ways[name]["excess_error"])
    return next(good, "temperature")


def _least_loss(labels: np.ndarray, probabilities: np.ndarray, *, bias: float) -> tuple[float, float]:
    """Temperature and bias with the least log loss, the bias at most `bias` either way."""
    from scipy.optimize import minimize

    labels, probabilities = _of_both(labels, probabilities)
    odds, signs = log_odds(probabilities), np.where(labels == 1, 1.0, -1.0)
    edge = np.log(LARGEST_TEMPERATURE)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        tempered = odds * np.exp(-at[0])
        margins = signs * (tempered + at[1])
        wrong = signs / (1 + np.exp(margins))  # minus the slope of the loss over the log-odds
        return np.logaddexp(0, -margins).mean(), np.array([(wrong * tempered).mean(), -wrong.mean()])

    found = minimize(loss, [0.0, 0.0], jac=True, method="L-BFGS-B", bounds=[(-edge, edge), (-bias, bias)])
    return float(np.exp(found.x[0])), float(found.x[1])


def _of_both(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Checked labels and probabilities; a ValueError where only one class is among them."""
    labels, probabilities = metrics.checked(labels, probabilities)
    if labels.min() == labels.max():
        raise ValueError(f"all {len(labels)} rows have label {labels[0]}: calibration needs both classes")
    return labels, probabilities
