"""The texts of a split as numbers, read once, before a vocabulary is known that has ids for them.

Normalising is what takes time, and a vocabulary needs all texts before the first can be encoded. So each token gets a
number when it is first seen, the numbers go to the disk, and become ids when the vocabulary is there.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines.dataset.tokens import EncodedRows, Encoder, batches, side_by_side, split_tokens

TOKENS_AT_ONCE = 1 << 22


class Corpus:
    """The texts of a split as numbers in a folder.

    Args:
        split: a Parquet file of `artifacts.Dataset.split`, of which all texts are read.
        folder: for numbers.bin and ids.bin, which hold all tokens one after another, and offsets.bin.
        sequence_length: tokens of a text that are kept.

    Attributes:
        counts: how often each token stands in the texts, also beyond `sequence_length`.
    """

    def __init__(self, split: Path, folder: Path, *, sequence_length: int) -> None:
        self.folder, self.sequence_length = folder, sequence_length
        self.counts: Counter[str] = Counter()
        self._numbers: dict[str, int] = {}
        tokens = 0
        with (folder / "numbers.bin").open("wb") as file, (folder / "offsets.bin").open("wb") as offsets:
            np.zeros(1, np.int64).tofile(offsets)
            parts = side_by_side(lambda batch: _split(batch, sequence_length), batches(split, columns=["text"]))
            for words, occurrences, places, lengths in tqdm(parts, desc="reading texts", unit=" batches"):
                self.counts.update(dict(zip(words, occurrences.tolist(), strict=True)))
                numbers = [self._numbers.setdefault(word, len(self._numbers)) for word in words]
                np.array(numbers, np.int32)[places].tofile(file)
                ends = tokens + np.cumsum(lengths)
                ends.tofile(offsets)
                tokens = int(ends[-1])
        self.counts.pop("", None)

    def encoded(self, vocabulary: list[str]) -> EncodedRows:
        """The texts by the ids of a vocabulary, as `tokens.Encoder` gives them; no labels, no numbers of rows."""
        encoder = Encoder(vocabulary, sequence_length=self.sequence_length)
        ids = encoder.ids(pa.array(list(self._numbers)))  # in the order of their numbers
        numbers = np.memmap(self.folder / "numbers.bin", np.int32, mode="r")
        with (self.folder / "ids.bin").open("wb") as file:
            for start in range(0, len(numbers), TOKENS_AT_ONCE):
                ids[numbers[start : start + TOKENS_AT_ONCE]].tofile(file)
        offsets = np.memmap(self.folder / "offsets.bin", np.int64, mode="r")
        nothing = np.broadcast_to(np.int8(0), len(offsets) - 1)
        return EncodedRows(np.memmap(file.name, ids.dtype, mode="r"), offsets, nothing, nothing)


def _split(batch: pa.RecordBatch, length: int) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Tokens of some texts: the different ones, how often each stands there, its place among them for the first
    `length` tokens of each text, int32 [tokens], and how many those are, int64 [texts]."""
    lists = split_tokens(batch["text"])
    tokens = pc.list_flatten(lists).dictionary_encode()
    occurrences = np.bincount(tokens.indices.to_numpy(), minlength=len(tokens.dictionary))
    kept = pc.list_slice(pa.ListArray.from_arrays(lists.offsets, tokens.indices), 0, length)
    lengths = pc.list_value_length(kept).to_numpy().astype(np.int64)
    return tokens.dictionary.to_pylist(), occurrences, pc.list_flatten(kept).to_numpy(), lengths
