"""Words and pairs of neighbouring words as a sparse TF-IDF matrix, built by array operations in bounded memory.

The same weighting as scikit-learn's `TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)`, save that an
n-gram must occur twice rather than in two rows. Numbers instead of Python strings make it several times faster, and
what is fitted is plain arrays, which can be kept without pickle.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from pipelines.dataset import tokens

MINIMUM_COUNT = 2  # what occurs once tells two classes apart by chance only


@dataclass(frozen=True)
class NGrams:
    """The fitted n-grams: column i < len(words) is a word, the columns after them are pairs.

    Attributes:
        words: string [words].
        pairs: int64 [pairs], sorted; first word × len(words) + second word.
        idf: float32 [words + pairs], inverse document frequency.
    """

    words: pa.Array
    pairs: np.ndarray
    idf: np.ndarray

    def transform(self, texts: pa.Array) -> sparse.csr_array:
        """TF-IDF of raw texts: float32 [rows, words + pairs], each row of length 1 (or 0 where nothing is known)."""
        lists = tokens.split_tokens(texts)
        ids = pc.fill_null(pc.index_in(pc.list_flatten(lists), value_set=self.words), -1)
        return weighted(count(ids.to_numpy(zero_copy_only=False), _lengths(lists), self), self.idf)


def fit(texts: Iterable[pa.Array], *, minimum_count: int = MINIMUM_COUNT) -> tuple[NGrams, sparse.csr_array]:
    """Find the n-grams of raw texts and weigh them.

    Args:
        texts: batches of string [rows]; only token numbers are kept of each.
        minimum_count: n-grams that occur less often are left out.

    Returns:
        The n-grams, and the TF-IDF matrix of all texts, float32 [rows, words + pairs].

    Raises:
        ValueError: no word occurs that often.
    """
    words, ids, lengths = _read(texts)
    counts = np.bincount(ids, minlength=len(words))
    if len(words):
        counts[np.asarray(pc.equal(words, ""))] = 0
    known = counts >= minimum_count
    if not known.any():
        raise ValueError(f"no word occurs {minimum_count} times in {len(lengths)} texts; give more rows")
    ids = np.where(known, np.cumsum(known) - 1, -1).astype(np.int32)[ids]
    codes, often = np.unique(_pairs(ids, lengths, words=int(known.sum()))[0], return_counts=True)
    fitted = NGrams(words.filter(pa.array(known)), codes[often >= minimum_count], np.zeros(0, np.float32))
    matrix = count(ids, lengths, fitted)
    rows = matrix.shape[0]
    # Smoothed as if one more row held every n-gram (scikit-learn's smooth_idf).
    idf = np.log((1 + rows) / (1 + np.bincount(matrix.indices, minlength=matrix.shape[1]))) + 1
    fitted = NGrams(fitted.words, fitted.pairs, idf.astype(np.float32))
    return fitted, weighted(matrix, fitted.idf)


def _read(texts: Iterable[pa.Array]) -> tuple[pa.Array, np.ndarray, np.ndarray]:
    """All words, the number of the word at each place (int32 [tokens]), and words in each row (int64 [rows])."""
    places, lengths = [], [np.zeros(0, np.int64)]
    for batch in texts:
        lists = tokens.split_tokens(batch)
        places.append(pc.list_flatten(lists).dictionary_encode())
        lengths.append(_lengths(lists))
    if not places:
        raise ValueError("no texts to fit n-grams on")
    chunks = pa.chunked_array(places).unify_dictionaries().chunks
    ids = np.concatenate([chunk.indices.to_numpy() for chunk in chunks])
    return chunks[-1].dictionary, ids, np.concatenate(lengths)


def _lengths(lists: pa.Array) -> np.ndarray:
    return pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)


def _pairs(ids: np.ndarray, lengths: np.ndarray, *, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes of neighbouring known words of the same row (int64), and the row of each (int32)."""
    row = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    together = (row[1:] == row[:-1]) & (ids[1:] >= 0) & (ids[:-1] >= 0)
    return ids[:-1][together].astype(np.int64) * words + ids[1:][together], row[1:][together]


def count(ids: np.ndarray, lengths: np.ndarray, ngrams: NGrams) -> sparse.csr_array:
    """How often each n-gram stands in each row.

    Args:
        ids: int32 [tokens], column of the word at each place, -1 where it is unknown.
        lengths: int64 [rows], places in each row.
        ngrams: the columns.

    Returns:
        float32 [rows, words + pairs].
    """
    rows, words = len(lengths), len(ngrams.words)
    row = np.repeat(np.arange(rows, dtype=np.int32), lengths)
    singles = _matrix(ids[ids >= 0], row[ids >= 0], shape=(rows, words))
    codes, pair_row = _pairs(ids, lengths, words=words)
    columns = np.searchsorted(ngrams.pairs, codes)
    columns[columns == len(ngrams.pairs)] = 0
    known = ngrams.pairs[columns] == codes if len(ngrams.pairs) else np.zeros(len(codes), bool)
    doubles = _matrix(columns[known], pair_row[known], shape=(rows, len(ngrams.pairs)))
    return sparse.hstack([singles, doubles], format="csr")


def _matrix(columns: np.ndarray, row: np.ndarray, *, shape: tuple[int, int]) -> sparse.csr_array:
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=shape[0]))]).astype(np.int32)
    ones = np.ones(len(columns), np.float32)
    matrix = sparse.csr_array((ones, columns.astype(np.int32), starts), shape=shape)
    matrix.sum_duplicates()
    return matrix


def weighted(counts: sparse.csr_array, idf: np.ndarray) -> sparse.csr_array:
    """Counts to TF-IDF, in place: (1 + log count) × idf, each row scaled to length 1 (Salton and Buckley 1988).

    Args:
        counts: float32 [rows, columns].
        idf: float32 [columns].
    """
    counts.data = (1 + np.log(counts.data)) * idf[counts.indices]
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    norms = np.sqrt(np.bincount(row, weights=np.square(counts.data), minlength=counts.shape[0]))
    counts.data /= np.repeat(norms, np.diff(counts.indptr)).astype(np.float32)
    return counts
