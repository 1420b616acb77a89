"""Maximum mean discrepancy: how far two sets of rows lie apart in every direction at once, beside rows dealt by chance.

Unbiased MMD² (Gretton et al., "A kernel two-sample test", 2012), of vectors by a Gaussian kernel, of words by a linear
one. Dealing the same rows to the two sides anew gives the null, so that the level is exact.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from pipelines.operation.two_samples import Permuted, deals

EXAMPLES = 1_000  # rows a side from which the kernel's width is read
_DEALS = 256  # at a time: the sums of words take so many times the vocabulary


def of_vectors(reference: np.ndarray, new: np.ndarray, *, permutations: int, seed: int) -> Permuted:
    """That of two sets of vectors.

    The kernel is Gaussian, as wide as the median distance between rows. All permutations are one matrix product with
    the one kernel matrix. Shifting the kernel by a constant changes no MMD² and keeps float32 precise.

    Args:
        reference: float32 [m, width]; new: float32 [n, width].
        permutations: deals of the rows for the null.
    """
    rows = np.concatenate([reference, new]).astype(np.float32)
    generator = np.random.default_rng(seed)
    kernel = _gaussian(rows, generator)
    np.fill_diagonal(kernel, 0)
    pairs = len(rows) * (len(rows) - 1)
    kernel -= np.float32(kernel.sum(dtype=np.float64) / pairs)
    np.fill_diagonal(kernel, 0)
    dealt = deals(generator, rows=len(rows), new=len(new), count=permutations)
    dealt = np.column_stack([np.arange(len(rows)) >= len(reference), dealt])
    inside_new = np.einsum("ij,ij->j", dealt, kernel @ dealt, dtype=np.float64, casting="safe")
    touching_new = kernel.sum(axis=1, dtype=np.float64) @ dealt
    inside_old = kernel.sum(dtype=np.float64) - 2 * touching_new + inside_new
    found = _unbiased(inside_old, inside_new, touching_new - inside_new, old=len(reference), new=len(new))
    return Permuted(float(found[0]), found[1:])


def _gaussian(rows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The kernel matrix, float32 [rows, rows]."""
    rows = rows - rows.mean(axis=0)
    norms = np.einsum("ij,ij->i", rows, rows)
    squared = norms[:, None] - 2 * (rows @ rows.T) + norms[None, :]
    some = generator.permutation(len(rows))[:EXAMPLES]
    width = float(np.median(squared[np.ix_(some, some)][np.triu_indices(len(some), 1)]))
    squared /= -max(width, 1e-12)
    return np.exp(np.minimum(squared, 0, out=squared), out=squared)


def of_words(presence: sparse.csr_array, is_new: np.ndarray, *, permutations: int, seed: int) -> Permuted:
    """That of the words of two sets of rows; unlike a classifier it spends no rows on learning.

    A row is the vector of its words, each over its standard deviation, so that a rare word that comes weighs as much
    as a common one, and brought to length 1. With the product of two rows for a kernel, sums of rows are all it needs.

    Args:
        presence: 0 or 1 [rows, columns]; words of one row only, which cannot be in two, count for nothing.
        is_new: bool [rows].
        permutations: deals of the rows for the null.
    """
    rows, new = len(is_new), int(is_new.sum())
    old = rows - new
    vectors = _standardised(presence)
    lengths, everything = np.asarray(vectors.multiply(vectors).sum(axis=1)), np.asarray(vectors.sum(axis=0))
    generator, found = np.random.default_rng(seed), []
    for first in range(0, permutations + 1, _DEALS):
        dealt = deals(generator, rows=rows, new=new, count=min(_DEALS, permutations + 1 - first))
        if first == 0:
            dealt[:, 0] = is_new
        fresh = vectors.T @ dealt
        rest = everything[:, None] - fresh
        own = lengths @ dealt
        inside_new = np.einsum("ij,ij->j", fresh, fresh) - own
        inside_old = np.einsum("ij,ij->j", rest, rest) - (lengths.sum() - own)
        across = np.einsum("ij,ij->j", fresh, rest)
        found.append(_unbiased(inside_old, inside_new, across, old=old, new=new))
    every = np.concatenate(found).astype(np.float64)
    return Permuted(float(every[0]), every[1:])


def _unbiased(inside_old: np.ndarray, inside_new: np.ndarray, across: np.ndarray, *, old: int, new: int) -> np.ndarray:
    """MMD² of each deal, from its sums of the kernel over pairs of rows."""
    return inside_old / (old * (old - 1)) + inside_new / (new * (new - 1)) - 2 * across / (old * new)


def _standardised(presence: sparse.csr_array) -> sparse.csr_array:
    """Words over their standard deviations, rows of length 1 or 0: float32 [rows, words of two rows or more]."""
    counts = np.bincount(presence.indices, minlength=presence.shape[1])
    shared = np.flatnonzero((counts >= 2) & (counts < presence.shape[0]))
    shares = counts[shared] / presence.shape[0]
    vectors = presence[:, shared] @ sparse.diags_array(1 / np.sqrt(shares * (1 - shares)))
    lengths = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)))
    return (sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ vectors).tocsr().astype(np.float32)
