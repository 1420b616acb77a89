"""From a raw file to splits that do not leak, in two passes over it; memory holds a few bytes for each row.

The first pass (`survey`) sets the unusable rows aside and keeps a hash of each text and a label. From these
`splitting` decides which row goes where. The second pass writes the rows to their places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import cleaning, division, holdouts, placing, provenance, splitting, tables
from pipelines.dataset.provenance import Source
from pipelines.dataset.shuffle import BucketShuffle
from pipelines.dataset.splitting import SPLITS
from pipelines.dataset.survey import NO_KEYS, REJECTED_SCHEMA, Survey, survey

KEY_VERSION = 1  # raise it when `text.duplicate_key` changes what counts as the same text


@dataclass(frozen=True)
class Plan:
    """Where each kept row goes.

    Attributes:
        rows: int64 [kept], numbers in the raw file, ascending.
        split: uint8 [kept], a position in `splitting.SPLITS`.
        place: int64 [kept], place in the split.
        named: row → (rows, positive rows) of the largest groups, to be shown.
        counts, balance, held_out, repeats: for the manifest.
    """

    rows: np.ndarray
    split: np.ndarray
    place: np.ndarray
    named: dict[int, tuple[int, int]]
    counts: dict[str, int]
    balance: dict[str, tuple[int, int]]
    held_out: dict
    repeats: dict


def prepare(
    dataset: artifacts.Dataset, *, test_rows: int | None = None, validation_rows: int | None = None, seed: int = 7
) -> dict:
    """Make the splits of a data set, whole or not at all.

    Args:
        dataset: its raw folder is there.
        test_rows, validation_rows: None for the defaults, see `splitting.split_sizes`.
        seed: of the shuffle.

    Returns:
        The manifest, also written as splits/manifest.json.

    Raises:
        SourceError: the raw files are missing or changed, or too few usable rows are left.
    """
    source = provenance.load(dataset)
    if source.extends:
        from pipelines.dataset import extension

        return extension.extend(dataset, source, test_rows=test_rows, validation_rows=validation_rows, seed=seed)
    with artifacts.lock(dataset.splits), artifacts.folder_written_whole(dataset.splits) as folder:
        with pq.ParquetWriter(folder / dataset.rejected.name, REJECTED_SCHEMA) as rejected:
            manual = survey(source, "manual", rejected) if "manual" in source.files else None
            train = survey(source, "train", rejected, times_and_users=source.holdout in ("later", "users"))
        plan = _plan(source, train, manual, rows_wanted=(test_rows, validation_rows), seed=seed)
        found = _write_splits(source, plan, folder=folder)
        if manual:
            _write_manual(source, folder / dataset.split("manual").name)
            plan.balance["manual"] = balance_of(manual.labels)
        counts = counts_of(train, manual, groups=plan.counts, balance=plan.balance, finished=found["counts"])
        manifest = manifest_of(source, seed=seed, counts=counts, balance=plan.balance, folder=folder)
        manifest |= {"largest_groups": found["groups"], "repeats": plan.repeats}
        manifest |= {"holdout": source.holdout, "held_out": plan.held_out}
        artifacts.write_json(folder / dataset.manifest.name, manifest)
    return manifest


def _plan(source: Source, train: Survey, manual: Survey | None, *, rows_wanted: tuple, seed: int) -> Plan:
    groups = splitting.group(train.keys, train.labels, manual_keys=manual.keys if manual else NO_KEYS)
    if source.holdout == "leaky":
        groups = splitting.ungrouped(groups)
    kept = groups.fate == splitting.KEPT
    divided = division.divide(source, train, kept, rows_wanted=rows_wanted, seed=seed)
    used = divided.split != holdouts.LEFT_OUT
    rows, labels, split = train.rows[kept][used], train.labels[kept][used], divided.split[used]
    balance = {name: balance_of(labels[split == number]) for number, name in enumerate(splitting.SPLITS)}
    named = {int(train.rows[position]): (count, positive) for position, count, positive in groups.largest}
    counts = groups.counts | {"kept": len(rows)} | ({} if used.all() else {"left_out": int((~used).sum())})
    return Plan(rows, split, divided.place[used], named, counts, balance, divided.facts, groups.repeats)


def balance_of(labels: np.ndarray) -> tuple[int, int]:
    """How many are 0 and how many 1."""
    negative, positive = np.bincount(labels, minlength=2).tolist()
    return negative, positive


def _write_splits(source: Source, plan: Plan, *, folder: Path) -> dict:
    """The second pass: rows of the raw file to their places, and the texts of the largest groups."""
    with placing.scratch(folder) as scratch:
        shuffles = {name: BucketShuffle(scratch / name, cleaning.SCHEMA, sum(plan.balance[name])) for name in SPLITS}
        found = placing.spread(
            source, plan.rows, split=plan.split, place=plan.place, named=plan.named, shuffles=shuffles
        )
        for name, shuffle in shuffles.items():
            shuffle.write(folder / f"{name}.parquet")
    return found


def _write_manual(source: Source, path: Path) -> None:
    """The manual test set as it is: its negative and positive rows in the order of the file."""
    with pq.ParquetWriter(path, cleaning.SCHEMA) as parquet:
        for batch in tables.read(source, "manual"):
            usable = cleaning.judge(batch, source).rows
            wanted = np.flatnonzero(np.isin(batch.table["row"].to_numpy(), usable))
            parquet.write_table(cleaning.finish(batch.table.take(pa.array(wanted)), source)[0])


def counts_of(
    train: Survey, manual: Survey | None, *, groups: dict[str, int], balance: dict[str, tuple], finished: Counter
) -> dict[str, int]:
    """Every step's rows, by name.

    Raises:
        RuntimeError: they do not add up.
    """
    rows = {name: sum(classes) for name, classes in balance.items()}
    names = ("read", "rejected", "neutral", "repaired_encoding", "repaired_in_part", "without_words")
    counts = {name: train.counts[name] for name in names} | groups | dict(finished) | rows
    if manual:
        counts |= {f"manual_{name}": manual.counts[name] for name in ("read", "neutral", "rejected")}
    left = ("rejected", "neutral", "conflict_rows", "overlap_with_manual", "duplicates_removed", "left_out")
    left = (*left, *splitting.SPLITS)
    if counts["read"] != sum(counts.get(name, 0) for name in left):
        raise RuntimeError(
            f"rows got lost: {counts['read']} read, but {[(name, counts.get(name, 0)) for name in left]}"
        )
    return counts


def manifest_of(source: Source, *, seed: int, counts: dict, balance: dict, folder: Path) -> dict:
    """What splits/manifest.json holds of any data set."""
    return {
        "dataset": source.dataset,
        "kind": source.kind,
        "origin": source.origin,
        "sha256": source.sha256,
        "raw": source.contents,
        "labels": source.labels,
        "seed": seed,
        "key_version": KEY_VERSION,
        "counts": counts,
        "class_balance": {name: list(classes) for name, classes in balance.items()},
        "files": {name: artifacts.sha256(folder / f"{name}.parquet") for name in balance},
    }
