"""What more rows would bring: accuracy as a function of the number of training rows.

Errors of learned models fall as a power law with rows, `error = a + b · rows^-c` (Hestness et al. 2017, "Deep learning
scaling is predictable, empirically"); `a` is what no number of rows of this kind takes away. All sizes are scored on
the same validation rows, so the intervals resample those rows jointly: what is easy for one size is easy for all.
They hold the luck of the rows, not that of the seed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipelines.evaluation.metrics import INTERVAL, RESAMPLES

SMALLEST_NUMBER_OF_SIZES = 4  # one more than the law has unknowns
EXPONENTS = np.linspace(0.02, 1.5, 149)  # Hestness et al. found 0.07 to 0.35 for language; room on both sides
SLOPE_SIZES = 3  # the slope that counts is the one around a run's own size: curves flatten


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float

    def points(self) -> str:
        """In percentage points: "+0.81 [+0.52, +1.10]"."""
        return f"{100 * self.value:+.2f} [{100 * self.low:+.2f}, {100 * self.high:+.2f}]"

    def percent(self) -> str:
        """In per cent: "81.2 % [80.7, 81.8]"."""
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}, {100 * self.high:.1f}]"


def accuracies(correct: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Accuracy of each size on joint resamples of the rows.

    Args:
        correct: bool [sizes, rows], whether each size's model is right.

    Returns:
        float64 [resamples + 1, sizes]; the first line is the rows as they are.
    """
    correct = np.atleast_2d(correct)
    patterns, counts = np.unique(correct, axis=1, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    return np.vstack([counts, drawn]) @ patterns.T / counts.sum()


@dataclass(frozen=True)
class Slope(Estimate):
    """Gain in accuracy for each doubling of the rows, between two sizes."""

    smallest: int
    largest: int


def slope_per_doubling(rows: np.ndarray, correct: np.ndarray, *, at: int, **bootstrap: int) -> Slope | None:
    """Gain in accuracy for each doubling of the rows, by least squares over the `SLOPE_SIZES` sizes around one of them.

    Args:
        rows: int [sizes], training rows, each size once.
        correct: bool [sizes, validation rows].
        at: one of `rows`; the size before it and the one after it are taken with it, or two on one side at an end.
        bootstrap: resamples and seed, see `accuracies`.

    Returns:
        None where fewer than two sizes are finished.
    """
    rows = _checked(rows, correct)
    if len(rows) < 2:
        return None
    order = np.argsort(rows)
    first = int(np.searchsorted(rows[order], at)) - SLOPE_SIZES // 2
    around = order[max(0, min(first, len(rows) - SLOPE_SIZES)) :][:SLOPE_SIZES]
    doublings = np.log2(rows[around])
    centred = doublings - doublings.mean()
    slopes = accuracies(np.asarray(correct)[around], **bootstrap) @ centred / (centred**2).sum()
    return Slope(**vars(_estimate(slopes)), smallest=int(rows[around].min()), largest=int(rows[around].max()))


@dataclass(frozen=True)
class PowerLaw:
    """`error = a + b · (rows / scale)^-c`: as fitted, then for each bootstrap resample, float64 [resamples + 1]."""

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    scale: float

    def accuracy(self, rows: float) -> Estimate:
        """Forecast of the validation accuracy with so many training rows."""
        return _estimate(1 - self.a - self.b * (rows / self.scale) ** -self.c)

    def rows_needed(self, accuracy: float) -> Estimate | None:
        """Training rows for an accuracy; None where the curve never gets there, `high` is inf where some do not."""
        with np.errstate(divide="ignore", over="ignore"):
            room = np.maximum(1 - self.a - accuracy, 0)
            needed = self.scale * np.where(self.b > 0, room / np.maximum(self.b, 1e-300), np.inf) ** (-1 / self.c)
            needed = np.where(room > 0, needed, np.inf)
        if not np.isfinite(needed[0]):
            return None
        low, high = np.quantile(needed[1:], np.array(INTERVAL) / 100, method="higher")
        return Estimate(float(needed[0]), float(low), float(high))


def fit_power_law(rows: np.ndarray, correct: np.ndarray, **bootstrap: int) -> PowerLaw:
    """Fit the law by least squares: a grid over c, and for each c the best a ≥ 0 and b ≥ 0 in closed form.

    Args:
        rows: int [sizes], at least `SMALLEST_NUMBER_OF_SIZES`.
        correct: bool [sizes, validation rows].
        bootstrap: resamples and seed, see `accuracies`.

    Raises:
        ValueError: too few sizes, or a size twice.
    """
    rows = _checked(rows, correct)
    if len(rows) < SMALLEST_NUMBER_OF_SIZES:
        raise ValueError(f"{len(rows)} sizes: a power law needs at least {SMALLEST_NUMBER_OF_SIZES}")
    scale = float(np.exp(np.log(rows).mean()))
    errors = 1 - accuracies(correct, **bootstrap)
    best = np.full(len(errors), np.inf)
    a, b, c = (np.zeros(len(errors)) for _ in range(3))
    for exponent in EXPONENTS:
        level, factor, loss = _least_squares((rows / scale) ** -exponent, errors)
        better = loss < best
        a[better], b[better], c[better], best[better] = level[better], factor[better], exponent, loss[better]
    return PowerLaw(a, b, c, scale)


def forecasts(law: PowerLaw | None, rows: Iterable[float]) -> pd.DataFrame:
    """Forecast accuracies: columns rows, accuracy, low, high; without a law there are none."""
    sizes = [] if law is None else [*rows]
    estimates = [law.accuracy(size) for size in sizes]
    lines = [(size, found.value, found.low, found.high) for size, found in zip(sizes, estimates, strict=True)]
    return pd.DataFrame(lines, columns=["rows", "accuracy", "low", "high"])


def _least_squares(shape: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best `errors = a + b · shape` with a, b ≥ 0 for each line of errors [resamples, sizes], and its loss."""
    centred = shape - shape.mean()
    b = np.maximum(errors @ centred / (centred**2).sum(), 0)
    a = errors.mean(axis=1) - b * shape.mean()
    b = np.where(a < 0, errors @ shape / (shape**2).sum(), b)
    a = np.maximum(a, 0)
    return a, b, ((errors - a[:, None] - b[:, None] * shape) ** 2).sum(axis=1)


def _estimate(draws: np.ndarray) -> Estimate:
    low, high = np.percentile(draws[1:], INTERVAL)
    return Estimate(float(draws[0]), float(low), float(high))


def _checked(rows: np.ndarray, correct: np.ndarray) -> np.ndarray:
    rows = np.asarray(rows, np.float64)
    if len(rows) != len(correct) or len(np.unique(rows)) != len(rows) or not (rows > 0).all():
        raise ValueError(f"sizes {rows.tolist()} for {len(correct)} models: one model for each size, each size once")
    return rows
