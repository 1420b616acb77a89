"""How sure the model is and ought to be, in words: what calibration does, and what a threshold on certainty gives."""

from __future__ import annotations

import numpy as np

from pipelines.calibrator import Points
from pipelines.evaluation.wording import percent


def sure_enough(found: dict) -> str:
    """What a certainty chosen on validation gives on test rows."""
    target = f"{100 * found['target']:.0f} %"
    if found["certainty"] is None:
        return f"However sure it is, it is not right {target} of the time on validation: no threshold gives that."
    test, passed = found["test"], found["validation"]
    share, share_before = (percent(side["share"], side["share_interval"]) for side in (test, passed))
    if not test["rows"]:
        return f"From a certainty of {found['certainty']:.3f} on, chosen on validation, no test row passes."
    return (
        f"To be right {target} of the time it is asked to be {100 * found['certainty']:.1f} % sure: that was enough on "
        f"validation, where {share_before} of {passed['of_rows']:,} rows pass. On test {share} of rows "
        f"pass ({test['rows']:,}), and {percent(test['accuracy'], test['accuracy_interval'])} of those are right."
    )


def ways_to_calibrate(ways: dict[str, dict], chosen: str) -> str:
    """Which way to calibrate the export holds, and why.

    Args:
        ways: from `calibrators.cross_validated`.
        chosen: one of them, by `calibrators.chosen`.
    """
    if not ways:
        return "Too few validation rows to compare ways to calibrate: the export holds a **temperature**."
    best = min(ways, key=lambda name: ways[name]["log_loss"])
    if chosen == best:
        return f"The export holds what has the least log loss: **{chosen}**."
    found = ways[chosen]
    return (
        f"{best.capitalize()} has the least log loss, but {chosen}, of fewer numbers, is only "
        f"{_nats(found['excess'])} nats above it, within the standard error of that difference, "
        f"{_nats(found['excess_error'])}. The export holds "
        f"**{chosen}**."
    )


def _nats(value: float) -> str:
    """Two significant digits, without an exponent: 0.00121 → "0.0012"."""
    return np.format_float_positional(value, precision=2, fractional=False, trim="-")


def calibrated(way: str, points: Points) -> str:
    """What a calibration does to the log-odds, in a sentence."""
    (_, bias), (temperature, _), *_ = points
    told = {
        "temperature": f"divided by {temperature:.3f} (Guo et al. 2017)",
        "platt": f"divided by {temperature:.3f} and moved by {bias:+.3f} (Platt 1999)",
        "isotonic": f"bent along a rising curve of {len(points)} points (isotonic regression, Zadrozny & Elkan 2002)",
    }
    return f"Log-odds are {told[way]}, fitted on `validation`."


def before_and_after(errors: list[float], intervals: list[list[float]], *, rows: int) -> str:
    """The expected calibration error on validation rows, as trained and as calibrated on them."""
    before, after = map(_error, errors, intervals)
    return (
        f"Expected calibration error on {rows:,} validation rows: {before} as trained, {after} as calibrated on them."
    )


def calibration_error(found: dict) -> str:
    """The expected calibration error on test rows, from what metrics.json holds of the calibration."""
    error = _error(found["expected_calibration_error"], found["expected_calibration_error_interval"])
    return f"Expected calibration error on {found['rows']:,} test rows: {error}."


def _error(value: float, interval: list[float]) -> str:
    low, high = (100 * edge for edge in interval)
    return f"{100 * value:.2f} % [{low:.2f}, {high:.2f}]"
