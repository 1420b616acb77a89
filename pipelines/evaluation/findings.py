"""What notebook 06 finds, in words: sentences whose numbers and turns follow from the figures, for any data set."""

from __future__ import annotations

import re

import pandas as pd

from pipelines import artifacts
from pipelines.evaluation import metrics, siblings
from pipelines.evaluation.wording import difference, percent

FEW_SHARE = 0.05  # of rows that share a user: below it, drawing users whole is drawing rows


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
    few = clustered["rows_sharing_a_user"] < FEW_SHARE * clustered["rows"]
    return (
        f"{clustered['rows_with_user']:,} of {clustered['rows']:,} test rows have a known user ({clustered['users']:,} "
        f"users); {clustered['rows_sharing_a_user']:,} share theirs with another row. With users drawn whole accuracy "
        f"is {percent(figures['accuracy'], clustered['accuracy_interval'])}; with rows drawn one by one "
        f"{percent(figures['accuracy'], figures['accuracy_interval'])}."
        + (" So few rows that share a user cannot tell what more of them would do to it." if few else "")
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


def slices(table: pd.DataFrame, *, least_rows: int) -> str:
    """How many kinds of text were looked at, and which differ, from `slices.tested`."""
    if table.empty:
        return f"No kind of text has {least_rows} test rows or more, and as many outside it: none was looked at."
    # With and without something are one comparison, seen from both sides.
    mirrored = table["slice"].str.replace(r"^without ", "with ", regex=True).duplicated(keep=False)
    once = table[~(mirrored & table["slice"].str.startswith("without "))]
    different = int((once["p_adjusted"] < metrics.SIGNIFICANT).sum())
    return (
        f"{len(table)} kinds with {least_rows} rows or more were looked at, in {len(once)} comparisons, since with and "
        "without something is one; with so many, some look bad by chance. Corrected for that, "
        f"{different} of the comparisons show a difference, and {table['worse'].sum()} kinds are surely harder than "
        "all other rows. Kinds overlap: a short question is in two."
    )


def mistakes(sure: dict) -> str:
    """How many mistakes were sure ones, and in how many TF-IDF sides with the network, from `errors.sure`."""
    certainty = f"made with a certainty of {100 * sure['certainty']:.0f} % or more"
    if not sure["rows"]:
        return f"None of the {sure['wrong_rows']:,} mistakes was {certainty}."
    share, agrees = (percent(sure[name], sure[f"{name}_interval"]) for name in ("share", "tfidf_agrees"))
    return (
        f"{sure['rows']:,} of {sure['wrong_rows']:,} mistakes, {share}, were {certainty}. In {agrees} of these TF-IDF "
        f"contradicts the label as well. {_usual_agreement(sure)}"
    )


def _usual_agreement(sure: dict) -> str:
    """What TF-IDF's agreement is worth, from `errors.usual_agreement`."""
    if not sure.get("right_rows"):
        return ""
    agrees = percent(sure["tfidf_agrees_where_right"], sure["tfidf_agrees_where_right_interval"])
    low, high = sure["tfidf_agrees_interval"]
    usual_low, usual_high = sure["tfidf_agrees_where_right_interval"]
    worth = (
        "so that it speaks for the labels rather than against them"
        if high < usual_low
        else "so that it speaks against the labels"
        if low > usual_high
        else "so that it says nothing of the labels"
    )
    return f"Of the {sure['right_rows']:,} rows that the network has right as surely, it agrees in {agrees}, {worth}."
