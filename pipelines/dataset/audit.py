"""Look at finished splits with fresh eyes: read back what was written, and say what is wrong with it."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import examples
from pipelines.dataset.survey import survey_split

MOST_SHOWN = 80  # characters of a rejected row's shape
FATES = {
    "rejected": "not usable (kept aside)",
    "neutral": "neutral",
    "conflict_rows": "text occurs with both labels",
    "overlap_with_manual": "text is in the manual test set",
    "duplicates_removed": "repeats an earlier text",
    "left_out": "held out by neither side (days, users, surplus of a label)",
}


def steps(manifest: dict) -> list[tuple[str, int]]:
    """What left on the way from the raw file to the splits: (reason in words, rows)."""
    counts = manifest["counts"]
    return [(words, counts[name]) for name, words in FATES.items() if name in counts]


def table(manifest: dict) -> pd.DataFrame:
    """The rows at each step: index step, columns rows and percent of the raw rows."""
    counts = manifest["counts"]
    rows = [("read", counts["read"]), *((f"– {words}", -gone) for words, gone in steps(manifest))]
    splits = [name for name in ("train", "validation", "test", "new_test") if name in counts]
    rows += [("= kept", counts["kept"]), *((f"   {name}", counts[name]) for name in splits)]
    frame = pd.DataFrame(rows, columns=["step", "rows"]).set_index("step")
    return frame.assign(percent=(100 * frame["rows"] / max(counts["read"], 1)).round(2))


def rejected(dataset: artifacts.Dataset) -> pd.DataFrame:
    """How many rows were set aside for each reason, and the first of them: columns reason, rows, first_row, shape.

    This is shown and recorded, so no row is told as it stands: see `examples.shape`.
    """
    frame = pq.read_table(dataset.rejected).to_pandas()
    frame["reason"] = frame["file"] + ": " + frame["reason"]
    groups = frame.groupby("reason", sort=False)
    found = groups.agg(rows=("row", "size"), first_row=("row", "first"), line=("line", "first")).reset_index()
    shapes = [one[:MOST_SHOWN] for one in examples.shape(pa.array(found.pop("line"), pa.string()))]
    found = found.assign(reason=examples.mask_names(pa.array(found["reason"], pa.string())), shape=shapes)
    return found.sort_values("rows", ascending=False, ignore_index=True)


def audit(dataset: artifacts.Dataset, manifest: dict) -> dict[str, float]:
    """Read the splits back and measure what must hold.

    Returns:
        shared_keys: texts (masked and folded) that stand in two splits; repeated_keys: twice in one of train,
        validation and test; wrong_counts: splits whose rows or classes are not those of the manifest; largest_drift:
        how far a prefix of the training rows strays from the classes' share, in percentage points, from 1,000 rows on.
    """
    seen = {name: survey_split(dataset.split(name)) for name in manifest["files"]}
    shared = sum(
        len(np.intersect1d(first, second)) for (first, _), (second, _) in itertools.combinations(seen.values(), 2)
    )
    repeated = sum(len(keys) - len(np.unique(keys)) for name, (keys, _) in seen.items() if name != "manual")
    found = {name: np.bincount(labels, minlength=2).tolist() for name, (_, labels) in seen.items()}
    return {
        "shared_keys": int(shared),
        "repeated_keys": int(repeated),
        "wrong_counts": sum(found[name] != manifest["class_balance"][name] for name in found),
        "largest_drift": prefix_drift(seen["train"][1]),
    }


def prefix_drift(labels: np.ndarray, *, start: int = 1000) -> float:
    """How far the share of positive labels in a prefix strays from that of the whole, in percentage points.

    Args:
        labels: int8 [rows], in training order.
        start: the shortest prefix that is looked at.
    """
    shares = 100 * np.cumsum(labels) / np.arange(1, len(labels) + 1)
    return float(np.abs(shares[start - 1 :] - shares[-1]).max()) if len(labels) >= start else 0.0
