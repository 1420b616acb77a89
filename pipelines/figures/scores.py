"""Figures of one model's scores on one split: confusion, reliability, probabilities by class, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import ACCENT, CLASS_NAMES, CLASSES, DARK, GREY, MODEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def confusion_matrix(matrix: np.ndarray, *, title: str = "Confusion matrix") -> Figure:
    """Rows by true and predicted class: numbers, and shares of each true class.

    Args:
        matrix: int [2, 2], true class down, predicted class across; negative first.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4.4, 3.8))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (down, across), rows in np.ndenumerate(matrix):
        color = "white" if share[down, across] > 0.55 else DARK
        text = f"{rows:,}\n{100 * share[down, across]:.1f} %"
        axes.text(across, down, text, ha="center", va="center", color=color, fontsize=12)
    axes.set_xticks((0, 1), CLASS_NAMES)
    axes.set_yticks((0, 1), CLASS_NAMES, rotation=90, va="center")
    axes.set(xlabel="predicted", ylabel="label", title=title)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return figure


def reliability(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> Figure:
    """Predicted probability against the share that came true, before and after calibration, with 95 % intervals.

    Args:
        before, after: from `pipelines.evaluation.calibration.reliability`.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 4.6))
    axes.plot((0, 100), (0, 100), color=GREY, linewidth=1, linestyle=":", label="perfect")
    kinds = (("as trained", before, ACCENT, "s"), ("calibrated", after, MODEL, "o"))
    for name, table, color, marker in kinds:
        spread = 100 * np.array([table["share"] - table["low"], table["high"] - table["share"]])
        x, y = 100 * table["probability"], 100 * table["share"]
        axes.errorbar(
            x, y, yerr=np.maximum(spread, 0), fmt=f"{marker}-", color=color, markersize=4, linewidth=1.2, label=name
        )
    axes.set(xlabel="predicted P(positive) (%)", ylabel="positive in fact (%)", title="Reliability")
    axes.set(xlim=(-2, 102), ylim=(-2, 102), aspect="equal")
    axes.legend(loc="upper left")
    return figure


def probabilities_by_class(labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """How the probabilities of each class are spread; what lies on the wrong side of 0.5 is a mistake.

    Args:
        labels: int [rows]; probabilities: float [rows], P(positive).
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    edges = np.linspace(0, 1, 41)
    for label, (name, color) in enumerate(zip(CLASS_NAMES, CLASSES, strict=True)):
        found = probabilities[labels == label]
        weights = np.full(len(found), 100 / max(len(found), 1))
        axes.hist(found, bins=edges, weights=weights, color=color, alpha=0.25)
        axes.hist(
            found, bins=edges, weights=weights, color=color, histtype="step", linewidth=1.8, label=f"labelled {name}"
        )
    axes.axvline(0.5, color=GREY, linewidth=1, linestyle=":")
    axes.set(
        xlabel="predicted P(positive)", ylabel="rows of the class (%)", title="Probabilities by class", xlim=(0, 1)
    )
    axes.margins(y=0.18)
    axes.legend(loc="upper center", ncols=2)
    return figure


def coverage(table: dict[str, np.ndarray], *, target: float = 0.95, given: dict | None = None) -> Figure:
    """Accuracy on the surest rows, by the share of rows kept.

    Args:
        table: from `pipelines.evaluation.calibration.coverage`.
        target: an accuracy, as a line.
        given: from `pipelines.evaluation.calibration.surest`, what a threshold from other rows gives on these.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    axes.plot(100 * table["share"], 100 * table["accuracy"], color=MODEL)
    axes.axhline(100 * target, color=DARK, linewidth=0.8, linestyle=":")
    if given and given["rows"]:
        point = 100 * given["share"], 100 * given["accuracy"]
        axes.plot(*point, "o", color=ACCENT, zorder=3)
        text = f"threshold from validation:\nright {point[1]:.1f} % of the time\non {point[0]:.0f} % of rows"
        axes.annotate(text, point, xytext=(8, 6), textcoords="offset points", fontsize=9, color=DARK)
    axes.set(
        xlabel="share of rows kept, surest first (%)", ylabel="accuracy on them (%)", title="How sure is sure enough"
    )
    axes.set(xlim=(0, 101))
    return figure
