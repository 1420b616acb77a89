"""What a labelled file adds to a data set: the rows whose texts it has not seen, neither in a split nor set aside."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import lineage, splitting
from pipelines.dataset.provenance import Source, SourceError, load
from pipelines.dataset.splitting import CONFLICT, DUPLICATE, IN_MANUAL, KEPT
from pipelines.dataset.survey import NO_KEYS, REJECTED_SCHEMA, Survey, survey, survey_split


@dataclass(frozen=True)
class Addition:
    """What the file of a version adds.

    Attributes:
        survey: its usable rows.
        fate: uint8 [usable], see `splitting`; a row that an older split holds is DUPLICATE, or CONFLICT where that one
            has the other label, or where its text was set aside since it has both.
        counts: rows and groups of each kind, and of the rows that left "repeats_of_old" and "conflicts_with_old".
        named: row → (rows, positive rows) of the largest groups.
        old_labels: split → int8 [rows], of the version before.
    """

    survey: Survey
    fate: np.ndarray
    counts: dict[str, int]
    named: dict[int, tuple[int, int]]
    old_labels: dict[str, np.ndarray]

    @property
    def labels(self) -> np.ndarray:
        """Of the rows that are new: int8 [new]."""
        return self.survey.labels[self.fate == KEPT]

    @property
    def rows(self) -> int:
        """How many rows are new."""
        return int((self.fate == KEPT).sum())


def look(dataset: artifacts.Dataset) -> Addition:
    """What the imported file of a version would add, before anything is written."""
    with _nowhere() as rejected:
        return find(load(dataset), rejected)


@contextmanager
def _nowhere() -> Iterator[pq.ParquetWriter]:
    """For rejected rows that are told elsewhere."""
    with tempfile.TemporaryFile() as aside, pq.ParquetWriter(aside, REJECTED_SCHEMA) as rejected:
        yield rejected


def find(source: Source, rejected: pq.ParquetWriter) -> Addition:
    """The same for whoever writes splits; `rejected` takes the unusable rows (`REJECTED_SCHEMA`)."""
    before = artifacts.Dataset(source.extends)
    new = survey(source, "train", rejected)
    old = {name: survey_split(before.split(name)) for name in artifacts.read_json(before.manifest)["files"]}
    groups = splitting.group(new.keys, new.labels, manual_keys=old.pop("manual", (NO_KEYS, None))[0])
    keys, labels = (np.concatenate(part) for part in zip(*old.values(), strict=True))
    fate = against(groups.fate, new.keys, new.labels, old_keys=keys, old_labels=labels)
    fate[(fate != IN_MANUAL) & ~np.isin(new.keys, keys) & np.isin(new.keys, set_aside(before))] = CONFLICT
    changed = fate != groups.fate
    counts = groups.counts | {
        "conflict_rows": int((fate == CONFLICT).sum()),
        "duplicates_removed": int((fate == DUPLICATE).sum()),
        "kept": int((fate == KEPT).sum()),
        "repeats_of_old": int((changed & (fate == DUPLICATE)).sum()),
        "conflicts_with_old": int((changed & (fate == CONFLICT)).sum()),
    }
    named = {int(new.rows[position]): (rows, positive) for position, rows, positive in groups.largest}
    return Addition(new, fate, counts, named, {name: labels for name, (_, labels) in old.items()})


def set_aside(dataset: artifacts.Dataset) -> np.ndarray:
    """Hashes of the texts that left a data set, or a version before it, since they have both labels: uint64 [texts].

    The splits do not hold them, so the raw files are read again, one after the other. One that is no longer there is
    told: a text that left it may come back, as if it had never been seen.
    """
    older = lineage.extended(dataset)
    found = set_aside(older) if older else NO_KEYS
    try:
        source = load(dataset)
    except SourceError as error:
        print(f"texts that {dataset.name} holds with both labels are not known: {error}")
        return found
    with _nowhere() as rejected:
        mine = survey(source, "train", rejected)
    fate = splitting.group(mine.keys, mine.labels, manual_keys=NO_KEYS).fate
    return np.union1d(found, mine.keys[fate == CONFLICT])


def against(
    fate: np.ndarray, keys: np.ndarray, labels: np.ndarray, *, old_keys: np.ndarray, old_labels: np.ndarray
) -> np.ndarray:
    """The fate of new rows once older ones are known too; the older ones stay where they are.

    Args:
        fate: uint8 [new], from `splitting.group` of the new rows alone; keys: uint64 [new]; labels: int8 [new].
        old_keys: uint64 [old], each once; old_labels: int8 [old].
    """
    order = np.argsort(old_keys)
    place = np.searchsorted(old_keys[order], keys).clip(max=max(len(order) - 1, 0))
    if not len(order):
        return fate.copy()
    match = order[place]
    repeats = (old_keys[match] == keys) & np.isin(fate, (KEPT, DUPLICATE))
    return np.where(repeats, np.where(old_labels[match] == labels, DUPLICATE, CONFLICT), fate).astype(np.uint8)
