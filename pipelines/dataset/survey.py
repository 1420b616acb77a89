"""The first pass over a raw file: a hash and a label of each usable row, and the unusable rows set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from pipelines.dataset import cleaning, tables, text, tokens
from pipelines.dataset.provenance import Source

REJECTED_SCHEMA = pa.schema(
    [("file", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("line", pa.string())]
)
BAR = {"unit": " rows", "unit_scale": True, "mininterval": 1}  # of every pass over rows
NO_KEYS = np.zeros(0, np.uint64)
MASKS_ONLY = r"^(?:<(?:user|url)>|\s)*$"


@dataclass(frozen=True)
class Survey:
    """What is kept of the usable rows of a file: 17 bytes a row, and 16 more where time and user are asked for.

    Attributes:
        rows: int64 [usable], numbers in the raw file.
        labels: int8 [usable], 0 negative, 1 positive.
        keys: uint64 [usable], hashes of the duplicate keys.
        counts: rows read, rejected, neutral, repaired, without words.
        seconds: float64 [usable], UTC, NaN where no date is known; None where it is not asked for.
        users: uint64 [usable], hashes of the users' names, 0 where none is known; None where it is not asked for.
    """

    rows: np.ndarray
    labels: np.ndarray
    keys: np.ndarray
    counts: Counter[str]
    seconds: np.ndarray | None = None
    users: np.ndarray | None = None


def survey(source: Source, role: str, rejected: pq.ParquetWriter, *, times_and_users: bool = False) -> Survey:
    """Read a raw file once.

    Args:
        source: of the data set.
        role: "train" or "manual".
        rejected: takes the unusable rows (`REJECTED_SCHEMA`).
        times_and_users: whether to keep them.
    """
    rows, labels, keys, times, users, counts = [], [], [], [], [], Counter()

    def judge(batch: tables.Rows) -> tuple[tables.Rows, cleaning.Judged, np.ndarray]:
        judged = cleaning.judge(batch, source)
        return batch, judged, hash_keys(judged.keys)

    with tqdm(desc=f"reading {source.files[role]}", **BAR) as progress:
        for batch, judged, hashes in tokens.side_by_side(judge, tables.read(source, role)):
            rows.append(judged.rows)
            labels.append(judged.labels)
            keys.append(hashes)
            if times_and_users:
                usable = batch.table.filter(np.isin(batch.table["row"].to_numpy(), judged.rows)).combine_chunks()
                times.append(_seconds(usable))
                users.append(_users(usable))
            counts.update(judged.counts, without_words=_without_words(judged.keys))
            if judged.rejected:
                columns = [(role, one.row, one.reason, one.line) for one in judged.rejected]
                rejected.write_table(pa.table(list(map(list, zip(*columns, strict=True))), schema=REJECTED_SCHEMA))
            progress.update(judged.counts["read"])
    if not rows:
        return Survey(np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.uint64), counts)
    particulars = [np.concatenate(parts) if parts else None for parts in (times, users)]
    return Survey(np.concatenate(rows), np.concatenate(labels), np.concatenate(keys), counts, *particulars)


def _seconds(table: pa.Table) -> np.ndarray:
    dates, _ = cleaning.read_dates(pc.fill_null(table["date"].combine_chunks(), ""))
    return dates.cast(pa.int64()).cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)


def _users(table: pa.Table) -> np.ndarray:
    users = pc.fill_null(table["user"].combine_chunks(), "")
    return np.where(pc.equal(users, "").to_numpy(zero_copy_only=False), 0, hash_keys(users)).astype(np.uint64)


def survey_split(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the duplicate keys (uint64) and labels (int8) of a finished split, in its order: [rows] each."""
    keys, labels = [NO_KEYS], [np.zeros(0, np.int8)]
    read = hashed(path, "label")
    for batch, hashes in tqdm(read, desc=f"reading {path.stem} back", unit=" batches", mininterval=1):
        keys.append(hashes)
        labels.append(batch["label"].to_numpy())
    return np.concatenate(keys), np.concatenate(labels)


def hashed(path: Path, *more: str) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Batches of a finished split, in order: text and columns `more`, with hashes of the duplicate keys (uint64)."""
    source = tokens.batches(path, columns=["text", *more])
    return tokens.side_by_side(lambda batch: (batch, hash_keys(text.duplicate_key(batch["text"]))), source)


def hash_keys(keys: pa.Array) -> np.ndarray:
    """64-bit hashes of strings, uint64 [rows], the same in every process.

    Two different texts among 16 million share a hash with a probability of 7e-6.
    """
    from pandas.util import hash_array

    return hash_array(keys.to_numpy(zero_copy_only=False).astype(object), categorize=False)


def _without_words(keys: pa.Array) -> int:
    return pc.sum(pc.match_substring_regex(keys, MASKS_ONLY)).as_py() or 0
