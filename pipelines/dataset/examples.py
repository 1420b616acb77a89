"""Texts to look at; names of users are masked."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts
from pipelines.dataset import tokens

CLASSES = ("negative", "positive")


def mask_names(texts: pa.Array) -> list[str]:
    """Texts with the names of users replaced by @user."""
    return pc.replace_substring_regex(texts, pattern=r"@\w+", replacement="@user").to_pylist()


def by_feature(path: Path, features: dict[str, str], *, rows: int = tokens.BATCH_ROWS) -> pd.DataFrame:
    """A text of each class for each feature, from the first rows of a split; "–" where there is none.

    Args:
        path: a split.
        features: name → RE2 pattern.
        rows: how many rows to look at.
    """
    batch = next(tokens.batches(path, columns=["text", "label"], size=rows))
    found = {}
    for name, pattern in features.items():
        holding = batch.filter(pc.match_substring_regex(batch["text"], pattern))
        firsts = [holding.filter(pc.equal(holding["label"], label))["text"].slice(0, 1) for label in (0, 1)]
        found[name] = [(mask_names(first) or ["–"])[0] for first in firsts]
    return pd.DataFrame(found, index=list(CLASSES)).T


def beyond_latin(dataset: artifacts.Dataset, number: int = 6) -> list[str]:
    """The first training texts that hold signs beyond latin-1, which a repaired encoding brings back."""
    batch = next(tokens.batches(dataset.split("train"), columns=["text"]))
    foreign = batch.filter(pc.match_substring_regex(batch["text"], r"[^\x{0}-\x{ff}\x{fffd}]"))
    return mask_names(foreign["text"].slice(0, number))
