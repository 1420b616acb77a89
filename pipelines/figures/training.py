"""Figures of one training: loss and accuracy over epochs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.figures import BASELINE, GREY, MODEL, TRAINING_LINE, VALIDATION_LINE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def learning_curves(history: pd.DataFrame, *, baselines: dict[str, float] | None = None) -> Figure:
    """Loss and accuracy over epochs: training dashed, validation solid, the best epoch (least validation loss) marked.

    Args:
        history: columns epoch (from 1), loss, accuracy, validation_loss, validation_accuracy; one row an epoch.
        baselines: name → validation accuracy, drawn as horizontal lines.
    """
    import matplotlib.pyplot as plt

    figure, (losses, accuracies) = plt.subplots(1, 2, figsize=(9.6, 3.9))
    _curves(losses, history, column="loss", scale=1)
    _curves(accuracies, history, column="accuracy", scale=100)
    losses.set(ylabel="loss (nats)", title="Loss over epochs")
    accuracies.set(ylabel="accuracy (%)", title="Accuracy over epochs")
    for name, accuracy in (baselines or {}).items():
        baseline_line(accuracies, f"{name}, {100 * accuracy:.1f} %", level=100 * accuracy)
    losses.legend(loc="best")
    return figure


def _curves(axes: Axes, history: pd.DataFrame, *, column: str, scale: float) -> None:
    epochs = history["epoch"]
    marker = "o" if len(history) <= 20 else ""
    style = {"color": MODEL, "marker": marker, "markersize": 4}
    axes.plot(epochs, scale * history[column], TRAINING_LINE, alpha=0.75, label="training (with dropout)", **style)
    axes.plot(epochs, scale * history[f"validation_{column}"], VALIDATION_LINE, label="validation", **style)
    best = history["validation_loss"].idxmin()
    point = epochs[best], scale * history.loc[best, f"validation_{column}"]
    axes.axvline(point[0], color=GREY, linewidth=1, linestyle=(0, (1, 3)))
    axes.plot(*point, "o", markersize=10, markerfacecolor="none", markeredgecolor=MODEL, label="best epoch, kept")
    axes.set(xlabel="epoch", xlim=(epochs.min() - 0.5, epochs.max() + 0.5))
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def baseline_line(axes: Axes, name: str, *, level: float) -> None:
    """A labelled line at a baseline's level, or a note where drawing it to scale would flatten everything else.

    Args:
        axes: with the curves drawn.
        name: the label, with its number.
        level: in units of the y axis.
    """
    low, high = axes.get_ylim()
    ground = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1}  # curves may pass behind it
    style = {"color": BASELINE, "fontsize": 8, "bbox": ground, "zorder": 5}
    if level < low - (high - low) / 2:
        axes.text(0.99, 0.02, f"{name}, below this axis ↓", transform=axes.transAxes, ha="right", **style)
        return
    axes.axhline(level, color=BASELINE, linewidth=1.2, linestyle=":")
    place = {"xy": (0.02, level), "xycoords": ("axes fraction", "data")}
    axes.annotate(name, **place, xytext=(0, 3), textcoords="offset points", **style)
