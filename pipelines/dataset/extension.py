"""The splits of a data set's next version: the splits before it, and the rows of one more labelled file.

    train        old rows, and in between new ones: any prefix holds the classes in balance, and of each class as many
                 new rows as old ones until the new ones are used up, so that a smaller run learns from them too
    validation   the same
    test         every row that was a test row before, unchanged; no new one
    new_test     a share of the new rows
    manual       as before

No new row repeats a text of an older split, or one that was set aside since it has both labels. Rows are numbered on
after those of the files before.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.dataset import addition, cleaning, placing, prepare, splitting, tokens
from pipelines.dataset.addition import Addition
from pipelines.dataset.provenance import Source
from pipelines.dataset.shuffle import BucketShuffle
from pipelines.dataset.splitting import KEPT
from pipelines.dataset.survey import REJECTED_SCHEMA

TEST_SHARE, VALIDATION_SHARE = 0.25, 0.1  # of the new rows: what is held out of a few must tell two models apart
SPLIT_NAMES = {"train": "train", "validation": "validation", "test": "new_test"}  # of new rows → where they go


def extend(
    dataset: artifacts.Dataset, source: Source, *, test_rows: int | None, validation_rows: int | None, seed: int
) -> dict:
    """Make the splits of a version, whole or not at all.

    Args:
        dataset: the version; source: its raw file, and what it extends.
        test_rows, validation_rows: of the new rows; None for a quarter and a tenth, and no more than Sentiment140 has.
        seed: of the shuffle of new rows.

    Returns:
        The manifest, also written. Its counts are those of all files together; "added" holds those of this one.

    Raises:
        SourceError: too few new rows are left for the splits.
    """
    before = artifacts.Dataset(source.extends)
    known = artifacts.read_json(before.manifest)
    with artifacts.lock(dataset.splits), artifacts.folder_written_whole(dataset.splits) as folder:
        with pq.ParquetWriter(folder / dataset.rejected.name, REJECTED_SCHEMA) as rejected:
            found = addition.find(source, rejected)
        labels = found.labels
        taken = sizes(labels, test_rows=test_rows, validation_rows=validation_rows)
        split, place = splitting.assign(labels, sizes=taken, seed=seed)
        balance = {name: prepare.balance_of(labels[split == n]) for n, name in enumerate(splitting.SPLITS)}
        written = _write(source, found, split, place, folder=folder, first_row=known["counts"]["read"])
        added = prepare.counts_of(found.survey, None, groups=found.counts, balance=balance, finished=written["counts"])
        _copy_tests(before, known, folder)
        manifest = _manifest(source, known, added=added, balance=balance, seed=seed, folder=folder)
        manifest["largest_groups"] = written["groups"]
        artifacts.write_json(folder / dataset.manifest.name, manifest)
    return manifest


def merged(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order of old and new rows in one split.

    Within each class they alternate until one side is used up; each side keeps its own order. The classes are then
    interleaved like those of any split.

    Args:
        old, new: int8 [old], [new]: labels, in the order of each.

    Returns:
        The places of the old and of the new rows: int64 [old], [new].

    >>> merged(np.array([0, 1, 0, 1]), np.array([0, 1]))
    (array([0, 1, 4, 5]), array([2, 3]))
    """
    by_class = []
    for label in (0, 1):
        sides = np.flatnonzero(old == label), len(old) + np.flatnonzero(new == label)
        turn = np.concatenate([np.arange(len(side)) for side in sides])
        by_class.append(np.concatenate(sides)[np.argsort(turn, kind="stable")])
    order = np.concatenate(by_class)[splitting.interleave(*map(len, by_class))]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return place[: len(old)], place[len(old) :]


def sizes(
    labels: np.ndarray, *, test_rows: int | None = None, validation_rows: int | None = None
) -> dict[str, tuple[int, int]]:
    """How many of the new rows are held out, see `splitting.split_sizes`.

    Raises:
        SourceError: too few rows of a class.
    """
    shares = ((test_rows, TEST_SHARE, splitting.DEFAULT_TEST_ROWS),)
    shares += ((validation_rows, VALIDATION_SHARE, splitting.DEFAULT_VALIDATION_ROWS),)
    test, validation = (
        rows if rows is not None else min(max(2, round(share * len(labels))), most) for rows, share, most in shares
    )
    kept = prepare.balance_of(labels)
    return splitting.split_sizes(kept, official=False, test_rows=test, validation_rows=validation)


def _write(
    source: Source, found: Addition, split: np.ndarray, place: np.ndarray, *, folder: Path, first_row: int
) -> dict:
    """New rows to their splits, between the old ones; see `placing.spread` for what is returned."""
    before, kept = artifacts.Dataset(source.extends), found.fate == KEPT
    labels, place = found.labels, place.copy()
    with placing.scratch(folder) as scratch:
        shuffles = {}
        for number, name in enumerate(splitting.SPLITS):
            mine = np.flatnonzero(split == number)
            mine = mine[np.argsort(place[mine])]
            old = found.old_labels[name] if name != "test" else np.zeros(0, np.int8)
            old_place, place[mine] = merged(old, labels[mine])
            shuffles[name] = BucketShuffle(scratch / name, cleaning.SCHEMA, len(old) + len(mine))
            if len(old):
                _take_in(shuffles[name], before.split(name), old_place)
        rows = found.survey.rows[kept]
        written = placing.spread(
            source, rows, split=split, place=place, named=found.named, shuffles=shuffles, first_row=first_row
        )
        for name, shuffle in shuffles.items():
            shuffle.write(folder / f"{SPLIT_NAMES[name]}.parquet")
    return written


def _take_in(shuffle: BucketShuffle, path: Path, places: np.ndarray) -> None:
    start = 0
    for batch in tokens.batches(path, columns=cleaning.SCHEMA.names):
        shuffle.add(_table(batch), places[start : start + len(batch)])
        start += len(batch)


def _table(batch: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([batch]).cast(cleaning.SCHEMA)  # Parquet knows no seconds and gives milliseconds back


def _copy_tests(before: artifacts.Dataset, known: dict, folder: Path) -> None:
    """All earlier test rows into one file; where there is but one, byte for byte."""
    if "manual" in known["files"]:
        shutil.copyfile(before.split("manual"), folder / "manual.parquet")
    if "new_test" not in known["files"]:
        shutil.copyfile(before.split("test"), folder / "test.parquet")
        return
    with pq.ParquetWriter(folder / "test.parquet", cleaning.SCHEMA, compression="zstd") as parquet:
        for name in ("test", "new_test"):
            for batch in tokens.batches(before.split(name), columns=cleaning.SCHEMA.names):
                parquet.write_table(_table(batch))


def _manifest(source: Source, known: dict, *, added: dict, balance: dict, seed: int, folder: Path) -> dict:
    classes = {name: np.array(counts) for name, counts in known["class_balance"].items()}
    for name in ("train", "validation"):
        classes[name] = classes[name] + balance[name]
    classes["test"] = classes["test"] + classes.get("new_test", 0)
    classes["new_test"] = np.array(balance["test"])
    balance = {name: tuple(counts.tolist()) for name, counts in classes.items()}
    counts = {name: known["counts"].get(name, 0) + added.get(name, 0) for name in [*known["counts"], *added]}
    counts |= {name: sum(pair) for name, pair in balance.items()}
    manifest = prepare.manifest_of(source, seed=seed, counts=counts, balance=balance, folder=folder)
    new = {SPLIT_NAMES.get(name, name): rows for name, rows in added.items()}
    manifest["raw"] = known["raw"] | {source.dataset: source.contents[source.files["train"]]}
    manifest["extends"] = {"dataset": source.extends, "files": known["files"]}
    manifest |= {"repeats": known["repeats"], "holdout": source.holdout, "held_out": {}}
    return manifest | {"added": new | {"file": source.origin, "first_row": known["counts"]["read"]}}
