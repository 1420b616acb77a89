"""The figure of notebook 09: which parameters mattered, and how accuracy goes with each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import ACCENT, DARK, GREY, LIGHT_GREY, MODEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4


def which_mattered(
    trials: pd.DataFrame, importances: pd.DataFrame | None, *, ranges: dict[str, tuple[float, float, bool] | None]
) -> Figure:
    """Importances with their spread, and beside them accuracy over each parameter, on one axis of accuracy.

    Args:
        trials: columns trial, state ("complete", "pruned"), usual, accuracy, one for each parameter; the best first.
        importances: columns parameter, share, low, high, largest first; None where there are too few trials.
        ranges: parameter → lowest, highest, whether logarithmic; None for words.
    """
    import matplotlib.pyplot as plt

    order = list(ranges) if importances is None else list(importances["parameter"])
    panels = len(order) + 1
    columns = panels if panels < COLUMNS else min(COLUMNS, math.ceil(panels / 2))
    rows = math.ceil(panels / columns)
    figure, grid = plt.subplots(rows, columns, figsize=(3.3 * columns, 3.2 * rows), squeeze=False)
    first, *others = grid.flat
    _importances(first, importances, complete=int((trials["state"] == "complete").sum()))
    for axes, name in zip(others, order, strict=False):
        if axes is not others[0]:
            axes.sharey(others[0])
        _over(axes, trials, name, bounds=ranges[name])
    for axes in others[len(order) :]:
        axes.set_visible(False)
    figure.legend(*_each_once(others[: len(order)]), loc="outside lower center", ncols=4)
    return figure


def _importances(axes: Axes, importances: pd.DataFrame | None, *, complete: int) -> None:
    axes.set_title(f"Which mattered, {complete} trials")
    if importances is None:
        axes.text(0.5, 0.5, "too few complete trials\nto say", ha="center", va="center", transform=axes.transAxes)
        axes.set_axis_off()
        return
    place = np.arange(len(importances))[::-1]
    low, share, high = (100 * importances[name].to_numpy() for name in ("low", "share", "high"))
    axes.barh(place, share, color=LIGHT_GREY, height=0.6)
    axes.hlines(place, low, high, color=MODEL, linewidth=2)
    axes.plot(share, place, "o", color=MODEL)
    axes.set_yticks(place, importances["parameter"])
    axes.set(xlabel="share of the spread explained (%),\nline: 95 % over resampled trials", xlim=(0, 100))
    axes.grid(axis="x")
    axes.grid(axis="y", visible=False)


def _over(axes: Axes, trials: pd.DataFrame, name: str, *, bounds: tuple[float, float, bool] | None) -> None:
    complete = (trials["state"] == "complete").to_numpy()
    usual = trials["usual"].to_numpy(bool) & complete
    values = trials[name].astype(str if bounds is None else float).to_numpy()
    accuracy = 100 * trials["accuracy"].to_numpy(float)
    small = {"linestyle": "none", "markersize": 6}
    if (~complete).any():
        axes.plot(values[~complete], accuracy[~complete], "x", color=GREY, label="pruned, so far", **small)
    axes.plot(values[complete], accuracy[complete], "o", color=MODEL, label="complete", **small)
    if usual.any():
        axes.plot(values[usual], accuracy[usual], "s", color=DARK, label="the usual parameters", **small)
        axes.axhline(accuracy[usual][0], color=DARK, linewidth=1, linestyle=":")
    ring = {"markersize": 12, "markerfacecolor": "none", "markeredgecolor": ACCENT, "markeredgewidth": 2}
    axes.plot(values[:1], accuracy[:1], "o", linestyle="none", label="best", **ring)
    axes.set(title=name, ylabel="validation accuracy (%)")
    if bounds is not None:
        low, high, logarithmic = bounds
        room = (high - low) * 0.05
        axes.set(xscale="log", xlim=(low / 1.15, high * 1.15)) if logarithmic else axes.set_xlim(
            low - room, high + room
        )


def _each_once(panels: list[Axes]) -> tuple[list, list]:
    """Handles and labels of a legend that names each kind of point once."""
    found = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    return list(found.values()), list(found)
