"""Which words stand near which, and what follows from it: counts, their surprise, and vectors of few dimensions.

Words that keep the same company get vectors that point the same way. No label and no gradient is needed: positive
pointwise mutual information, then a truncated singular value decomposition (Levy, Goldberg & Dagan, "Improving
distributional similarity with lessons learned from word embeddings", TACL 2015).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from pipelines.dataset.tokens import EncodedRows, side_by_side

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ROWS_AT_ONCE = 65_536
WORDS_AT_ONCE = 4_096
# Rare neighbours would look more telling than they are: Levy et al. smooth the frequency of neighbours by this power.
SMOOTHING = 0.75


def followers(rows: EncodedRows, *, words: int, distances: range) -> csr_matrix:
    """How often each word follows each other one within a text.

    Args:
        rows: encoded texts.
        words: ids there are.
        distances: places to the right at which neighbours count.

    Returns:
        float32 [words, words], sparse; [i, j] counts how often j stands at one of these places after i.
    """
    from scipy.sparse import csr_matrix

    def counted(start: int) -> csr_matrix:
        offsets = rows.offsets[start : start + ROWS_AT_ONCE + 1]
        ids = np.asarray(rows.ids[offsets[0] : offsets[-1]], np.int32)
        text = np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
        pairs = [_apart(ids, text, distance) for distance in distances]
        first, second = (np.concatenate(side) for side in zip(*pairs, strict=True))
        ones = np.ones(len(first), np.float32)
        return csr_matrix((ones, (first, second)), shape=(words, words))  # repeated pairs are summed

    total = csr_matrix((words, words), dtype=np.float32)
    starts = range(0, len(rows), ROWS_AT_ONCE)
    parts = side_by_side(counted, starts)  # scipy sorts outside Python's lock
    for part in tqdm(parts, total=len(starts), desc=f"counting {len(distances)} neighbours", unit=" parts"):
        total += part
    return total


def _apart(ids: np.ndarray, text: np.ndarray, distance: int) -> tuple[np.ndarray, np.ndarray]:
    together = text[distance:] == text[:-distance]
    return ids[:-distance][together], ids[distance:][together]


def surprise(counts: csr_matrix) -> csr_matrix:
    """Positive pointwise mutual information of counts, the columns' frequency smoothed: the same shape, sparser."""
    counts = counts.tocoo()
    row = np.bincount(counts.row, weights=counts.data, minlength=counts.shape[0])
    column = np.bincount(counts.col, weights=counts.data, minlength=counts.shape[1]) ** SMOOTHING
    column /= column.sum()
    information = np.log(counts.data / (row[counts.row] * column[counts.col])).astype(np.float32)
    counts.data = np.maximum(information, 0)
    counts = counts.tocsr()
    counts.eliminate_zeros()
    return counts


def reduced(matrix: csr_matrix, dimensions: int) -> np.ndarray:
    """The rows of a matrix in few dimensions: U √S of its truncated singular value decomposition, which is exact.

    With columns few enough for a square of them to fit into memory, that is the eigenvectors of the columns' products.

    Args:
        matrix: float32 [rows, columns], sparse; up to some thousands of columns.
        dimensions: those of the largest singular values; fewer where there are fewer rows or columns.

    Returns:
        float32 [rows, dimensions].
    """
    from scipy.linalg import eigh

    columns, dimensions = matrix.shape[1], min(dimensions, *matrix.shape)
    products = np.zeros((columns, columns), np.float32)
    for start in tqdm(range(0, matrix.shape[0], WORDS_AT_ONCE), desc="decomposing", unit=" parts"):
        part = matrix[start : start + WORDS_AT_ONCE].toarray()
        products += part.T @ part
    squares, directions = eigh(products, subset_by_index=[columns - dimensions, columns - 1])
    directions = _pointing(directions[:, ::-1])
    squares = np.maximum(squares[::-1], np.finfo(np.float32).eps * squares[-1])  # rounding may leave less than 0
    return matrix @ (directions * squares**-0.25).astype(np.float32)


def _pointing(directions: np.ndarray) -> np.ndarray:
    """Eigenvectors, whose sign is left open: each with its largest element above 0."""
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])
