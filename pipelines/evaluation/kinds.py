"""Further kinds of text for `slices`: by what the model knows of them, by the hour, and by their first word."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import read_vocabulary

UNKNOWN_SHARES = ((0.0, 0.0), (0.0, 0.1), (0.1, 0.25), (0.25, 1.0))  # the first is none at all
HOURS = ((0, 6), (6, 12), (12, 18), (18, 24))
FIRST_WORDS = 12


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
        found[f"{100 * low:.0f} to {100 * high:.0f} % unknown tokens"] = (shares > low) & (shares <= high)
    return found


def by_hour(dates: pa.Array) -> dict[str, np.ndarray]:
    """Kinds by the hour of day (UTC) of the rows that have a date."""
    hours = pc.fill_null(pc.hour(dates), -1).to_numpy(zero_copy_only=False)
    return {f"{low:02} to {high:02} h UTC": (hours >= low) & (hours < high) for low, high in HOURS}


def by_first_word(texts: pa.Array, *, count: int = FIRST_WORDS) -> dict[str, np.ndarray]:
    """Kinds by the first token after normalisation: the `count` most frequent ones, whatever their accuracy."""
    first = pc.list_element(tokens.split_tokens(texts), 0)
    found = sorted(pc.value_counts(first).to_pylist(), key=lambda one: (-one["counts"], one["values"]))
    frequent = [one["values"] for one in found if one["values"]][:count]
    return {f"begins with “{word}”": pc.equal(first, word).to_numpy(zero_copy_only=False) for word in frequent}
