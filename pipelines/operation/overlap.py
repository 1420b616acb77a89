"""Which texts of a file stand in the training split of a data set, by the key that finds duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import survey


@dataclass(frozen=True)
class Overlap:
    """Rows of a file that stand in a training split.

    Attributes:
        in_split: bool [rows], anywhere in it: word vectors read all of it, without its labels.
        learned: bool [rows], among the rows whose labels the model learned from.
    """

    in_split: np.ndarray
    learned: np.ndarray


def with_training(keys: np.ndarray, dataset: artifacts.Dataset, *, rows_train: int) -> Overlap | None:
    """Look the texts of a file up in the training split; None where that is not on this machine.

    Memory holds some bytes for each row of the file, and a batch of the split.

    Args:
        keys: uint64 [rows], of `survey.hash_keys`.
        rows_train: the model learned from the first so many rows of the split.
    """
    path = dataset.split("train")
    if not path.exists():
        return None
    distinct, place = np.unique(keys, return_inverse=True)
    first = np.full(len(distinct) + 1, np.iinfo(np.int64).max)  # the first row of the split with that text
    start = 0
    with tqdm(total=pq.read_metadata(path).num_rows, desc=f"training split of {dataset.name}", **survey.BAR) as bar:
        for batch, found in survey.hashed(path):
            where = np.searchsorted(distinct, found)
            same = distinct[np.minimum(where, len(distinct) - 1)] == found
            np.minimum.at(first, where[same], start + np.flatnonzero(same))
            start += batch.num_rows
            bar.update(batch.num_rows)
    return Overlap(first[place] < start, first[place] < rows_train)
