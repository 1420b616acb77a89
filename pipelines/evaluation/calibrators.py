"""Ways to calibrate, held against each other on rows that they were not fitted on."""

from __future__ import annotations

import numpy as np

from pipelines.evaluation import calibration, metrics


def cross_validated(labels: np.ndarray, probabilities: np.ndarray, *, folds: int = 5, seed: int = 1) -> dict[str, dict]:
    """How well ways to calibrate do on rows that they were not fitted on: a temperature, and isotonic regression.

    Isotonic regression (Zadrozny & Elkan, 2002) fits any rising curve, where a temperature has one number: it can mend
    more, and needs more rows for it.

    Args:
        labels: int [rows], of validation, both classes; probabilities: float [rows], P(positive) before calibration.
        folds: that the rows are dealt into at random; each is calibrated by a fit on the others. No more than the rows
            of the rarer class.

    Returns:
        For "temperature" and "isotonic": "log_loss" (nats) and "expected_calibration_error" (a share) over all rows;
        nothing where a class has one row.
    """
    from sklearn.isotonic import IsotonicRegression
    from sklearn.model_selection import StratifiedKFold

    labels, probabilities = metrics.checked(labels, probabilities)
    folds = min(folds, int(np.bincount(labels, minlength=2).min()))
    if folds < 2:
        return {}
    scores = {name: np.zeros(len(labels)) for name in ("temperature", "isotonic")}
    for fitted, judged in StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels):
        temperature = calibration.fit_temperature(labels[fitted], probabilities[fitted])
        curve = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(probabilities[fitted], labels[fitted])
        scores["temperature"][judged] = calibration.apply(probabilities[judged], temperature)
        scores["isotonic"][judged] = curve.predict(probabilities[judged])
    return {
        name: {
            "log_loss": float(metrics.losses(labels, found).mean()),
            "expected_calibration_error": calibration.expected_calibration_error(labels, found),
        }
        for name, found in scores.items()
    }
