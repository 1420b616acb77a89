"""Further kinds of text for `slices`: by what the model knows of them, by the hour, and by their first word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import read_vocabulary
from pipelines.evaluation import metrics

UNKNOWN_SHARES = ((0.0, 0.0), (0.0, 0.1), (0.1, 0.25), (0.25, 1.0))  # the first is none at all
HOURS = ((0, 6), (6, 12), (12, 18), (18, 24))
FIRST_WORDS = 12
BEGINS = "begins with “{}”"


def further(run: artifacts.Run, split: pa.Table) -> dict[str, np.ndarray]:
    """All kinds of this module: bool [rows] each.

    Args:
        run: whose vocabulary tells what is unknown.
        split: columns text (string) and date (timestamp[s], null where unknown).
    """
    texts = pc.fill_null(split["text"].combine_chunks(), "")
    unknown = unknown_shares(texts, read_vocabulary(run.vocabulary))
    return by_unknown(unknown) | by_hour(split["date"].combine_chunks()) | by_first_word(texts)


def unknown_shares(texts: pa.Array, vocabulary: list[str]) -> np.ndarray:
    """Share of each text's tokens that have no id of their own: float64 [rows]."""
    ids, lengths = tokens.Encoder(vocabulary, sequence_length=10**6).encode(texts)
    starts = np.cumsum(lengths) - lengths
    return np.add.reduceat((ids == tokens.UNKNOWN_ID).astype(np.float64), starts) / lengths if len(lengths) else lengths


def by_unknown(shares: np.ndarray) -> dict[str, np.ndarray]:
    """Kinds by the share of unknown tokens."""
    found = {"all tokens known": shares == 0}
    for low, high in UNKNOWN_SHARES[1:]:
        share = f"{100 * low:.0f} to {100 * high:.0f} %" if low else f"some, up to {100 * high:.0f} %"
        found[f"{share} unknown tokens"] = (shares > low) & (shares <= high)
    return found


def by_hour(dates: pa.Array) -> dict[str, np.ndarray]:
    """Kinds by the hour of day (UTC) of the rows that have a date."""
    hours = pc.fill_null(pc.hour(dates), -1).to_numpy(zero_copy_only=False)
    return {f"{low:02} to {high:02} h UTC": (hours >= low) & (hours < high) for low, high in HOURS}


def by_first_word(texts: pa.Array, *, count: int = FIRST_WORDS) -> dict[str, np.ndarray]:
    """Kinds by the first token after normalisation: the `count` most frequent ones, whatever their accuracy."""
    first = first_words(texts)
    found = sorted(pc.value_counts(first).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    frequent = [one["values"] for one in found if one["values"]][:count]
    return {BEGINS.format(word): pc.equal(first, word).to_numpy(zero_copy_only=False) for word in frequent}


def first_words(texts: pa.Array) -> pa.Array:
    """The first token of each text after normalisation, "" where there is none: string [rows]."""
    return pc.list_element(tokens.split_tokens(texts), 0)


def counts_by_first_word(
    first: pa.Array, labels: np.ndarray, probabilities: np.ndarray, *, vocabulary: list[str]
) -> pd.DataFrame:
    """`slices.counts` by first word, for rows that come in batches, of which the sums add up.

    Args:
        first: string [rows], from `first_words`; labels: int [rows]; probabilities: float [rows].
        vocabulary: words of others are left out: a user's own do not get into a record, and memory stays bounded.
    """
    right = metrics.correct(labels, probabilities)
    columns = {"rows": np.ones(len(right), np.int64), "right": right.astype(np.int64), "positive": np.int64(labels)}
    found = pd.DataFrame(columns, index=first.to_pylist()).groupby(level=0).sum()
    return found[found.index.isin(vocabulary[2:])]


def commonest(found: pd.DataFrame, *, count: int = FIRST_WORDS) -> pd.DataFrame:
    """Of `counts_by_first_word` the most frequent ones, under the names of `by_first_word`."""
    found = found.sort_index().sort_values("rows", ascending=False, kind="stable")
    return found.head(count).rename(index=BEGINS.format)
