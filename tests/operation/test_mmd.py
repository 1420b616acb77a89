"""MMD² is that of its definition, keeps its level, and sees what is there."""

import numpy as np
import pytest
from scipy import sparse, stats

from pipelines.operation import mmd


def normal(rows, width=8, *, shift=0.0, seed=0):
    return (np.random.default_rng(seed).normal(size=(rows, width)) + shift).astype(np.float32)


def naive_mmd(kernel, is_new):
    """The definition, pair by pair."""
    inside = 0
    for side in (~is_new, is_new):
        part, rows = kernel[np.ix_(side, side)], side.sum()
        inside += (part.sum() - np.trace(part)) / (rows * (rows - 1))
    return inside - 2 * kernel[np.ix_(~is_new, is_new)].mean()


def naive_mmd_of_vectors(first, second):
    """With the same kernel."""
    rows = np.concatenate([first, second]).astype(np.float64)
    squared = ((rows[:, None] - rows[None]) ** 2).sum(-1)
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(len(rows), 1)]))
    return naive_mmd(kernel, np.arange(len(rows)) >= len(first))


def assert_keeps_its_level(p_value):
    """Of p-values, by seed, of sets that do not differ."""
    without = np.array([p_value(seed) for seed in range(60)])
    assert (without <= 0.05).sum() <= stats.binom.ppf(0.9999, 60, 0.05)
    assert 0.35 < without.mean() < 0.65


def test_mmd_is_that_of_its_definition_and_so_are_its_permutations():
    first, second = normal(30), normal(20, shift=0.3, seed=1)
    found = mmd.of_vectors(first, second, permutations=50, seed=0)
    assert found.statistic == pytest.approx(naive_mmd_of_vectors(first, second), abs=1e-6)
    generator, rows = np.random.default_rng(0), np.concatenate([first, second])
    generator.permutation(len(rows))  # the draw of the kernel's width
    new = generator.permutation(len(rows))[:20]
    old = np.setdiff1d(np.arange(len(rows)), new)
    assert found.null[0] == pytest.approx(naive_mmd_of_vectors(rows[old], rows[new]), abs=1e-6)


def test_mmd_sees_a_shift_and_keeps_its_level():
    def p_value(shift, seed):
        sides = normal(40, seed=2 * seed), normal(40, shift=shift, seed=2 * seed + 1)
        return mmd.of_vectors(*sides, permutations=199, seed=seed).p_value

    assert all(p_value(0.8, seed) <= 0.01 for seed in range(5))
    assert_keeps_its_level(lambda seed: p_value(0.0, seed))


def test_a_constant_set_of_vectors_is_no_reason_to_fail():
    same = np.ones((20, 3), np.float32)
    assert mmd.of_vectors(same, same, permutations=19, seed=0).p_value == 1


def words_of(rows, *, new_share, seed=0):
    """Rows of 40 words; ten of them stand in a tenth of the old rows and in `new_share` of the new ones."""
    generator = np.random.default_rng(seed)
    is_new = np.arange(rows) >= rows // 3
    dense = generator.random((rows, 40)) < 0.1
    dense[is_new, :10] = generator.random((is_new.sum(), 10)) < new_share
    return sparse.csr_array(dense.astype(np.float32)), is_new


def naive_mmd_of_words(presence, is_new):
    """Of rows of standardised words of length 1."""
    dense = presence.toarray().astype(np.float64)
    shares = dense.mean(axis=0)
    rows = dense / np.sqrt(shares * (1 - shares))
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return naive_mmd(rows @ rows.T, is_new)


def test_that_of_words_is_that_of_its_definition_and_so_are_its_permutations():
    presence, is_new = words_of(90, new_share=0.3)
    found = mmd.of_words(presence, is_new, permutations=300, seed=0)
    assert found.statistic == pytest.approx(naive_mmd_of_words(presence, is_new), abs=1e-6)
    generator, dealt = np.random.default_rng(0), np.zeros(90, bool)
    generator.permutation(90)  # drawn for the rows as they are, too
    dealt[generator.permutation(90)[: is_new.sum()]] = True
    assert found.null[0] == pytest.approx(naive_mmd_of_words(presence, dealt), abs=1e-6)
    assert len(found.null) == 300


def test_that_of_words_adds_up_small_changes_and_keeps_its_level():
    def p_value(new_share, seed):
        return mmd.of_words(*words_of(600, new_share=new_share, seed=seed), permutations=199, seed=seed).p_value

    assert all(p_value(0.17, seed) <= 0.01 for seed in range(5))
    assert_keeps_its_level(lambda seed: p_value(0.1, seed))


def test_words_that_stand_in_one_row_or_in_all_and_rows_without_words_are_no_reason_to_fail():
    dense = np.zeros((20, 3), np.float32)
    dense[:, 0] = 1
    dense[3, 1] = 1
    found = mmd.of_words(sparse.csr_array(dense), np.arange(20) >= 10, permutations=19, seed=0)
    assert found.p_value == 1
