"""The map from a network's probabilities to calibrated ones: `evaluation` fits it, exports hold it.

It is a rising polyline in log-odds, log(p / (1 - p)): points (before, after), joined by straight lines that go on
beyond the ends. Two points are a temperature or a slope with a bias; more bend the scores in any rising way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines import artifacts

Points = tuple[tuple[float, float], ...]
AS_TRAINED: Points = ((0.0, 0.0), (1.0, 1.0))
SMALLEST_PROBABILITY = 1e-7  # about float32's precision; 0 and 1 have no finite log-odds
BEYOND = 1e3  # no probability of float32 has log-odds this large


@dataclass(frozen=True)
class Pieces:
    """The straight pieces of a polyline, float64 [pieces] but `first`: its value is `first` + Σ slopes × way.

    The way along a piece is the log-odds less `starts`, kept between `lows` and `highs`.
    """

    first: float
    starts: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    slopes: np.ndarray


def pieces(points: Points) -> Pieces:
    """The pieces between points: at least two, rising in both log-odds.

    Raises:
        ValueError: the points are others.
    """
    if len(points) < 2 or not (np.diff(points, axis=0) > 0).all():
        raise ValueError(f"points {points}: at least two, rising in both log-odds")
    before, after = np.asarray(points, np.float64).T
    widths = np.diff(before)
    lows, highs = np.zeros(len(widths)), widths.copy()
    lows[0], highs[-1] = -BEYOND, BEYOND
    return Pieces(float(after[0]), before[:-1], lows, highs, np.diff(after) / widths)


def apply(probabilities: np.ndarray, points: Points) -> np.ndarray:
    """Calibrate probabilities, float [rows] → float32 [rows].

    >>> apply(np.array([0.8, 0.5]), ((0, 0), (2, 1)))  # a temperature of 2
    array([0.6666667, 0.5      ], dtype=float32)
    """
    line, odds = pieces(points), log_odds(probabilities)
    calibrated = np.full(odds.shape, line.first)
    for start, low, high, slope in zip(line.starts, line.lows, line.highs, line.slopes, strict=True):
        calibrated += slope * np.clip(odds - start, low, high)
    return (1 / (1 + np.exp(-calibrated))).astype(np.float32)


def inverse(points: Points) -> Points:
    """The map back, from calibrated probabilities to the network's."""
    return tuple((after, before) for before, after in points)


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), float64 [rows]; finite for 0 and 1 too."""
    inside = bounded(probabilities)
    return np.log(inside) - np.log1p(-inside)


def bounded(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities kept off 0 and 1 by `SMALLEST_PROBABILITY`, float64 [rows]."""
    return np.clip(np.asarray(probabilities, np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)


def of_run(run: artifacts.Run) -> Points:
    """The calibration that the export of an evaluated run holds."""
    found = artifacts.read_json(run.saved_model / "manifest.json")["calibration"]
    return tuple((before, after) for before, after in found)
