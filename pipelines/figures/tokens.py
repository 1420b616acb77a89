"""Figures of notebook 03: how much a vocabulary knows, and how long tweets are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.figures import ACCENT, DARK, GREY, MODEL

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def coverage_curves(curves: dict[str, dict[int, float]], *, chosen: int) -> Figure:
    """Share of unknown tokens against the size of the vocabulary, one line a split.

    Args:
        curves: name of the split → {vocabulary size: share of token occurrences that it knows}.
        chosen: the vocabulary size in use, marked.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    for (name, curve), style, colour in zip(curves.items(), ("--", "-"), (GREY, MODEL), strict=True):
        sizes, unknown = np.array(list(curve)), 100 * (1 - np.array(list(curve.values())))
        axes.plot(sizes, unknown, style, color=colour, label=f"{name}: {unknown[-1]:.1f} % at {sizes[-1]:,} words")
    axes.axvline(chosen, color=ACCENT, linestyle=":")
    axes.annotate(f"{chosen:,} ids in use  ", (chosen, 0.5), xycoords=("data", "axes fraction"), ha="right", color=DARK)
    axes.set(xscale="log", xlabel="vocabulary size (ids, most frequent first)", ylabel="tokens that are unknown (%)")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.set_title("A larger vocabulary knows more, but gains less with each step")
    return figure


def length_histogram(lengths: np.ndarray, *, edges: tuple[int, ...], padding_share: float) -> Figure:
    """How many tokens tweets have, with the edges that batches are padded to.

    Args:
        lengths: int [rows], tokens in each row.
        edges: padded lengths.
        padding_share: share of padding in all batches of an epoch.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    counts = np.bincount(lengths, minlength=edges[-1] + 1)
    axes.bar(np.arange(len(counts)), counts, width=1, color=MODEL, edgecolor="white", linewidth=0.3)
    for edge in edges:
        axes.axvline(edge + 0.5, color=ACCENT, linewidth=1)
        axes.annotate(
            str(edge), (edge + 0.5, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=8
        )
    axes.set(xlabel="tokens in a tweet", ylabel="tweets", xlim=(0, edges[-1] + 2))
    axes.set_title(f"Bucket edges (orange) keep padding at {100 * padding_share:.0f} % of a batch", pad=18)
    return figure
