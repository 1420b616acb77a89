"""Tests of whether two sets of rows come from the same source. Arrays in, numbers out; nothing of texts is known here.

Each holds its level in samples of any size that `drift.compare` allows: exactly (Fisher, hypergeometric, permutation)
or asymptotically on hundreds of rows (Kolmogorov and Smirnov, Mann and Whitney).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from pipelines.evaluation.metrics import wilson

PSI_BINS = 10
LEAST_ROWS_WITH_WORD = 5  # rarer words cannot tell two samples apart, and would only cost in the correction


@dataclass(frozen=True)
class Permuted:
    """A statistic beside what it would be if rows were dealt to the two sides by chance.

    Attributes:
        statistic: of the rows as they are.
        null: float64 [permutations].
    """

    statistic: float
    null: np.ndarray

    @property
    def p_value(self) -> float:
        """Share of deals that reach the statistic, itself counted, so that it is never 0 (Phipson and Smyth 2010)."""
        return float((1 + (self.null >= self.statistic).sum()) / (1 + len(self.null)))


def deals(generator: np.random.Generator, *, rows: int, new: int, count: int) -> np.ndarray:
    """Which rows chance deals to the new side, so many times: float32, 0 or 1 [rows, count]."""
    dealt = np.zeros((rows, count), np.float32)
    for column in range(count):
        dealt[generator.permutation(rows)[:new], column] = 1
    return dealt


def kolmogorov_smirnov(reference: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """Largest distance between the two distribution functions, and its p-value; ties make it careful, not wrong."""
    found = stats.ks_2samp(reference, new, method="asymp")
    return float(found.statistic), float(found.pvalue)


def mann_whitney(reference: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """Share of pairs in which the new row has more (ties count half), and the p-value, corrected for ties."""
    found = stats.mannwhitneyu(new, reference, method="asymptotic")
    p_value = float(found.pvalue)
    return float(found.statistic / (len(reference) * len(new))), 1.0 if np.isnan(p_value) else p_value


def fisher(reference: np.ndarray, new: np.ndarray) -> float:
    """Fisher's exact p-value for two shares; bool [rows] each."""
    table = [[int(side.sum()), int((~side).sum())] for side in (reference, new)]
    return float(stats.fisher_exact(table).pvalue)


def least_change(reference: np.ndarray, new: np.ndarray) -> float:
    """The lower end of the 95 % interval of new share − old share (Newcombe 1998, method 10); bool [rows] each."""
    (old, _, old_high), (now, now_low, _) = (
        (side.mean(), *wilson(side.mean(), len(side))) for side in (reference, new)
    )
    return float(now - old - np.hypot(now - now_low, old_high - old))


def population_stability(reference: np.ndarray, new: np.ndarray, *, bins: int = PSI_BINS) -> float:
    """Population stability index over the deciles of the reference: Σ (new − old) · ln(new / old).

    Up to 0.1 is read as no change, from 0.25 on as a large one (Siddiqi, "Credit Risk Scorecards", 2006). Half a row
    is added to each bin, so that an empty one does not make it infinite. It is a size, no test: two samples of n rows
    from one source have about 2 · (bins − 1) / n.
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, bins + 1)[1:-1]))
    shares = []
    for side in (reference, new):
        counts = np.bincount(np.searchsorted(edges, side, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(counts / counts.sum())
    old, now = shares
    return float(((now - old) * np.log(now / old)).sum())


def commoner(presence: sparse.csr_array, is_new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which columns stand in more of the new rows than chance explains: the exact hypergeometric tail, one-sided.

    Args:
        presence: 0 or 1 [rows, columns].
        is_new: bool [rows].

    Returns:
        Columns that were tested (int64), and their p-values times the number of them (Bonferroni), at most 1.
    """
    everywhere = np.bincount(presence.indices, minlength=presence.shape[1])
    tested = np.flatnonzero(everywhere >= LEAST_ROWS_WITH_WORD)
    among_new = np.bincount(presence[is_new].indices, minlength=presence.shape[1])[tested]
    tail = stats.hypergeom.sf(among_new - 1, len(is_new), everywhere[tested], int(is_new.sum()))
    return tested, np.minimum(tail * max(len(tested), 1), 1)


def domain_classifier(presence: sparse.csr_array, is_new: np.ndarray, *, permutations: int, seed: int) -> Permuted:
    """How well a classifier tells new rows from old ones by their words, on rows that it has not seen.

    Half of the rows train a naive Bayes classifier, the other half is ranked by it (Rabanser, Günnemann and Lipton,
    "Failing loudly", 2019). The null keeps the classifier and deals the held-out rows to the two sides anew: it has
    learned nothing of them, so that none needs to be trained again. Naive Bayes, as it is fitted by one sum and does
    well on few short texts (Wang and Manning 2012).

    Args:
        presence: 0 or 1 [rows, columns].
        is_new: bool [rows].
        permutations: deals of the held-out rows for the null.

    Returns:
        AUC on the held-out half (0.5: they cannot be told apart), beside those of chance.
    """
    from sklearn.naive_bayes import MultinomialNB

    train = _half_of_each(is_new, seed=seed)
    model = MultinomialNB().fit(presence[train], is_new[train])
    weights = model.feature_log_prob_[1] - model.feature_log_prob_[0]
    # Per word, so that a long text is not taken for a new one.
    held_out = presence[~train]
    words = np.maximum(np.diff(held_out.indptr), 1)
    return ranked_higher(held_out @ weights / words, is_new[~train], permutations=permutations, seed=seed)


def ranked_higher(scores: np.ndarray, is_new: np.ndarray, *, permutations: int, seed: int) -> Permuted:
    """AUC of scores for new rows, beside those of rows dealt to the two sides by chance.

    Args:
        scores: float [rows].
        is_new: bool [rows].
        permutations: deals of the rows for the null.
    """
    rows, new = len(is_new), int(is_new.sum())
    ranks = stats.rankdata(scores)  # ties share theirs; halves, so that sums of them are exact
    dealt = deals(np.random.default_rng(seed), rows=rows, new=new, count=permutations)
    sums = np.append(ranks[is_new].sum(), ranks @ dealt)
    areas = (sums - new * (new + 1) / 2) / (new * (rows - new))
    return Permuted(float(areas[0]), areas[1:])


def _half_of_each(is_new: np.ndarray, *, seed: int) -> np.ndarray:
    generator, chosen = np.random.default_rng(seed), np.zeros(len(is_new), bool)
    for side in (False, True):
        rows = generator.permutation(np.flatnonzero(is_new == side))
        chosen[rows[: len(rows) // 2]] = True
    return chosen


def calibration_error(reference: np.ndarray, new: np.ndarray, *, bins: tuple, permutations: int, seed: int) -> Permuted:
    """How much larger the calibration error of the new rows is, beside rows dealt by chance.

    Args:
        reference, new: float [rows], label − probability.
        bins: int [rows] of each side, the bin of its probability.
        permutations: deals of the rows for the null.
    """
    residuals, bin_of = np.concatenate([reference, new]), np.concatenate(bins)
    columns = np.arange(len(residuals))
    by_bin = sparse.csr_array((residuals, (bin_of, columns)), shape=(int(bin_of.max()) + 1, len(residuals)))
    generator = np.random.default_rng(seed)
    dealt = deals(generator, rows=len(residuals), new=len(new), count=permutations)
    dealt = np.column_stack([columns >= len(reference), dealt.astype(np.float64)])
    sums = by_bin @ dealt
    old = np.abs(by_bin.sum(axis=1)[:, None] - sums).sum(axis=0) / len(reference)
    found = np.abs(sums).sum(axis=0) / len(new) - old
    return Permuted(float(found[0]), found[1:])


def holm(p_values: list[float]) -> list[float]:
    """P-values that may be read one by one: corrected for their number (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    p_values = np.asarray(p_values, np.float64)
    order = np.argsort(p_values, kind="stable")
    steps = np.maximum.accumulate(p_values[order] * np.arange(len(order), 0, -1))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(steps, 1)
    return adjusted.tolist()
