"""Where a model errs: accuracy by kind of text.

Kinds are read off the raw text by regular expressions, so that they do not depend on any model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset.text import HASHTAG, MENTION, WEB_ADDRESS
from pipelines.evaluation import metrics

KINDS = {
    "mention": MENTION,
    "URL": WEB_ADDRESS,
    "hashtag": HASHTAG,
    "negation": r"(?i)(\b(no|not|never|nothing|cannot|dont|cant|wont|isnt|didnt|doesnt)\b|n['’‘´`]t\b)",
    "elongation": r"(?i)(a{3,}|e{3,}|i{3,}|o{3,}|u{3,}|y{3,}|h{3,}|m{3,}|s{3,})",
    "question": r"\?",
    "exclamation": r"!",
    "emoticon": r"(^|\s)([:;=]['-]?[)(DPpoO/\\|*\[\]3]|(<|&lt;)3|\^_*\^|[xX]D)($|[\s.,!?])",
    "emoji": r"[\x{2600}-\x{27BF}\x{1F300}-\x{1FAFF}]",
}
LEAST_ROWS = 30  # of a kind of text: with fewer the interval is wider than 30 points
LENGTHS = ((1, 5), (6, 10), (11, 15), (16, 20), (21, 10**9))


def masks(texts: pa.Array) -> dict[str, np.ndarray]:
    """Which texts are of which kind: bool [rows] for each kind and its opposite; lengths are in words.

    Args:
        texts: string [rows], raw.
    """
    texts = pc.fill_null(texts, "")
    found = {}
    for kind, pattern in KINDS.items():
        mask = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
        found |= {f"with {kind}": mask, f"without {kind}": ~mask}
    words = pc.count_substring_regex(texts, r"\S+").to_numpy(zero_copy_only=False)
    for low, high in LENGTHS:
        name = f"{low} to {high} words" if high < 10**9 else f"{low} words and more"
        found[name] = (words >= low) & (words <= high)
    return found


def table(
    texts: pa.Array,
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    more: dict[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Accuracy of each kind of text with its Wilson interval; kinds without a row are left out.

    Args:
        texts: string [rows], raw; labels: int [rows]; probabilities: float [rows].
        more: further kinds, bool [rows] each, from `kinds`.

    Returns:
        Columns slice, rows, share (of all rows), accuracy, low, high, positive (share of positive labels).
    """
    return rates(counts(texts, labels, probabilities, more=more), rows=len(labels))


def counts(
    texts: pa.Array,
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    more: dict[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """What `rates` needs of some of the rows; those of all batches add up.

    Args:
        texts, labels, probabilities, more: as for `table`.

    Returns:
        int64, indexed by kind of text: columns rows, right and positive.
    """
    right = metrics.correct(labels, probabilities)
    found = {
        name: (mask.sum(), right[mask].sum(), np.asarray(labels)[mask].sum(dtype=np.int64))
        for name, mask in (masks(texts) | (more or {})).items()
    }
    return pd.DataFrame.from_dict(found, orient="index", columns=["rows", "right", "positive"])


def rates(found: pd.DataFrame, *, rows: int) -> pd.DataFrame:
    """`table`, from the `counts` of `rows` rows."""
    found = found[found["rows"] > 0].rename_axis("slice").reset_index()
    accuracy = found["right"] / found["rows"]
    low, high = metrics.wilson(accuracy, found["rows"])
    columns = {"slice": found["slice"], "rows": found["rows"], "share": found["rows"] / rows, "accuracy": accuracy}
    return pd.DataFrame({**columns, "low": low, "high": high, "positive": found["positive"] / found["rows"]})


def hardest(found: pd.DataFrame, *, rows: int, number: int = 10, least_rows: int = LEAST_ROWS) -> pd.DataFrame:
    """The kinds of text with the lowest accuracy, of those with enough rows to tell and not all; the hardest first."""
    found = found[(found["rows"] >= least_rows) & (found["rows"] < rows)]
    return found.sort_values("accuracy", kind="stable").head(number)


def tested(table: pd.DataFrame, *, overall: float, rows: int, least_rows: int) -> pd.DataFrame:
    """The kinds with enough rows, hardest first, each tested against all other rows, as many tests as there are kinds.

    Args:
        table: from `table`.
        overall: accuracy of all rows; rows: how many these are.
        least_rows: kinds with fewer rows, or fewer outside, are not looked at.

    Returns:
        `table`'s columns, "p_adjusted", of the two-sided test of two shares, so adjusted that of the kinds that are
        called different at most 5 % are so by chance (Benjamini and Yekutieli 2001: kinds overlap), and "worse",
        whether a kind is called different and is right less often.
    """
    from scipy.stats import false_discovery_control, norm

    table = table[(table["rows"] >= least_rows) & (rows - table["rows"] >= least_rows)]
    if table.empty:
        return table.assign(p_adjusted=[], worse=np.zeros(0, bool))
    others = rows - table["rows"]
    elsewhere = (overall * rows - table["accuracy"] * table["rows"]) / others
    error = np.sqrt(max(overall * (1 - overall), 1e-12) * (1 / table["rows"] + 1 / others))
    p = 2 * norm.sf(np.abs(table["accuracy"] - elsewhere) / error)
    adjusted = false_discovery_control(p, method="by")
    worse = (adjusted < metrics.SIGNIFICANT) & (table["accuracy"] < overall)
    return table.assign(p_adjusted=adjusted, worse=worse).sort_values("accuracy", ignore_index=True)
