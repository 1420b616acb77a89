"""What every figure shares: the style, the colours, and saving. Data goes in, a matplotlib figure comes out.

each notebook has a module or two: `training` draws 04, `evaluation` and `scores` 05 and 06, `search` 09.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.artifacts import written_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by colour-blind readers; blue and vermilion differ in greyscale too.
NEGATIVE, POSITIVE = "#D55E00", "#0072B2"
CLASSES = (NEGATIVE, POSITIVE)
CLASS_NAMES = ("negative", "positive")
MODEL, BASELINE, ACCENT = "#0072B2", "#555555", "#E69F00"
GREY, LIGHT_GREY, DARK = "#888888", "#D0D0D0", "#333333"
TRAINING_LINE, VALIDATION_LINE = "--", "-"
STYLE = Path(__file__).resolve().parents[1] / "house.mplstyle"
DOTS_PER_INCH = 150


def style() -> None:
    """Apply the house style to every figure drawn from now on; call it once, in a notebook's second code cell."""
    import matplotlib.pyplot as plt

    plt.style.use(STYLE)
    plt.rcParams["figure.max_open_warning"] = 0  # the notebook's back end closes them; a style file may not hold this


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as PNG, whole, and leave it open: a notebook shows it under the cell.

    Args:
        figure: drawn by a function of this package.
        path: ends in .png; its folder is made.

    Raises:
        ValueError: `path` has another suffix.
    """
    path = Path(path)
    if path.suffix != ".png":
        raise ValueError(f"figure path {path}: must end in .png")
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH)
