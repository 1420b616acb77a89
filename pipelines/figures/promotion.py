"""The figure of notebook 08: what a challenger gains and loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import ACCENT, GREY, LIGHT_GREY, MODEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def gains(table: pd.DataFrame, *, most_loss: float, least_rows: int, most_fall: float) -> Figure:
    """Differences of two models' accuracies with their intervals, a line for each kind of rows.

    Args:
        table: columns where, rows, difference, low, high, in the order to show.
        most_loss: a share; the dotted line that the intervals of all rows must stay above.
        least_rows: kinds with fewer rows decide nothing: they are grey, and those of less than a fifth of it are left
            out, whose intervals are wider than all else.
        most_fall: a share; the broken line that kinds must stay above.
    """
    import matplotlib.pyplot as plt

    table = table[~table["where"].str.contains(",") | (table["rows"] >= least_rows / 5)]
    figure, axes = plt.subplots(figsize=(10, 1.2 + 0.24 * len(table)))
    place = np.arange(len(table))[::-1]
    points = {name: 100 * table[name].to_numpy() for name in ("difference", "low", "high")}
    whole = ~table["where"].str.contains(",").to_numpy()
    counts = table["rows"].to_numpy() >= least_rows
    kinds = {
        "all rows": whole,
        f"kinds of {least_rows} rows or more": ~whole & counts,
        "smaller kinds": ~whole & ~counts,
    }
    for (name, mine), color in zip(kinds.items(), (ACCENT, MODEL, GREY), strict=True):
        middle = points["difference"][mine]
        spread = [middle - points["low"][mine], points["high"][mine] - middle]
        axes.errorbar(middle, place[mine], xerr=spread, fmt="o", color=color, elinewidth=1.5, label=name)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.axvline(-100 * most_loss, color=ACCENT, linestyle=":", linewidth=1.2)
    axes.axvline(-100 * most_fall, color=MODEL, linestyle="--", linewidth=1.2)
    # As wide as what decides; a grey interval may leave the picture.
    reach = 1.1 * max(200 * most_fall, *(np.abs(points[name][whole | counts]).max() for name in ("low", "high")))
    names = [f"{where}  ({rows:,})" for where, rows in zip(table["where"], table["rows"], strict=True)]
    axes.set_yticks(place, names)
    axes.set(
        xlabel="challenger above champion (percentage points), 95 % interval",
        xlim=(-reach, reach),
        ylim=(-0.7, len(table) - 0.3),
        title="What the challenger gains, by kind of rows",
    )
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    axes.grid(axis="x", color=LIGHT_GREY)
    axes.grid(axis="y", visible=False)
    return figure
