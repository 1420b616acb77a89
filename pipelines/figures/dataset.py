"""Figures of notebook 01: where the rows went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import CLASS_NAMES, CLASSES, DARK, GREY, NEGATIVE, POSITIVE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def row_fates(steps: list[tuple[str, int]], balance: dict[str, list[int]]) -> Figure:
    """What left the data, and how the rest was split.

    Args:
        steps: (what happened, rows) of everything that left.
        balance: split → rows of (negative, positive).
    """
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(ncols=2, figsize=(10, 3.6), width_ratios=(1.1, 1))
    names, rows = zip(*steps, strict=True)
    left.barh(names, rows, color=GREY, height=0.6)
    for place, count in enumerate(rows):
        left.annotate(f" {count:,}", (count, place), va="center", color=DARK)
    left.set(title="Rows that left, by reason", xlabel="rows", xlim=(0, max(*rows, 1) * 1.25))
    left.invert_yaxis()
    thousands(left)
    totals = {name: max(sum(classes), 1) for name, classes in balance.items()}
    start = np.zeros(len(balance))
    for label, name in enumerate(CLASS_NAMES):
        share = np.array([100 * classes[label] / totals[split] for split, classes in balance.items()])
        right.barh(list(balance), share, left=start, color=CLASSES[label], height=0.6, label=name)
        for place, (width, classes) in enumerate(zip(share, balance.values(), strict=True)):
            right.annotate(
                f"{classes[label]:,}", (start[place] + width / 2, place), ha="center", va="center", color="white"
            )
        start += share
    right.invert_yaxis()
    right.legend(loc="lower right", bbox_to_anchor=(1.02, 1), ncols=2)
    right.axvline(50, color="white", linewidth=1, linestyle=":")
    right.set(title="Splits", xlabel="share of the split (%)", xlim=(0, 100))
    for axes in (left, right):
        axes.grid(visible=False)
    return figure


def largest_groups(groups: list[dict]) -> Figure:
    """The texts that stand in the data most often, once names and addresses are masked.

    Args:
        groups: {"text", "rows", "positive"}, the largest first.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 0.8 + 0.32 * max(len(groups), 3)))
    names = [shortened(group["text"]) for group in groups]
    positive = np.array([group["positive"] for group in groups])
    negative = np.array([group["rows"] for group in groups]) - positive
    places = np.arange(len(groups))
    axes.barh(places, negative, color=NEGATIVE, height=0.65, label="negative")
    axes.barh(places, positive, left=negative, color=POSITIVE, height=0.65, label="positive")
    for place, (first, second) in enumerate(zip(negative, positive, strict=True)):
        axes.annotate(f" {first + second:,}", (first + second, place), va="center", color=DARK)
    axes.set_yticks(places, names)
    axes.set(title="The most repeated texts, and the labels they carry", xlabel="rows before duplicates left")
    axes.margins(x=0.1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    thousands(axes)
    axes.legend(loc="lower right")
    return figure


def shortened(text: str, longest: int = 48) -> str:
    """A text for a label of an axis: one line, only signs that the font has."""
    plain = "".join(
        character if character.isascii() and character != "$" else "?" for character in " ".join(text.split())
    )
    return plain if len(plain) <= longest else f"{plain[: longest - 1]}…"


def thousands(axes: Axes, axis: str = "x") -> None:
    """Whole numbers with thousands separators on an axis."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    chosen = axes.xaxis if axis == "x" else axes.yaxis
    chosen.set_major_locator(MaxNLocator(nbins=5, integer=True))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def plain_powers(axis: Axis) -> None:
    """Whole numbers at 1, 2 and 5 times the powers of ten of a logarithmic axis, as far as they have room."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    few = high < 100 * max(low, 1e-9)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axis.set_minor_formatter(NullFormatter())
