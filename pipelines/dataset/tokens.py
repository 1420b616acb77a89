"""Encoded rows: the texts of a split in, memory-mapped token ids out.

Encoded rows are four arrays in a folder, so that memory does not grow with their number:

    ids.bin      uint16 or int32, the ids of all rows one after another (its dtype stands in encoding.json)
    offsets.npy  int64 [rows + 1], row i is ids[offsets[i] : offsets[i + 1]]
    labels.npy   int8 [rows], 0 negative, 1 positive
    rows.npy     int64 [rows], the number of the row in its raw file
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import parquet_columns, text

BATCH_ROWS = 32_768
UNKNOWN_ID = 1
In, Out = TypeVar("In"), TypeVar("Out")


@dataclass(frozen=True)
class EncodedRows:
    """Token ids of a split, read from the disk as they are needed.

    Attributes:
        ids: uint16 or int32 [tokens], memory-mapped.
        offsets: int64 [rows + 1].
        labels: int8 [rows].
        rows: int64 [rows], numbers in the raw file.
    """

    ids: np.ndarray
    offsets: np.ndarray
    labels: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """int32 [rows], tokens in each row; at least 1."""
        # Without an int64 array on the way; differences are right where the offsets outgrow an int32, too.
        return np.subtract(self.offsets[1:], self.offsets[:-1], dtype=np.int32, casting="unsafe")

    def head(self, rows: int) -> EncodedRows:
        """The first rows, without copying."""
        offsets = self.offsets[: rows + 1]
        return EncodedRows(self.ids[: offsets[-1]], offsets, self.labels[:rows], self.rows[:rows])

    def between(self, start: int, stop: int) -> EncodedRows:
        """The rows from `start` up to, not including, `stop`, without copying."""
        return EncodedRows(self.ids, self.offsets[start : stop + 1], self.labels[start:stop], self.rows[start:stop])

    def padded(self, indices: np.ndarray, *, length: int) -> np.ndarray:
        """Rows as one rectangle, padded on the right with 0: int32 [len(indices), length]."""
        starts = self.offsets[indices][:, None]
        positions = starts + np.arange(length)
        inside = positions < self.offsets[indices + 1][:, None]
        return np.where(inside, self.ids[np.minimum(positions, len(self.ids) - 1)], 0).astype(np.int32)


def batches(path: Path, *, columns: list[str], size: int | None = None) -> Iterator[pa.RecordBatch]:
    """Read the first `size` rows of a split, some thousands at a time.

    Args:
        path: a Parquet file of `artifacts.Dataset.split`.
        columns: the columns to read.
        size: rows to read; None for all.
    """
    left = size if size is not None else pq.read_metadata(path).num_rows
    with parquet_columns.opened(path) as file:
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
            if left <= 0:
                return
            yield batch.slice(0, left)
            left -= batch.num_rows


def side_by_side(function: Callable[[In], Out], items: Iterable[In], *, threads: int = 2) -> Iterator[Out]:
    """What a function makes of each item, in their order; a few at a time, so that memory stays bounded.

    pyarrow works outside Python's lock: two threads normalise twice as many texts as one.
    """
    with ThreadPoolExecutor(threads) as pool:
        under_way = deque()
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) > threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def split_tokens(texts: pa.Array) -> pa.Array:
    """Normalised texts to lists of tokens: list<string> [rows]; an empty text is one empty token."""
    return pc.split_pattern(text.normalise(texts), " ")


class Encoder:
    """Texts to token ids by a fixed vocabulary.

    >>> Encoder(["", "[UNK]", "good"], sequence_length=64).encode(pa.array(["GOOD day", ""]))
    ([2, 1, 1], [2, 1])
    """

    def __init__(self, vocabulary: list[str], *, sequence_length: int) -> None:
        self.words = pa.array(vocabulary[2:])
        self.sequence_length = sequence_length
        self.dtype = np.dtype(np.uint16 if len(vocabulary) <= 2**16 else np.int32)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Encode texts, string [rows].

        Returns:
            ids [tokens] of all rows one after another, and lengths int64 [rows]. A row holds 1 … sequence_length ids;
            a text without a token is one unknown id, so that no row is nothing but padding.
        """
        lists = pc.list_slice(split_tokens(texts), 0, self.sequence_length)
        lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        return self.ids(pc.list_flatten(lists)), lengths

    def ids(self, tokens: pa.Array) -> np.ndarray:
        """The id of each token, `dtype` [tokens]; UNKNOWN_ID for one that the vocabulary has not."""
        ids = pc.add(pc.index_in(tokens, value_set=self.words), 2)
        return pc.fill_null(ids, UNKNOWN_ID).to_numpy(zero_copy_only=False).astype(self.dtype)


def encode_split(path: Path, folder: Path, *, encoder: Encoder, size: int | None = None) -> dict:
    """Encode the first `size` rows of a split into `folder`, whole or not at all.

    Returns:
        {"rows", "tokens", "unknown_rate", "truncated_rate", "dtype", "sequence_length"}, also in encoding.json.
    """
    rows = pq.read_metadata(path).num_rows
    rows = rows if size is None else min(size, rows)
    tokens = unknown = truncated = 0
    with artifacts.folder_written_whole(folder) as temporary:
        with ExitStack() as stack:
            file = stack.enter_context((temporary / "ids.bin").open("wb"))
            offsets = stack.enter_context(_array_file(temporary / "offsets.npy", np.int64, rows + 1))
            labels = stack.enter_context(_array_file(temporary / "labels.npy", np.int8, rows))
            numbers = stack.enter_context(_array_file(temporary / "rows.npy", np.int64, rows))
            offsets(np.zeros(1))
            source = batches(path, columns=["text", "label", "row"], size=rows)
            encoded = side_by_side(lambda batch: (batch, *encoder.encode(batch["text"])), source)
            for batch, ids, lengths in tqdm(encoded, desc=f"encoding {path.stem}", unit=" batches"):
                ids.tofile(file)
                offsets(tokens + np.cumsum(lengths))
                labels(batch["label"].to_numpy())
                numbers(batch["row"].to_numpy())
                tokens += len(ids)
                unknown += int((ids == UNKNOWN_ID).sum())
                truncated += int((lengths == encoder.sequence_length).sum())
        summary = {
            "rows": rows,
            "tokens": tokens,
            "unknown_rate": unknown / max(tokens, 1),
            "truncated_rate": truncated / max(rows, 1),
            "dtype": encoder.dtype.name,
            "sequence_length": encoder.sequence_length,
        }
        artifacts.write_json(temporary / "encoding.json", summary)
    return summary


@contextmanager
def _array_file(path: Path, dtype: type, length: int) -> Iterator[Callable[[np.ndarray], None]]:
    """A .npy file of one dimension, written piece by piece by what is yielded: memory holds a piece at a time."""
    with path.open("wb") as file:
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": (length,)}
        np.lib.format.write_array_header_1_0(file, header)
        yield lambda piece: piece.astype(dtype).tofile(file)


def open_encoded(folder: Path) -> EncodedRows:
    """Memory-map the encoded rows in `folder`.

    Raises:
        FileNotFoundError: the folder is not there; says which stage makes it.
    """
    if not (folder / "encoding.json").exists():
        raise FileNotFoundError(f"no encoded rows in {folder}: run 03_tokenize for this size first")
    dtype = artifacts.read_json(folder / "encoding.json")["dtype"]
    arrays = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("offsets", "labels", "rows"))
    return EncodedRows(np.memmap(folder / "ids.bin", dtype=dtype, mode="r"), *arrays)
