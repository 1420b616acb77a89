"""One look: every test that can be made of new rows beside reference rows, corrected for their number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from pipelines.evaluation import calibration, metrics
from pipelines.operation import mmd, two_samples
from pipelines.operation.judgement import LEVEL, Finding, verdict
from pipelines.operation.traits import MARKS, Traits, together

LEAST_ROWS = 100  # fewer say nothing, whatever the test
MOST_ROWS = 5_000  # of each side; more cost time, and find differences too small to matter
PERMUTATIONS = 1_999  # the least p-value, 0.0005, times the number of tests stays below LEVEL
MMD_ROWS = 1_000  # of each side: the kernel matrix grows with their square


@dataclass(frozen=True)
class Comparison:
    """All tests of one look, and what the figures are drawn from.

    Attributes:
        findings: the tests that could be made, p-values corrected.
        stability: the population stability index of the scores.
        verdict: "steady", "watch" or "retrain".
        words: columns word, before, now (shares of rows), p_value; the words that are surely commoner, the surest
            first.
        discrepancy: MMD² and its null; None for a log of scores.
        rows: {"reference", "new", "labelled"} that were compared; "labelled" are new rows.
        labelled: the labelled rows of both sides, reference and new; None where a side has too few.
        least_change: the lower end of the 95 % interval of accuracy's change; None without `labelled`.
    """

    findings: list[Finding]
    stability: float
    verdict: str
    words: pd.DataFrame
    discrepancy: two_samples.Permuted | None
    rows: dict[str, int]
    labelled: tuple[Traits, Traits] | None
    least_change: float | None

    @cached_property
    def quality(self) -> dict[str, dict] | None:
        """What labels say of "reference" and "new", see `quality`; None where a side has too few."""
        if self.labelled is None:
            return None
        return {name: quality(side) for name, side in zip(("reference", "new"), self.labelled, strict=True)}

    def finding(self, test: str) -> Finding | None:
        """The finding of a test; None where it could not be made."""
        return next((one for one in self.findings if one.test == test), None)


def quality(rows: Traits, *, seed: int = 0) -> dict[str, object]:
    """Accuracy and calibration error of labelled rows, each with its 95 % interval.

    Returns:
        "rows", "accuracy" with Wilson's "accuracy_interval", "calibration_error" and "calibration_error_interval".
    """
    right = int(metrics.correct(rows.labels, rows.probabilities).sum())
    return {
        "rows": len(rows),
        **calibration.share("accuracy", right, len(rows)),
        "calibration_error": calibration.expected_calibration_error(rows.labels, rows.probabilities),
        "calibration_error_interval": calibration.error_interval(rows.labels, rows.probabilities, seed=seed),
    }


def compare(
    reference: Traits,
    new: Traits,
    *,
    labelled: Traits | None = None,
    seed: int = 0,
    permutations: int = PERMUTATIONS,
) -> Comparison:
    """Compare new rows with reference rows, each at most `MOST_ROWS` of them, drawn by `seed`.

    Args:
        reference, new: fair samples of their sources.
        labelled: new rows with labels, where they were drawn apart; None: those among `new`.
        permutations: deals of the rows for the tests that need them.

    Raises:
        ValueError: a side has fewer than `LEAST_ROWS` rows.
    """
    for name, side in (("reference", reference), ("new", new)):
        if len(side) < LEAST_ROWS:
            raise ValueError(f"{len(side)} {name} rows: a comparison needs {LEAST_ROWS} or more")
    reference, new = (side.sample(MOST_ROWS, seed=seed) for side in (reference, new))
    findings, words, discrepancy = [_scores(reference, new)], _no_words(), None
    if reference.words is not None and new.words is not None:
        presence, vocabulary, is_new = _presence(together(reference, new).words, len(reference))
        words, commoner = _words(presence, vocabulary, is_new)
        discrepancy = _discrepancy(reference, new, seed=seed, permutations=permutations)
        findings += [*_rows(reference, new), commoner]
        findings.append(_classifier(presence, is_new, seed=seed, permutations=permutations))
        by_words = mmd.of_words(presence, is_new, permutations=permutations, seed=seed)
        findings += [_apart("words together", by_words), _apart("sentence vectors", discrepancy)]
    labelled = new if labelled is None else labelled.sample(MOST_ROWS, seed=seed)
    sides = tuple(side.take(np.flatnonzero(side.labelled)) for side in (reference, labelled))
    enough, least_change = min(map(len, sides)) >= LEAST_ROWS, None
    if enough:
        findings += _labels(sides, seed=seed, permutations=permutations)
        least_change = two_samples.least_change(*(metrics.correct(side.labels, side.probabilities) for side in sides))
    adjusted = two_samples.holm([one.p_value for one in findings])
    findings = [replace(one, adjusted=p) for one, p in zip(findings, adjusted, strict=True)]
    stability = two_samples.population_stability(reference.probabilities, new.probabilities)
    rows = {"reference": len(reference), "new": len(new), "labelled": len(sides[1])}
    word = verdict(findings, stability=stability, least_change=least_change)
    return Comparison(findings, stability, word, words, discrepancy, rows, sides if enough else None, least_change)


def _scores(reference: Traits, new: Traits) -> Finding:
    distance, p_value = two_samples.kolmogorov_smirnov(reference.probabilities, new.probabilities)
    before, now = (float(side.probabilities.mean()) for side in (reference, new))
    return Finding("scores", before, now, distance, p_value)


def _rows(reference: Traits, new: Traits) -> list[Finding]:
    """Length, unknown words and marks."""
    distance, p_value = two_samples.kolmogorov_smirnov(reference.lengths, new.lengths)
    before, now = (float(np.median(side.lengths)) for side in (reference, new))
    found = [Finding("length", before, now, distance, p_value)]
    old, fresh = (side.unknown / np.maximum(side.lengths, 1) for side in (reference, new))
    _, p_value = two_samples.mann_whitney(old, fresh)
    before, now = (float(side.unknown.sum() / max(side.lengths.sum(), 1)) for side in (reference, new))
    found.append(Finding("unknown words", before, now, now - before, p_value))
    for name in MARKS:
        before, now = (float(side.marks[name].mean()) for side in (reference, new))
        p_value = two_samples.fisher(reference.marks[name], new.marks[name])
        found.append(Finding(name, before, now, now - before, p_value))
    return found


def _presence(words: pa.Array, reference_rows: int) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """Which word stands in which row (float32 0 or 1 [rows, words]), the words, and which rows are new."""
    flat = pc.list_flatten(words).dictionary_encode()
    lengths = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)
    shape = (len(lengths), len(flat.dictionary))
    presence = sparse.csr_array((np.ones(len(row), np.float32), (row, flat.indices.to_numpy())), shape=shape)
    presence.sum_duplicates()
    presence.data[:] = 1
    return presence, np.array(flat.dictionary.to_pylist(), object), np.arange(len(lengths)) >= reference_rows


def _no_words() -> pd.DataFrame:
    return pd.DataFrame({"word": [], "before": [], "now": [], "p_value": []})


def _words(presence: sparse.csr_array, vocabulary: np.ndarray, is_new: np.ndarray) -> tuple[pd.DataFrame, Finding]:
    tested, p_values = two_samples.commoner(presence, is_new)
    old, fresh = (presence[side].sum(axis=0)[tested] / side.sum() for side in (~is_new, is_new))
    columns = {"word": vocabulary[tested], "before": old, "now": fresh, "p_value": p_values}
    frame = pd.DataFrame(columns)
    sure = frame[frame["p_value"] <= LEVEL].sort_values("p_value", ignore_index=True)
    least = float(p_values.min()) if len(p_values) else 1.0
    return sure, Finding("commoner words", 0.0, float(len(sure)), float(len(sure)), least)


def _classifier(presence: sparse.csr_array, is_new: np.ndarray, *, seed: int, permutations: int) -> Finding:
    found = two_samples.domain_classifier(presence, is_new, permutations=permutations, seed=seed)
    area = found.statistic
    return Finding("old or new, told by words", 0.5, area, area - 0.5, found.p_value)


def _discrepancy(reference: Traits, new: Traits, *, seed: int, permutations: int) -> two_samples.Permuted:
    old, fresh = reference.vectors[:MMD_ROWS], new.vectors[:MMD_ROWS]
    return mmd.of_vectors(old, fresh, permutations=permutations, seed=seed)


def _apart(test: str, found: two_samples.Permuted) -> Finding:
    return Finding(test, 0.0, found.statistic, found.statistic, found.p_value)


def _labels(sides: tuple[Traits, Traits], *, seed: int, permutations: int) -> list[Finding]:
    right = [metrics.correct(side.labels, side.probabilities) for side in sides]
    before, now = (float(side.mean()) for side in right)
    found = [Finding("accuracy", before, now, now - before, two_samples.fisher(*right))]
    edges = np.unique(np.quantile(sides[0].probabilities, np.linspace(0, 1, calibration.BINS + 1)[1:-1]))
    permuted = two_samples.calibration_error(
        *(side.labels - side.probabilities.astype(np.float64) for side in sides),
        bins=tuple(np.searchsorted(edges, side.probabilities, side="right") for side in sides),
        permutations=permutations,
        seed=seed,
    )
    before, now = (calibration.expected_calibration_error(side.labels, side.probabilities) for side in sides)
    return [*found, Finding("calibration error", before, now, now - before, permuted.p_value)]
