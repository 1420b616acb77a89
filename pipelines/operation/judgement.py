"""Whether new texts are still like those that a model was measured on, in one verdict.

The verdict, in words (`verdict` is the rule in code):

    steady    no test stands after Holm's correction, at one per cent for all tests together
    retrain   what was learned no longer holds. By labels: accuracy is surely lower, and by two points or more.
              Where labels are missing, or too few to exclude such a loss: the scores surely moved, and by a
              population stability index of 0.25 or more
    watch     anything else that stands: the texts changed, and nobody knows yet what it costs

Labels decide where they can: scores that moved while accuracy held are a change of mood, not a worse model.
"""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.01  # share of looks at unchanged texts that may end in an alarm, all tests together
LARGE_INDEX = 0.25  # population stability index, see `two_samples.population_stability`
LARGE_LOSS = 0.02  # accuracy
STEADY, WATCH, RETRAIN = "steady", "watch", "retrain"


@dataclass(frozen=True)
class Finding:
    """One test.

    Attributes:
        test: what was compared.
        before, now: the figure that the test is about, of the reference and of the new rows.
        size: how large the difference is, on the test's own scale.
        p_value: as the test gave it; adjusted: corrected for the number of tests.
    """

    test: str
    before: float
    now: float
    size: float
    p_value: float
    adjusted: float = 1.0

    @property
    def stands(self) -> bool:
        return self.adjusted <= LEVEL


def lost(accuracy: Finding | None) -> bool:
    """Whether labels show a large loss of accuracy; None: there are no labels."""
    return accuracy is not None and accuracy.stands and accuracy.size <= -LARGE_LOSS


def held(least_change: float | None) -> bool:
    """Whether labels exclude a large loss of accuracy.

    Args:
        least_change: the lower end of the 95 % interval of accuracy's change; None: there are no labels.
    """
    return least_change is not None and least_change > -LARGE_LOSS


def verdict(findings: list[Finding], *, stability: float, least_change: float | None = None) -> str:
    """One word for all tests; see the top of this module.

    Args:
        findings: with corrected p-values.
        stability: population stability index of the scores.
        least_change: of accuracy, see `held`.
    """
    stands = {one.test: one for one in findings if one.stands}
    if not stands:
        return STEADY
    moved = "scores" in stands and stability >= LARGE_INDEX
    return RETRAIN if lost(stands.get("accuracy")) or (moved and not held(least_change)) else WATCH
