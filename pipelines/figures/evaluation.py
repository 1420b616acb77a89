"""Figures over runs and models: accuracy over training rows, models compared, kinds of text compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import ACCENT, BASELINE, DARK, GREY, LIGHT_GREY, MODEL, TRAINING_LINE, VALIDATION_LINE
from pipelines.figures.training import baseline_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_LINES = {
    "training": {
        "color": MODEL,
        "linestyle": TRAINING_LINE,
        "marker": "o",
        "mfc": "white",
        "label": "this model, its training rows",
    },
    "validation": {"color": MODEL, "linestyle": VALIDATION_LINE, "marker": "o", "label": "this model, validation"},
    "baseline": {
        "color": BASELINE,
        "linestyle": VALIDATION_LINE,
        "marker": "s",
        "label": "TF-IDF + logistic regression",
    },
}


def accuracy_over_sizes(
    curve: pd.DataFrame, *, majority: float | None = None, law: pd.DataFrame | None = None
) -> Figure:
    """Accuracy over training rows (logarithmic), with intervals, baselines and a forecast in one figure.

    Args:
        curve: columns rows, name ("training", "validation", "baseline"), accuracy, low, high.
        majority: accuracy of always saying the commoner class.
        law: columns rows, accuracy, low, high: a curve, dotted.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.6))
    for name, options in SIZE_LINES.items():
        part = curve[curve["name"] == name].sort_values("rows")
        if len(part):
            spread = [100 * (part["accuracy"] - part["low"]), 100 * (part["high"] - part["accuracy"])]
            axes.errorbar(part["rows"], 100 * part["accuracy"], yerr=spread, markersize=5, elinewidth=1, **options)
    if law is not None:
        axes.plot(law["rows"], 100 * law["accuracy"], ":", color=ACCENT, linewidth=1.8, label="power law, forecast")
        axes.fill_between(law["rows"], 100 * law["low"], 100 * law["high"], color=ACCENT, alpha=0.18, linewidth=0)
    _rows_axis(axes, np.unique(curve["rows"] if law is None else [*curve["rows"], law["rows"].max()]))
    if majority is not None:
        baseline_line(axes, f"majority class, {100 * majority:.1f} %", level=100 * majority)
    axes.set(ylabel="accuracy (%)", title="Accuracy over training rows")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def _rows_axis(axes: Axes, sizes: np.ndarray) -> None:
    """A logarithmic axis whose ticks are the sizes that were trained."""
    axes.set_xscale("log")
    axes.set_xticks(sizes, [compact(size) for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("training rows")
    if len(sizes) == 1:
        axes.set_xlim(sizes[0] / 2, sizes[0] * 2)


def compact(rows: float) -> str:
    """A number of rows as an axis shows it.

    >>> [compact(rows) for rows in (900, 12500, 200000, 1464014)]
    ['900', '12.5k', '200k', '1.46M']
    """
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if rows >= unit:
            return f"{rows / unit:.3g}{name}"
    return f"{rows:.0f}"


def comparison(table: pd.DataFrame, *, metric: str = "accuracy") -> Figure:
    """Models beside one another on each split: a dot and its 95 % interval.

    Args:
        table: columns split, model, rows, `metric`, `metric`_low, `metric`_high; in the order to show.
        metric: a share, shown in per cent.
    """
    import matplotlib.pyplot as plt

    splits, models = list(dict.fromkeys(table["split"])), list(dict.fromkeys(table["model"]))
    height = 1.1 + 0.32 * len(table)
    figure, all_axes = plt.subplots(len(splits), 1, figsize=(8, height), sharex=True, squeeze=False)
    for split, axes in zip(splits, all_axes[:, 0], strict=True):
        part = table[table["split"] == split].set_index("model").loc[models]
        for position, (_, line) in enumerate(part.iterrows()):
            color = MODEL if position == 0 else BASELINE
            _dot(axes, len(models) - position, line, metric=metric, color=color, marker="o" if position == 0 else "s")
        axes.set_yticks(range(len(models), 0, -1), models)
        axes.set_title(f"{split}, {int(part['rows'].iloc[0]):,} rows", fontsize=10)
        axes.set_ylim(0.4, len(models) + 0.6)
        axes.grid(axis="x")
    all_axes[-1, 0].set_xlabel(f"{metric.replace('_', ' ')} (%), 95 % interval")
    all_axes[0, 0].margins(x=0.12)
    return figure


def _dot(axes: Axes, position: float, line: pd.Series, *, metric: str, color: str, marker: str) -> None:
    value, low, high = (100 * line[name] for name in (metric, f"{metric}_low", f"{metric}_high"))
    axes.errorbar(value, position, xerr=[[value - low], [high - value]], fmt=marker, color=color, elinewidth=1.5)
    axes.annotate(
        f"{value:.1f}",
        (value, position),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color=DARK,
    )


def slices(table: pd.DataFrame, *, overall: float) -> Figure:
    """Accuracy by kind of text, worst first, with the overall accuracy as a line.

    Args:
        table: columns slice, rows, accuracy, low, high and worse, from `slices.tested`.
        overall: accuracy on all rows.
    """
    import matplotlib.pyplot as plt

    table = table.sort_values("accuracy", ascending=False).reset_index(drop=True)
    figure, axes = plt.subplots(figsize=(8, 1 + 0.27 * len(table)))
    axes.axvline(100 * overall, color=GREY, linestyle=":", linewidth=1.2)
    axes.annotate(
        f"all rows, {100 * overall:.1f} %",
        (100 * overall, len(table) - 0.35),
        color=GREY,
        fontsize=8,
        ha="left",
        xytext=(4, 0),
        textcoords="offset points",
    )
    spread = [100 * (table["accuracy"] - table["low"]), 100 * (table["high"] - table["accuracy"])]
    for worse, shade in ((True, MODEL), (False, GREY)):
        part = np.flatnonzero(table["worse"] == worse)
        errors = [np.asarray(side)[part] for side in spread]
        axes.errorbar(100 * table["accuracy"][part], part, xerr=errors, fmt="o", color=shade, elinewidth=1.5)
    names = [f"{name}  ({rows:,})" for name, rows in zip(table["slice"], table["rows"], strict=True)]
    axes.set_yticks(range(len(table)), names)
    axes.set(
        xlabel="accuracy (%), 95 % interval", ylim=(-0.7, len(table) + 0.2), title="Accuracy by kind of text (rows)"
    )
    axes.grid(axis="x", color=LIGHT_GREY)
    axes.grid(axis="y", visible=False)
    return figure
