"""The tests hold their level, see what is there, and agree with what can be worked out another way."""

import numpy as np
import pytest
from scipy import sparse, stats

from pipelines.operation import two_samples


def presence(rows, *, new_share, seed=0):
    """Rows of 40 words; the last word stands in a tenth of the old rows and in `new_share` of the new ones."""
    generator = np.random.default_rng(seed)
    is_new = np.arange(rows) >= rows // 2
    dense = generator.random((rows, 40)) < 0.1
    dense[is_new, -1] = generator.random(is_new.sum()) < new_share
    return sparse.csr_array(dense.astype(np.float32)), is_new


def classified(rows, *, new_share, seed=0):
    matrix, is_new = presence(rows, new_share=new_share, seed=seed)
    return two_samples.domain_classifier(matrix, is_new, permutations=499, seed=seed)


def test_the_classifier_finds_a_word_and_nothing_where_there_is_nothing():
    found = classified(800, new_share=0.6)
    assert found.statistic > 0.6
    assert found.p_value == 1 / 500  # no deal of 499 comes near
    without = [classified(400, new_share=0.1, seed=seed).p_value for seed in range(100)]
    assert np.sum(np.array(without) <= 0.05) <= stats.binom.ppf(0.9999, 100, 0.05)


def test_the_classifier_s_area_and_null_are_those_of_mann_and_whitney():
    generator = np.random.default_rng(0)
    scores, is_new = generator.normal(size=120).round(1), np.arange(120) >= 70  # rounded: with ties
    scores[is_new] += 0.3
    found = two_samples.ranked_higher(scores, is_new, permutations=1999, seed=0)
    expected = stats.mannwhitneyu(scores[is_new], scores[~is_new], alternative="greater")
    assert found.statistic == pytest.approx(expected.statistic / (70 * 50), abs=1e-12)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.02)
    assert found.null.mean() == pytest.approx(0.5, abs=0.01)


def test_a_commoner_word_is_found_and_only_it():
    matrix, is_new = presence(600, new_share=0.4)
    tested, p_values = two_samples.commoner(matrix, is_new)
    assert tested[p_values <= 0.01].tolist() == [39]
    rarer = two_samples.commoner(matrix, ~is_new)[1]
    assert rarer[39] == 1  # a word that vanishes is none that is commoner


def test_commoner_is_the_exact_tail():
    dense = np.zeros((20, 1), np.float32)
    dense[10:17] = 1
    _, p_values = two_samples.commoner(sparse.csr_array(dense), np.arange(20) >= 10)
    expected = stats.fisher_exact([[7, 3], [0, 10]], alternative="greater").pvalue
    assert p_values[0] == pytest.approx(expected)


def test_the_stability_index_is_nothing_for_the_same_and_large_for_others():
    scores = np.linspace(0, 1, 1001)
    assert two_samples.population_stability(scores, scores) == 0
    assert two_samples.population_stability(scores, scores**3) > 0.25
    assert np.isfinite(two_samples.population_stability(scores, np.full(50, 0.5)))


def test_the_stability_index_is_that_of_its_formula():
    reference, new = np.array([0.2, 0.8] * 500), np.array([0.2] * 300 + [0.8] * 700)
    expected = (0.3 - 0.5) * np.log(0.3 / 0.5) + (0.7 - 0.5) * np.log(0.7 / 0.5)
    assert two_samples.population_stability(reference, new, bins=2) == pytest.approx(expected, abs=0.002)


def test_the_least_change_of_a_share_is_newcombe_s():
    # Newcombe (1998), table II, (a): 56/70 − 48/80, 95 % from 0.0524 on.
    old, new = np.arange(80) < 48, np.arange(70) < 56
    assert two_samples.least_change(old, new) == pytest.approx(0.0524, abs=0.0001)


def test_holm_corrects_step_by_step():
    assert two_samples.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert two_samples.holm([0.9, 0.9]) == [1, 1]


def test_shares_and_lengths_without_any_spread_are_no_reason_to_fail():
    nothing = np.zeros(100, bool)
    assert two_samples.fisher(nothing, nothing) == 1
    assert two_samples.mann_whitney(nothing.astype(float), nothing.astype(float))[1] == 1
