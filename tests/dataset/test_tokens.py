"""Vocabulary and encoded rows."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import (
    count_tokens,
    coverage,
    fit_vocabulary,
    read_vocabulary,
    write_vocabulary,
)

TEXTS = ["good good day", "bad day", "", "so many many words here today", "good"]


@pytest.fixture
def split(tmp_path):
    table = pa.table({"row": [7, 3, 5, 1, 9], "text": TEXTS, "label": pa.array([1, 0, 1, 0, 1], pa.int8())})
    pq.write_table(table, tmp_path / "train.parquet", row_group_size=2)
    return tmp_path / "train.parquet"


def test_vocabulary_is_fitted_on_the_first_rows_only(split):
    assert count_tokens(split, size=2) == Counter({"good": 2, "day": 2, "bad": 1})


def test_most_frequent_tokens_get_ids_and_ties_are_alphabetical():
    counts = Counter({"b": 3, "a": 3, "c": 5, "rare": 1})
    assert fit_vocabulary(counts, maximum_size=4, minimum_count=2) == ["", "[UNK]", "c", "a"]
    assert fit_vocabulary(counts, maximum_size=99, minimum_count=2) == ["", "[UNK]", "c", "a", "b"]


@pytest.mark.parametrize(("counts", "size"), [({"a": 1}, 99), ({}, 99), ({"a": 5}, 2)])
def test_an_empty_vocabulary_is_refused(counts, size):
    with pytest.raises(ValueError, match=r"minimum_count|vocabulary_size 2"):
        fit_vocabulary(Counter(counts), maximum_size=size, minimum_count=2)


def test_vocabulary_survives_the_disk(tmp_path):
    words = ["", "[UNK]", "a", "\u2028", "é"]
    write_vocabulary(words, tmp_path / "vocabulary.txt")
    assert read_vocabulary(tmp_path / "vocabulary.txt") == words


def test_encodes_known_unknown_empty_and_too_long_texts():
    ids, lengths = tokens.Encoder(["", "[UNK]", "good"], sequence_length=2).encode(
        pa.array(["GOOD day", "", "good good good"])
    )
    assert ids.tolist() == [2, 1, 1, 2, 2]
    assert lengths.tolist() == [2, 1, 2]


def test_encoded_rows_are_memory_mapped_and_come_back(split, tmp_path):
    encoder = tokens.Encoder(["", "[UNK]", "good", "day"], sequence_length=4)
    summary = tokens.encode_split(split, tmp_path / "encoded", encoder=encoder, size=4)
    encoded = tokens.open_encoded(tmp_path / "encoded")
    assert isinstance(encoded.ids, np.memmap)
    assert encoded.ids.dtype == np.uint16
    assert encoded.padded(np.array([2, 0, 3]), length=5).tolist() == [[1, 0, 0, 0, 0], [2, 2, 3, 0, 0], [1, 1, 1, 1, 0]]
    assert encoded.labels.tolist() == [1, 0, 1, 0]
    assert encoded.rows.tolist() == [7, 3, 5, 1]
    assert summary["rows"] == 4
    assert summary["tokens"] == 10
    assert summary["truncated_rate"] == 0.25
    assert encoded.head(2).lengths.tolist() == [3, 2]


def test_missing_encoded_rows_name_the_stage_that_makes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="03_tokenize"):
        tokens.open_encoded(tmp_path / "nothing")


def test_coverage_counts_occurrences_not_words():
    counts = Counter({"a": 6, "b": 3, "c": 1})
    assert coverage(counts, ["", "[UNK]", "a", "b", "c"], [1, 2, 99]) == {1: 0.6, 2: 0.9, 99: 1.0}
    assert coverage(counts, ["", "[UNK]", "b", "zzz"], [1, 2]) == {1: 0.3, 2: 0.3}


def test_lengths_are_right_beyond_two_billion_tokens():
    offsets = np.array([2**31 - 3, 2**31 + 4, 2**33, 2**33 + 64, 2**33 + 65])
    rows = tokens.EncodedRows(np.zeros(0, np.uint16), offsets, np.zeros(4, np.int8), np.arange(4))
    assert rows.lengths.dtype == np.int32
    assert rows.lengths[[0, 2, 3]].tolist() == [7, 64, 1]
