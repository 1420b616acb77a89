"""Texts as numbers: once a vocabulary is there, the ids that an encoder gives."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import corpus, text, tokens, vocabulary

LENGTH = 6
TEXTS = ("I am glad glad glad", "", "sooo glad about the sun and the beach and the cake", "sun", *text.UGLY)


@pytest.fixture
def split(tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "BATCH_ROWS", 3)  # tokens are met again in later batches
    monkeypatch.setattr(corpus, "TOKENS_AT_ONCE", 5)
    path = tmp_path / "train.parquet"
    rows = len(TEXTS)
    pq.write_table(pa.table({"row": range(rows), "text": TEXTS, "label": pa.array([0] * rows, pa.int8())}), path)
    return path


@pytest.mark.parametrize("maximum_size", [5, 100])
def test_ids_are_those_of_an_encoder(split, tmp_path, maximum_size):
    read = corpus.Corpus(split, tmp_path, sequence_length=LENGTH)
    words = vocabulary.fit_vocabulary(read.counts, maximum_size=maximum_size, minimum_count=1)
    found = read.encoded(words)
    tokens.encode_split(split, tmp_path / "encoded", encoder=tokens.Encoder(words, sequence_length=LENGTH))
    wanted = tokens.open_encoded(tmp_path / "encoded")
    assert len(found) == len(wanted) == len(TEXTS)
    assert found.lengths.max() == LENGTH
    np.testing.assert_array_equal(found.offsets, wanted.offsets)
    np.testing.assert_array_equal(found.ids, wanted.ids)
    assert found.ids.dtype == wanted.ids.dtype == np.uint16


def test_counts_are_those_of_all_tokens(split, tmp_path):
    counts = corpus.Corpus(split, tmp_path, sequence_length=LENGTH).counts
    assert counts == vocabulary.count_tokens(split)
    assert counts["the"] == 3  # two of them beyond what is kept
