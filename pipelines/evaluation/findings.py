"""What notebook 06 finds, in words: sentences whose numbers and turns follow from the figures, for any data set."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from pipelines import artifacts
from pipelines.calibrator import Points
from pipelines.evaluation import metrics, siblings
from pipelines.evaluation.forecast import Estimate
from pipelines.evaluation.wording import difference


def _percent(value: float, interval: list[float]) -> str:
    return Estimate(value, *interval).percent()


def command(run: artifacts.Run, verb: str, *, params: str = "") -> str:
    """How to call Make for a run like this one.

    >>> command(artifacts.Dataset("sentiment140").run("5000_units-64"), "train", params="seed=2")
    'make train DATASET=sentiment140 SIZE=5000 PARAMS="units=64 seed=2"'
    """
    size, _, rest = run.name.partition("_")
    pairs = [f"{name}={value}" for name, value in re.findall(r"(?:^|_)([a-z_]+)-([^_]+)", rest) if name != "seed"]
    given = " ".join([*pairs, *filter(None, [params])])
    return f"make {verb} DATASET={run.dataset.name} SIZE={size}" + (f' PARAMS="{given}"' if given else "")


def clusters(figures: dict, clustered: dict | None) -> str:
    """What drawing users instead of rows does to the interval of accuracy."""
    if clustered is None:
        return "No test row has a known user: rows were drawn one by one, as if no two were by the same user."
    return (
        f"{clustered['rows_with_user']:,} of {clustered['rows']:,} test rows have a known user ({clustered['users']:,} "
        f"users). With users drawn whole accuracy is {_percent(figures['accuracy'], clustered['accuracy_interval'])}; "
        f"with rows drawn one by one {_percent(figures['accuracy'], figures['accuracy_interval'])}."
    )


def differences(tests: dict[str, dict], *, other: str) -> str:
    """`wording.difference` for each split, from McNemar's tests."""
    return "\n\n".join(difference(test, other=other, split=split) for split, test in tests.items())


def test_sets(splits: dict[str, dict], *, run: artifacts.Run, missing: list[str], impossible: list[str]) -> str:
    """How far each test set is from the random one, how to make those that are not there, and which cannot be made."""
    lines = [
        f"- {name}: {_distance(figures, splits['test'], part=name == siblings.NEW_USERS)} on {figures['rows']:,} rows"
        for name, figures in splits.items()
        if name != "test"
    ]
    found = ["Against the test split:\n\n" + "\n".join(lines)] if lines else []
    if missing:
        found.append(f"Not made yet: {', '.join(missing)}. `{command(run, 'holdouts')}` makes them.")
    if impossible:
        found.append(f"The data set does not know what these would be held out by: {', '.join(impossible)}.")
    return "\n\n".join(found)


def _distance(figures: dict, random: dict, *, part: bool) -> str:
    """Accuracy on a test set minus that on the random one, in points, with the luck of the rows of both.

    Squares of distances to the edges add up where the sets share no row. Those of a set and a part of it are taken off
    each other: the rows of the part are in both (Zou and Donner 2008, "Construction of confidence limits").
    """
    (own, (low, high)), (other, (lowest, highest)) = (
        (one["accuracy"], one["accuracy_interval"]) for one in (figures, random)
    )
    sign = -1 if part else 1
    below, above = (
        max(mine**2 + sign * theirs**2, 0) ** 0.5
        for mine, theirs in ((own - low, highest - other), (high - own, other - lowest))
    )
    points, below, above = (100 * value for value in (own - other, below, above))
    return f"{points:+.1f} points [{points - below:+.1f}, {points + above:+.1f}]"


def seeds(spread: dict, *, run: artifacts.Run) -> str:
    """What the seed alone does to test accuracy."""
    if spread["n"] < 2:
        once_more = command(run, "train", params="seed=2")
        first = command(run, "train")
        return (
            f"One seed only: what luck in training does is not known. `{once_more}` trains another; after it `{first}` "
            "shows the spread."
        )
    return (
        f"Over {spread['n']} seeds test accuracy is {100 * spread['mean']:.2f} ± "
        f"{100 * spread['standard_deviation']:.2f} % (mean and standard deviation), {100 * spread['smallest']:.2f} to "
        f"{100 * spread['largest']:.2f} %."
    )


def sure_enough(found: dict) -> str:
    """What a certainty chosen on validation gives on test rows."""
    target = f"{100 * found['target']:.0f} %"
    if found["certainty"] is None:
        return f"However sure it is, it is not right {target} of the time on validation: no threshold gives that."
    test = found["test"]
    share = _percent(test["share"], test["share_interval"])
    if not test["rows"]:
        return f"From a certainty of {found['certainty']:.3f} on, chosen on validation, no test row passes."
    return (
        f"To be right {target} of the time it must be {100 * found['certainty']:.1f} % sure: chosen on validation, "
        f"where {100 * found['validation']['share']:.1f} % of rows pass. On test {share} of rows pass "
        f"({test['rows']:,}), and {_percent(test['accuracy'], test['accuracy_interval'])} of those are right."
    )


def slices(table: pd.DataFrame, *, least_rows: int) -> str:
    """How many kinds of text were looked at, and which differ, from `slices.tested`."""
    if table.empty:
        return f"No kind of text has {least_rows} test rows or more, and as many outside it: none was looked at."
    different = table[table["p_adjusted"] < metrics.SIGNIFICANT]
    return (
        f"{len(table)} kinds with {least_rows} rows or more were looked at; with so many, some look bad by chance. "
        f"Corrected for that, {len(different)} differ from all other rows, {different['worse'].sum()} of them to the "
        "worse. Kinds overlap: a short question is in two."
    )


def mistakes(sure: dict) -> str:
    """How many mistakes were sure ones, and in how many TF-IDF sides with the network, from `errors.sure`."""
    certainty = f"made with a certainty of {100 * sure['certainty']:.0f} % or more"
    if not sure["rows"]:
        return f"None of the {sure['wrong_rows']:,} mistakes was {certainty}."
    share, agrees = (_percent(sure[name], sure[f"{name}_interval"]) for name in ("share", "tfidf_agrees"))
    return (
        f"{sure['rows']:,} of {sure['wrong_rows']:,} mistakes, {share}, were {certainty}. In {agrees} of these TF-IDF "
        "contradicts the label as well."
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


def calibration_error(found: dict) -> str:
    """The expected calibration error on test rows, from what metrics.json holds of the calibration."""
    low, high = (100 * edge for edge in found["expected_calibration_error_interval"])
    return (
        f"Expected calibration error on {found['rows']:,} test rows: {100 * found['expected_calibration_error']:.2f} % "
        f"[{low:.2f}, {high:.2f}]."
    )
