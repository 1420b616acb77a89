"""Figures of notebook 02: what is in the training texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import CLASS_NAMES, CLASSES, DARK, GREY, LIGHT_GREY, NEGATIVE, POSITIVE
from pipelines.figures.dataset import plain_powers, thousands

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def known_columns(known: dict[str, int], rows: int) -> Figure:
    """In how many rows each column is filled."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 2.6))
    names, shares = list(known), [100 * count / max(rows, 1) for count in known.values()]
    axes.barh(names, [100] * len(names), color=LIGHT_GREY, height=0.6)
    axes.barh(names, shares, color=POSITIVE, height=0.6)
    for place, (share, count) in enumerate(zip(shares, known.values(), strict=True)):
        axes.annotate(f" {share:.1f} %  ({count:,} rows)", (100, place), va="center", annotation_clip=False)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set(xlim=(0, 100), xlabel="rows in which it is known (%)", title="What is known of a text")
    return figure


def balance_over_time(by_day: pd.DataFrame, one_class: pd.DataFrame) -> Figure:
    """Rows of each class by day, and the share of positive ones; days with one class only are shaded.

    Args:
        by_day: index day, columns negative, positive.
        one_class: those of its days on which one class is missing.
    """
    import matplotlib.dates as dates
    import matplotlib.pyplot as plt

    figure, (top, bottom) = plt.subplots(nrows=2, sharex=True, figsize=(9, 5), height_ratios=(1.4, 1))
    top.bar(by_day.index, by_day["negative"], color=NEGATIVE, width=0.9, label="negative")
    top.bar(by_day.index, by_day["positive"], bottom=by_day["negative"], color=POSITIVE, width=0.9, label="positive")
    top.set(ylabel="rows a day (UTC)", title="Texts of each class, by day")
    thousands(top, "y")
    share = (100 * by_day["positive"] / by_day.sum(axis=1)).dropna()
    bottom.plot(share.index, share, "o", color=DARK, markersize=4)
    bottom.axhline(50, color=GREY, linestyle=":")
    bottom.set(ylabel="positive (%)", ylim=(-8, 108))
    for axes in (top, bottom):
        for number, day in enumerate(one_class.index):
            axes.axvspan(
                day - np.timedelta64(12, "h"),
                day + np.timedelta64(12, "h"),
                color=LIGHT_GREY,
                alpha=0.6,
                lw=0,
                zorder=0,
                label="one class only" if number == 0 and axes is top else None,
            )
    margin = np.timedelta64(max(1, 4 - len(by_day)), "D")
    top.set_xlim(by_day.index[0] - margin, by_day.index[-1] + margin)
    top.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    locator = dates.AutoDateLocator(maxticks=9)
    bottom.xaxis.set_major_locator(locator)
    formats = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"]  # the usual ones, but days with their month
    offsets = ["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y"]  # in the corner, what the formats leave out
    bottom.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, formats=formats, offset_formats=offsets))
    return figure


def lengths(characters: np.ndarray, words: np.ndarray) -> Figure:
    """How long texts are: int64 [2, lengths] each, rows of the two classes by length."""
    import matplotlib.pyplot as plt

    figure, pair = plt.subplots(ncols=2, figsize=(10, 3.8))
    for axes, histogram, unit in zip(pair, (characters, words), ("characters", "words"), strict=True):
        reached = np.cumsum(histogram.sum(axis=0))
        end = int(np.searchsorted(reached, 0.998 * reached[-1])) + 1
        step = max(1, end // 35)
        for label, name in enumerate(CLASS_NAMES):
            counts = np.add.reduceat(histogram[label], np.arange(0, histogram.shape[1], step))
            share = 100 * counts / max(counts.sum(), 1)
            median = int(np.searchsorted(np.cumsum(histogram[label]), histogram[label].sum() / 2))
            axes.stairs(
                share,
                np.arange(len(share) + 1) * step,
                color=CLASSES[label],
                linewidth=1.8,
                label=f"{name}, median {median}",
                linestyle=("-", "--")[label],
            )
        axes.set(
            xlim=(0, end + step),
            xlabel=unit,
            title=f"Length in {unit}",
            ylabel=f"texts per {step} {unit} (%)" if step > 1 else "texts (%)",
        )
        axes.legend()
    return figure


def texts_by_user(number: pd.Series) -> Figure:
    """How many users have written how many texts: index texts, values users; both axes logarithmic."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot(number.index, number, "o", color=POSITIVE, markersize=5, alpha=0.8)
    axes.set(xscale="log", yscale="log", xlabel="texts by one user", ylabel="users")
    axes.set_title("How many texts each user wrote")
    for axis in (axes.xaxis, axes.yaxis):
        plain_powers(axis)
    axes.grid(visible=True, axis="both")
    return figure


def feature_shares(shares: pd.DataFrame) -> Figure:
    """How often the texts of each class hold something: index feature, columns negative, positive, in percent."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 0.36 * len(shares) + 1.4))
    places = np.arange(len(shares))
    axes.hlines(places, shares["negative"], shares["positive"], color=LIGHT_GREY, linewidth=3, zorder=1)
    for name, colour, marker in zip(CLASS_NAMES, CLASSES, "oD", strict=True):
        axes.plot(shares[name], places, marker, color=colour, label=name, markersize=7)
    for place, pair in enumerate(shares[list(CLASS_NAMES)].to_numpy()):
        axes.annotate(
            f"{pair[0]:.1f} and {pair[1]:.1f} %",  # in the order of the legend
            (pair.max(), place),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=DARK,
            fontsize=8,
        )
    axes.set_yticks(places, shares.index)
    axes.invert_yaxis()
    axes.set(
        xlabel="texts that hold it (%)",
        title="What texts hold besides words",
        xlim=(0, max(1.18 * shares.max().max(), 1)),
    )
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.legend(loc="lower right")
    return figure
