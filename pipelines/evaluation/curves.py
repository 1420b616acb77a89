"""What learning curves say: underfit, overfit, data-limited or converged, why, and what to try next.

The rule is bias against variance, as practitioners use it (Goodfellow, Bengio and Courville 2016, "Deep Learning",
chapter 11; Ng 2018, "Machine Learning Yearning", chapters 20 to 32; Viering and Loog 2022, "The shape of learning
curves", for the curve over rows):

1. underfit      even its own training rows are predicted worse than TF-IDF + logistic regression predicts new ones;
                 or the gap between training and validation accuracy is not large, and either validation loss was still
                 falling though the learning rate had not run down, or TF-IDF is better on validation
2. overfit       the gap is large, and either validation loss rose clearly after its best epoch, or nothing shows that
                 more rows would help; where only one size is finished, nothing can, and that is to be found out first
3. data-limited  neither, and twice the rows surely bring something worth having
4. converged     none of these: nothing cheap is left in rows or epochs

Gap and slope count only where their whole 95 % intervals are past the bar, so that noise gives no advice; losses of
epochs, which have no interval, where they are past a bar that is wider than epochs differ by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.evaluation.forecast import Estimate, Slope, accuracies
from pipelines.evaluation.metrics import INTERVAL, RESAMPLES

LARGE_GAP = 0.03  # about three times what 20,000 rows can tell apart (± 0.5 points on either side)
WORTHWHILE_SLOPE = 0.003  # accuracy for each doubling of rows: below 0.3 points labels cost more than they bring
CLEAR_RISE = 0.02  # share of the best validation loss; epochs differ by about half of that by themselves
STILL_FALLING = 0.02  # share by which the last epoch bettered validation loss; the same reason
RUN_DOWN = 0.2  # share of the highest learning rate; below it, the last epoch's gain is the schedule's
_COUNTED_GAP = (
    "Part of that gap is the counted start of the linear term: it knows the label of every training row that a rare "
    "word or pair stands in."
)
_WITHOUT_START = 'See what is left of the gap without the counted start: PARAMS="naive_bayes_start=0".'
VERDICTS = ("underfit", "overfit", "data-limited", "converged")


@dataclass(frozen=True)
class Diagnosis:
    """A verdict (one of `VERDICTS`), the reasons for it, and what to try next, in words."""

    verdict: str
    reasons: list[str]
    next_steps: list[str]


def accuracy_gap(
    training_correct: np.ndarray, validation_correct: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Training accuracy − validation accuracy of the same final model, dropout off.

    Args:
        training_correct: bool [rows], whether a sample of the training rows is predicted right.
        validation_correct: bool [rows].
    """
    training = accuracies(training_correct, resamples=resamples, seed=seed)[:, 0]
    validation = accuracies(validation_correct, resamples=resamples, seed=seed + 1)[:, 0]
    low, high = np.percentile((training - validation)[1:], INTERVAL)
    return Estimate(float(training[0] - validation[0]), float(low), float(high))


def rise_after_best(validation_loss: Sequence[float]) -> float:
    """How far validation loss ended above its best, as a share of that; 0 where the best epoch was the last."""
    losses = _finite(validation_loss)
    return float(losses[-1] / losses.min() - 1)


def last_improvement(validation_loss: Sequence[float]) -> float | None:
    """Share by which the last epoch bettered the best loss before it (negative: worse); None after one epoch."""
    losses = _finite(validation_loss)
    return None if len(losses) < 2 else float(1 - losses[-1] / losses[:-1].min())


def ran_down(learning_rate: Sequence[float]) -> bool:
    """Whether the learning rate ended far below its peak: the fall of the last epoch then promises no further one."""
    rates = np.asarray(learning_rate, np.float64)
    return bool(len(rates)) and bool(rates[-1] < RUN_DOWN * rates.max())


def _finite(losses: Sequence[float]) -> np.ndarray:
    losses = np.asarray(losses, np.float64)
    if not len(losses) or not np.isfinite(losses).all() or (losses <= 0).any():
        raise ValueError(f"validation losses {losses.tolist()}: one positive number for each epoch")
    return losses


def verdict(
    *,
    validation_loss: Sequence[float],
    gap: Estimate,
    validation_accuracy: float,
    slope: Slope | None = None,
    baseline_accuracy: float | None = None,
    learning_rate: Sequence[float] = (),
    rows_left: bool = True,
    counted_start: float = 0.0,
) -> Diagnosis:
    """Judge one run by the rule at the top of this module.

    Args:
        validation_loss: of each epoch, in nats.
        gap: from `accuracy_gap`.
        validation_accuracy: of the final model.
        slope: from `forecast.slope_per_doubling`; None where only one size is finished.
        baseline_accuracy: of TF-IDF + logistic regression on the same rows; None where it is unknown.
        learning_rate: of each epoch; empty where it is unknown.
        rows_left: whether there are training rows that this run did not use.
        counted_start: at which share of their log-odds the weights of n-grams started.

    Raises:
        ValueError: no epoch, or a loss that is no positive number.
    """
    rise, improvement = rise_after_best(validation_loss), last_improvement(validation_loss)
    large_gap = gap.low > LARGE_GAP
    rows_help = slope is not None and slope.low > WORTHWHILE_SLOPE
    beaten = baseline_accuracy is not None and validation_accuracy < baseline_accuracy
    falling = improvement is not None and improvement > STILL_FALLING and not ran_down(learning_rate)
    weak = baseline_accuracy is not None and validation_accuracy + gap.high < baseline_accuracy
    if weak or (not large_gap and (falling or beaten)):
        name = "underfit"
    elif large_gap and (rise > CLEAR_RISE or not rows_help):
        name = "overfit"
    else:
        name = "data-limited" if rows_help else "converged"
    reasons = [_gap_reason(gap), _epochs_reason(rise, improvement, falling=falling), _slope_reason(slope)]
    if baseline_accuracy is not None:
        reasons.append(_baseline_reason(validation_accuracy, baseline_accuracy))
    steps = _next_steps(name, rows_help=rows_help, slope_known=slope is not None, rows_left=rows_left)
    if large_gap and counted_start:
        reasons.insert(1, _COUNTED_GAP)
        steps += [_WITHOUT_START] if name == "overfit" else []
    return Diagnosis(name, reasons, steps)


def _gap_reason(gap: Estimate) -> str:
    size = "large" if gap.low > LARGE_GAP else "not surely large"
    bar = f"{100 * LARGE_GAP:.0f} points"
    return f"Training accuracy minus validation accuracy: {gap.points()} points, {size} (bar: {bar})."


def _epochs_reason(rise: float, improvement: float | None, *, falling: bool) -> str:
    if improvement is None:
        return "Only one epoch was run, so its trend is unknown."
    if round(1000 * rise) > 0:
        after = "clearly" if rise > CLEAR_RISE else "within noise"
        return f"Validation loss ended {100 * rise:.1f} % above its best epoch ({after})."
    trend = "still falling" if falling else "levelling off, or the learning rate had run down"
    if improvement <= 0:
        return "Validation loss ended as low as in its best epoch, and no lower."
    return f"The last epoch was the best and bettered validation loss by {100 * improvement:.1f} % ({trend})."


def _slope_reason(slope: Estimate | None) -> str:
    if slope is None:
        return "Only one size is finished, so what more rows would bring is unknown."
    worth = "worth having" if slope.low > WORTHWHILE_SLOPE else "not surely worth having"
    bar = f"{100 * WORTHWHILE_SLOPE:.1f} points"
    sizes = f"{slope.smallest:,} and {slope.largest:,} rows"
    return (
        f"Between {sizes} each doubling brought {slope.points()} points of validation accuracy: {worth} (bar: {bar})."
    )


def _baseline_reason(accuracy: float, baseline: float) -> str:
    if accuracy == baseline:
        return "It is right as often as TF-IDF + logistic regression on the same rows."
    how = "behind" if accuracy < baseline else "ahead of"
    return f"It is {100 * abs(accuracy - baseline):.2f} points {how} TF-IDF + logistic regression on the same rows."


def _next_steps(name: str, *, rows_help: bool, slope_known: bool, rows_left: bool) -> list[str]:
    more_rows = "Train on more rows: a larger SIZE, or all." if rows_left else "All rows are in use: label more."
    steps = {
        "overfit": ["Regularise: more dropout, or fewer units.", "Lower the learning rate."],
        "data-limited": [more_rows],
        "underfit": ["Train for more epochs, or with a higher rate.", "Give the network more units."],
        "converged": ["Change the kind of model or its features; more of the same brings little."],
    }[name]
    if name != "data-limited" and rows_help:
        steps = [*steps, f"{more_rows} They help too."]
    if slope_known:
        return steps
    unknown = "See whether rows help: make curves, with four SIZES or more, each twice the one before."
    if name == "overfit":  # more rows are the better remedy, where they help: what takes from the network comes after
        return [unknown, *(f"If they do not: {step[0].lower()}{step[1:]}" for step in steps)]
    return [*steps, unknown]
