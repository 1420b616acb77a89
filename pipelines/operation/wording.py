"""A comparison in words: what each figure shows, the verdict, and what to do next."""

from __future__ import annotations

import pandas as pd

from pipelines.evaluation.wording import p_value
from pipelines.operation.drift import Comparison
from pipelines.operation.judgement import LARGE_INDEX, LEVEL, RETRAIN, STEADY, Finding, held, lost
from pipelines.operation.traits import MARKS

SHARES = ("unknown words", *MARKS, "accuracy", "calibration error")
# What usually lies behind a test that stands, and what helps.
CAUSES = {
    "encoding debris": "Text arrives in a broken encoding: find where UTF-8 is read as another one, and mend it there.",
    "mentions": "The share of mentions changed: see whether something upstream strips or adds user names.",
    "web addresses": "The share of web addresses changed: see whether links are cut out or expanded upstream.",
    "hashtags": "The share of hashtags changed: a campaign, an event, or something upstream that strips them.",
    "unknown words": "More words are unknown than before: another topic or language, or another way of writing.",
    "commoner words": "Read the list of commoner words: it usually names the topic, the event or the language.",
    "length": "Texts are longer or shorter than before: see whether they are cut, joined or filtered upstream.",
    "calibration error": "Probabilities are off; 06_evaluate refits the calibration once such rows are in validation.",
}
BEFORE_LABELS = "Label some hundred of the new rows and look again with their labels: they alone say what it costs."
MORE_LABELS = "Label more of the new rows, some thousand: these are too few to exclude a loss of two points."
AFTER_LOSS = "Add labelled rows of the new kind to the training data, train anew, and compare both models on them."
AFTER_SCORES = "Label some hundred new rows now; if accuracy fell, add them to the training data and train anew."


def table(found: Comparison) -> pd.DataFrame:
    """All tests, a line each, the surest first."""
    lines = [
        {
            "compared": one.test,
            "before": _value(one, one.before),
            "now": _value(one, one.now),
            "p": p_value(one.p_value).removeprefix("= "),
            "p corrected": p_value(one.adjusted).removeprefix("= "),
            "stands": "yes" if one.stands else "",
        }
        for one in sorted(found.findings, key=lambda one: one.adjusted)
    ]
    return pd.DataFrame(lines).set_index("compared")


def _value(one: Finding, value: float) -> str:
    if one.test in SHARES:
        return f"{100 * value:.2f} %"
    if one.test in ("commoner words", "length"):
        return f"{value:.0f}"
    return "–" if one.test in ("words together", "sentence vectors") and value == 0 else f"{value:.4f}"


def _chance(one: Finding) -> str:
    return f"(p {p_value(one.p_value)}, corrected {p_value(one.adjusted)})"


def _untested(name: str) -> str:
    return f"{name}: not tested, the file holds no texts."


def moved(found: Comparison, test: str) -> str:
    """One test as a sentence."""
    one = found.finding(test)
    if one is None:
        return _untested(test.capitalize())
    turn = "changed" if one.stands else "no change can be told"
    return f"{test.capitalize()}: {turn}, {_value(one, one.before)} before, {_value(one, one.now)} now {_chance(one)}."


def scores(found: Comparison) -> str:
    """What the distribution of scores says."""
    one, index = found.finding("scores"), found.stability
    size = "a large move" if index >= LARGE_INDEX else "some" if index >= 0.1 else "little"
    sure = "surely moved" if one.stands else "may not have moved at all"
    return (
        f"The scores {sure}: the two curves are {100 * one.size:.1f} points apart at most {_chance(one)}; "
        f"the stability index is {index:.3f}, {size}. The mean probability was "
        f"{one.before:.3f} and is {one.now:.3f}."
    )


def words(found: Comparison, *, most: int = 8) -> str:
    """Which words are surely commoner."""
    if found.finding("commoner words") is None:
        return _untested("Words")
    if found.words.empty:
        return "No word is surely commoner than in the reference."
    shown = found.words.head(most).itertuples()
    names = ", ".join(f"{one.word} ({100 * one.before:.2f} → {100 * one.now:.2f} % of rows)" for one in shown)
    return f"Surely commoner than in the reference: {len(found.words)} words, the surest are {names}."


def classifier(found: Comparison) -> str:
    """How well old and new can be told apart."""
    one = found.finding("old or new, told by words")
    if one is None:
        return _untested("Old or new, told by words")
    can = "can be told apart" if one.stands else "cannot be told apart surely"
    return (
        f"Old and new rows {can} by their words: given one of each, the classifier points to the new one "
        f"{100 * one.now:.1f} % of the time; 50 is guessing {_chance(one)}."
    )


def words_together(found: Comparison) -> str:
    """What all words say at once."""
    one = found.finding("words together")
    if one is None:
        return _untested("Words together")
    differ = "are others than before" if one.stands else "are not surely others"
    return f"All words together {differ}: a discrepancy of {one.now:.5f} {_chance(one)}."


def vectors(found: Comparison) -> str:
    """What the model's own view says."""
    if found.discrepancy is None:
        return _untested("Sentence vectors")
    one, null = found.finding("sentence vectors"), found.discrepancy.null
    reached = int((null >= one.now).sum())
    others = "are others than before" if one.stands else "cannot be told from the old ones"
    return (
        f"The discrepancy is {one.now:.5f}; of {len(null):,} random deals of the same rows {reached:,} reach it "
        f"{_chance(one)}. By what the model makes of them the new rows {others}."
    )


def labels(found: Comparison) -> str:
    """What labels say, or that there are none."""
    accuracy, error = found.finding("accuracy"), found.finding("calibration error")
    if accuracy is None:
        return "The file holds too few labels, or none: whether accuracy fell is not known."
    fell = "surely changed" if accuracy.stands else "did not surely change"
    before, now = (f"{side['rows']:,}" for side in found.quality.values())
    return (
        f"On {now} labelled rows, beside {before} of the reference, accuracy {fell}: {_sides(found, 'accuracy')} "
        f"({100 * accuracy.size:+.1f} points, corrected p {p_value(accuracy.adjusted)}). Expected calibration error: "
        f"{_sides(found, 'calibration_error')} (corrected p {p_value(error.adjusted)}); the fewer the rows, the larger "
        "it looks. Brackets hold 95 % intervals."
    )


def _sides(found: Comparison, figure: str) -> str:
    """A figure of `drift.quality` with its interval, of both sides."""
    shown = []
    for side in found.quality.values():
        low, high = side[f"{figure}_interval"]
        shown.append(f"{100 * side[figure]:.1f} % [{100 * low:.1f}, {100 * high:.1f}]")
    return f"{shown[0]} before, {shown[1]} now"


def verdict(found: Comparison) -> str:
    """The verdict with its reasons and next steps, as Markdown."""
    stands = [one for one in sorted(found.findings, key=lambda one: one.adjusted) if one.stands]
    tests = f"{len(found.findings)} tests, corrected after Holm at {100 * LEVEL:.0f} % for all together"
    reasons = "\n".join(f"- {moved(found, one.test)}" for one in stands) or f"- none of {tests} stands"
    steps = "\n".join(f"- {step}" for step in next_steps(found))
    of = f"{len(stands)} of {tests} stand:" if stands else "Why:"
    return f"**Verdict: {found.verdict}.**\n\n{of}\n\n{reasons}\n\nWhat to do next:\n\n{steps}"


def next_steps(found: Comparison) -> list[str]:
    """What to do, the most pressing first."""
    if found.verdict == STEADY:
        return ["Nothing. Look again with the next file."]
    accuracy = found.finding("accuracy")
    steps = [step for test, step in CAUSES.items() if (one := found.finding(test)) is not None and one.stands]
    if found.verdict == RETRAIN:
        return [AFTER_LOSS if lost(accuracy) else AFTER_SCORES if accuracy is None else MORE_LABELS, *steps]
    wanted = [] if held(found.least_change) else [BEFORE_LABELS if accuracy is None else MORE_LABELS]
    return [*steps, *wanted] or ["Read some of the new rows: the change is small."]
