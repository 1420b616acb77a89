"""The figure of the words that tell two classes apart (notebook 02)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.dataset.telling_words import chance
from pipelines.figures import CLASS_NAMES, CLASSES, DARK, GREY, LIGHT_GREY
from pipelines.figures.dataset import plain_powers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def telling_words(table: pd.DataFrame, telling: dict[str, pd.DataFrame]) -> Figure:
    """Every word by frequency and by how much it tells, and the most telling ones in full.

    Args:
        table: from `telling_words.log_odds`.
        telling: the most telling words of each class, the strongest first.
    """
    import matplotlib.pyplot as plt

    figure, (axes, words) = plt.subplots(ncols=2, figsize=(10, 6.2), width_ratios=(1.9, 1))
    occurrences = table["negative"] + table["positive"]
    bar = chance(len(table))
    colours = np.select([table["z"] < -bar, table["z"] > bar], CLASSES, LIGHT_GREY)
    axes.scatter(occurrences, table["z"], s=7, c=colours, linewidths=0, alpha=0.75)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(
        xscale="log",
        yscale="symlog",
        xlabel="occurrences in both classes together",
        ylabel="z of the log-odds ratio (above 0: more in positive texts)",
    )
    axes.set_yticks([-100, -10, -2, 0, 2, 10, 100], ["−100", "−10", "−2", "0", "2", "10", "100"])
    plain_powers(axes.xaxis)
    axes.set_title("How telling each word is")
    _word_list(words, telling)
    return figure


def _word_list(axes: Axes, telling: dict[str, pd.DataFrame]) -> None:
    axes.axis("off")
    axes.set_title("Most telling words, and their z")
    for column, (name, colour) in enumerate(zip(CLASS_NAMES[::-1], CLASSES[::-1], strict=True)):
        axes.text(0.52 * column, 1.0, name, color=colour, weight="bold", va="top", transform=axes.transAxes)
        for place, row in enumerate(telling[name].itertuples(), start=1):
            word = row.word.replace("$", r"\$")
            axes.text(
                0.52 * column,
                1.0 - 0.045 * place,
                f"{word}  {_signed(row.z)}",
                color=DARK,
                va="top",
                fontsize=9,
                transform=axes.transAxes,
            )


def _signed(value: float) -> str:
    return f"{value:+.{0 if abs(value) >= 10 else 1}f}".replace("-", "−")
