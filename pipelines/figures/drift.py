"""Figures of new rows beside the reference: tests, scores, marks, words, the null of a permutation test, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.evaluation.metrics import wilson
from pipelines.figures import ACCENT, DARK, GREY, LIGHT_GREY, MODEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCE, NEW = GREY, MODEL
LEAST_P = 1e-12  # what is below cannot be told from it on the axis


def tests(names: list[str], p_values: np.ndarray, *, level: float) -> Figure:
    """Corrected p-values on a logarithmic axis, the surest on top; what is left of the line stands.

    Args:
        names: of the tests.
        p_values: float [tests], corrected.
        level: at which a test stands.
    """
    import matplotlib.pyplot as plt

    order = np.argsort(-np.asarray(p_values), kind="stable")
    shown = np.maximum(np.asarray(p_values)[order], LEAST_P)
    figure, axes = plt.subplots(figsize=(7.2, 0.32 * len(names) + 1.3))
    colors = [ACCENT if p <= level else GREY for p in shown]
    axes.hlines(np.arange(len(order)), shown, 1, color=LIGHT_GREY, linewidth=1.5, zorder=1)
    axes.scatter(shown, np.arange(len(order)), c=colors, s=46, zorder=2)
    axes.axvline(level, color=DARK, linewidth=1, linestyle=":")
    axes.set(xscale="log", xlim=(LEAST_P / 3, 1.6), title="What changed, and how surely")
    axes.set(xlabel=f"corrected p-value; left of {level:g} a test stands (dots at {LEAST_P:g}: that or less)")
    axes.set_yticks(np.arange(len(order)), [names[place] for place in order])
    axes.grid(visible=False)
    return figure


def scores(reference: np.ndarray, new: np.ndarray) -> Figure:
    """How often each probability is given, and the share of rows below each; both sides.

    Args:
        reference, new: float [rows], P(positive).
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 3.6))
    edges = np.linspace(0, 1, 21)
    for name, side, color in _sides(reference, new):
        weights = np.full(len(side), 100 / len(side))
        left.hist(side, bins=edges, weights=weights, histtype="step", color=color, linewidth=1.8, label=name)
        right.plot(np.sort(side), 100 * np.arange(1, len(side) + 1) / len(side), color=color, linewidth=1.8)
    left.set(xlabel="predicted P(positive)", ylabel="rows (%)", title="Scores", xlim=(0, 1))
    left.margins(y=0.2)
    left.legend(loc="upper center", ncols=2)
    right.set(xlabel="predicted P(positive)", ylabel="rows at or below (%)", title="Cumulated", xlim=(0, 1))
    return figure


def lengths(reference: np.ndarray, new: np.ndarray) -> Figure:
    """How long the texts are; int [rows], tokens. The longest hundredth is left out."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.4))
    longest = max(int(np.quantile(np.concatenate([reference, new]), 0.99)), 2)
    edges = np.arange(0, longest + 2, max(1, longest // 40)) - 0.5
    for name, side, color in _sides(reference, new):
        weights = np.full(len(side), 100 / len(side))
        axes.hist(side, bins=edges, weights=weights, histtype="step", color=color, linewidth=1.8, label=name)
    axes.set(xlabel="length (tokens)", ylabel="rows (%)", title="Length", xlim=(edges[0], edges[-1]))
    axes.legend(loc="upper right")
    return figure


def _sides(reference: np.ndarray, new: np.ndarray):
    yield f"reference, {len(reference):,} rows", reference, REFERENCE
    yield f"new, {len(new):,} rows", new, NEW


def marks(reference: dict[str, np.ndarray], new: dict[str, np.ndarray]) -> Figure:
    """Share of rows that hold each mark, with Wilson's 95 % interval, old below new.

    Args:
        reference, new: name → bool [rows].
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 0.6 * len(reference) + 1.3))
    places = np.arange(len(reference))
    for name, side, color, shift in (("reference", reference, REFERENCE, -0.13), ("new", new, NEW, 0.13)):
        share = np.array([mask.mean() for mask in side.values()])
        low, high = np.array([wilson(mask.mean(), len(mask)) for mask in side.values()]).T
        spread = 100 * np.maximum([share - low, high - share], 0)
        axes.errorbar(100 * share, places + shift, xerr=spread, fmt="o", color=color, markersize=5, label=name)
    axes.set_yticks(places, list(reference))
    axes.set(xlabel="rows that hold it (%)", title="Marks", ylim=(-0.6, len(places) - 0.4))
    axes.set_xlim(left=0)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def words(table: pd.DataFrame, *, most: int = 15) -> Figure:
    """The words that are surely commoner: share of rows before and now.

    Args:
        table: columns word, before, now (shares), the surest first.
        most: words shown.
    """
    import matplotlib.pyplot as plt

    shown = table.head(most).iloc[::-1]
    figure, axes = plt.subplots(figsize=(7.2, 0.27 * max(len(shown), 3) + 1.3))
    places = np.arange(len(shown))
    if shown.empty:
        axes.text(0.5, 0.5, "no word is surely commoner", transform=axes.transAxes, ha="center", color=GREY)
    axes.hlines(places, 100 * shown["before"], 100 * shown["now"], color=LIGHT_GREY, linewidth=2, zorder=1)
    for name, column, color in (("reference", "before", REFERENCE), ("new", "now", NEW)):
        axes.scatter(100 * shown[column], places, color=color, s=34, zorder=2, label=name)
    axes.set_yticks(places, shown["word"])
    axes.set(xlabel="rows that hold the word (%)", title="Words that are surely commoner")
    axes.set_xlim(left=0)
    axes.grid(visible=False)
    if len(shown):
        axes.legend(loc="lower right")
    return figure


def null(statistic: float, dealt: np.ndarray) -> Figure:
    """A statistic beside what it is when the same rows are dealt to the two sides by chance.

    Args:
        statistic: MMD² of the rows as they are.
        dealt: float [permutations].
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.2))
    axes.hist(1000 * dealt, bins=40, color=LIGHT_GREY, label=f"{len(dealt):,} random deals")
    axes.axvline(1000 * statistic, color=ACCENT, linewidth=2.4, label="reference against new")
    axes.set(xlabel="MMD² of sentence vectors (thousandths)", ylabel="deals", title="Sentence vectors")
    axes.margins(x=0.1)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def quality(reference: dict, new: dict) -> Figure:
    """Accuracy with its 95 % interval, and predicted against true shares, of both sides.

    Args:
        reference, new: "right" (bool [rows]) and "reliability" (from `calibration.reliability`).
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.4, 4), width_ratios=(1, 1.6))
    right.plot((0, 100), (0, 100), color=GREY, linewidth=1, linestyle=":")
    for place, (name, side, color) in enumerate((("reference", reference, REFERENCE), ("new", new, NEW))):
        _accuracy(left, side["right"], place=place, color=color)
        table = side["reliability"]
        right.plot(100 * table["probability"], 100 * table["share"], "o-", color=color, markersize=4, label=name)
    left.set_xticks((0, 1), ("reference", "new"))
    left.set(ylabel="accuracy (%)", title="Accuracy", xlim=(-0.6, 1.6))
    right.set(xlabel="predicted P(positive) (%)", ylabel="positive in fact (%)", title="Reliability")
    right.legend(loc="upper left")
    return figure


def _accuracy(axes: Axes, right: np.ndarray, *, place: int, color: str) -> None:
    share = right.mean()
    low, high = wilson(share, len(right))
    spread = 100 * np.maximum([[share - low], [high - share]], 0)  # rounding puts the bound of a share of 1 below it
    axes.errorbar(place, 100 * share, yerr=spread, fmt="o", color=color)
    text = f"{100 * share:.1f}"
    axes.annotate(text, (place, 100 * share), xytext=(8, 0), textcoords="offset points", va="center", color=DARK)
