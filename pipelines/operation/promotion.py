"""Whether a challenger takes the champion's place, in one rule (`decide` is the rule in code):

    on old test rows and on new ones the gain's whole 95 % interval lies above a loss of 0.2 points, and
    no kind of text with 500 rows or more, old or new, falls by more than 2 points

The new rows are what the challenger is for; the old ones must not pay for it. Both models are asked the same rows, so
what counts are the rows that one has right and the other wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines.evaluation import metrics

MOST_LOSS = 0.002  # accuracy; what the interval of the gain must exclude
LEAST_ROWS = 500  # of a slice that may speak against a challenger
MOST_FALL = 0.02  # accuracy of such a slice
RESAMPLES = 10_000
_ROUNDING = 1e-9  # of differences of shares
OLD, NEW = "old test rows", "new test rows"


@dataclass(frozen=True)
class Asked:
    """Rows that both models were asked.

    Attributes:
        champion, challenger: bool [rows], whether each is right, from `metrics.correct`.
        slices: name → bool [rows], which rows are of a kind.
    """

    champion: np.ndarray
    challenger: np.ndarray
    slices: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Gain:
    """What the challenger's accuracy is above the champion's on some rows.

    Attributes:
        where: which rows; rows: how many.
        champion, challenger: accuracies.
        low, high: 95 % interval of their difference.
    """

    where: str
    rows: int
    champion: float
    challenger: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        return self.challenger - self.champion

    def __str__(self) -> str:
        points = f"{100 * self.difference:+.2f} points [{100 * self.low:+.2f}, {100 * self.high:+.2f}]"
        accuracies = f"{100 * self.champion:.2f} → {100 * self.challenger:.2f} %"
        return f"{self.where} ({self.rows:,}): {accuracies}, {points}"


@dataclass(frozen=True)
class Decision:
    """Whether to promote, why not, and what it was decided by."""

    promote: bool
    reasons: list[str]
    gains: list[Gain]
    slices: list[Gain]


def decide(tests: dict[str, Asked], *, resamples: int = RESAMPLES, seed: int = 0) -> Decision:
    """Apply the rule at the top of this module.

    Args:
        tests: `OLD` and `NEW` → what both models said of them.
        resamples: of each bootstrap; seed: of the resampling.

    Raises:
        ValueError: the two models were asked different numbers of rows, or none.
    """
    gains, slices = [], []
    for where, asked in tests.items():
        settings = {"resamples": resamples, "seed": seed}
        gains.append(gain(where, asked.champion, asked.challenger, **settings))
        for name, mask in asked.slices.items():
            if mask.any():
                slices.append(gain(f"{where}, {name}", asked.champion[mask], asked.challenger[mask], **settings))
    against = [_loss(one) for one in gains if one.low < -MOST_LOSS - _ROUNDING]
    fallen = [one for one in slices if one.rows >= LEAST_ROWS and one.difference < -MOST_FALL - _ROUNDING]
    against += [f"{one}: falls by more than {100 * MOST_FALL:g} points" for one in fallen]
    return Decision(not against, against, gains, slices)


def gain(where: str, champion: np.ndarray, challenger: np.ndarray, *, resamples: int, seed: int) -> Gain:
    """The difference of two accuracies on the same rows, with a paired bootstrap interval.

    The resamples are drawn from counts with half a row added to each of the four cells (Agresti and Min 2005): of rows
    on which two models never differ the plain bootstrap, as of `metrics.mcnemar`, would say, however few they are, that
    they never will: a hundred such rows would promote a challenger.

    Args:
        champion, challenger: bool [rows].
    """
    if champion.shape != challenger.shape or not len(champion):
        raise ValueError(
            f"{where}: {len(champion)} and {len(challenger)} rows: both models must be asked the same rows"
        )
    rows = len(champion)
    gained, lost = int((challenger & ~champion).sum()), int((champion & ~challenger).sum())
    shares = np.array([gained + 0.5, lost + 0.5, rows - gained - lost + 1.0]) / (rows + 2)
    drawn = np.random.default_rng(seed).multinomial(rows, shares, size=resamples)
    low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / rows, metrics.INTERVAL)
    return Gain(where, rows, float(champion.mean()), float(challenger.mean()), float(low), float(high))


def _loss(one: Gain) -> str:
    if one.high < 0:
        return f"{one}: worse"
    said = f"{one}: a loss of more than {100 * MOST_LOSS:g} points is not excluded"
    if one.difference <= -MOST_LOSS:
        return said
    # An interval narrows with the square root of the rows.
    times = ((one.difference - one.low) / (one.difference + MOST_LOSS)) ** 2
    return f"{said}; with {max(times, 1.1):.1f} times as many rows it would be, if the gain stayed"


def words(decision: Decision) -> str:
    """The decision as Markdown: the verdict, what it was decided by, and why not."""
    verdict = "**The challenger is better: promote it.**" if decision.promote else "**The champion stays.**"
    why = [] if decision.promote else ["", "Why:", "", *(f"- {reason}" for reason in decision.reasons)]
    return "\n".join([verdict, "", *(f"- {one}" for one in decision.gains), *why])
