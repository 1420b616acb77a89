"""The vocabulary: which tokens get an id of their own, and how much of a text they cover."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import text
from pipelines.dataset.tokens import batches, side_by_side, split_tokens


def count_tokens(path: Path, *, size: int | None = None) -> Counter[str]:
    """How often each token stands in the first `size` rows of a split."""
    counts: Counter[str] = Counter()
    parts = side_by_side(_count, batches(path, columns=["text"], size=size))
    for found in tqdm(parts, desc="counting tokens", unit=" batches"):
        counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
    counts.pop("", None)
    return counts


def _count(batch: pa.RecordBatch) -> pa.StructArray:
    return pc.value_counts(pc.list_flatten(split_tokens(batch["text"])))


def fit_vocabulary(counts: Counter[str], *, maximum_size: int, minimum_count: int = 2) -> list[str]:
    """The tokens that get an id of their own, most frequent first, ties in alphabetical order.

    Args:
        counts: from `count_tokens`, of training rows only.
        maximum_size: ids in all, those of padding and unknown included; at least 3.
        minimum_count: tokens seen less often are unknown.

    Returns:
        Tokens by id: "" is padding (0), "[UNK]" is unknown (1), words follow.
    """
    if maximum_size < 3:
        raise ValueError(f"vocabulary_size {maximum_size}: at least 3, for padding, unknown and one word")
    counts = Counter({token: count for token, count in counts.items() if count >= minimum_count})
    if not counts:
        raise ValueError(f"no token occurs {minimum_count} times or more; lower minimum_count or add rows")
    by_frequency = sorted(counts, key=lambda token: (-counts[token], token))
    return [text.PADDING, text.UNKNOWN, *by_frequency[: maximum_size - 2]]


def usual_minimum_count(texts: int) -> int:
    """How often a token must occur in so many texts to be known: what is rarer is mostly misspelt.

    >>> usual_minimum_count(1_471_264), usual_minimum_count(20_000)
    (5, 2)
    """
    return 5 if texts >= 100_000 else 2


def write_vocabulary(vocabulary: list[str], path: Path) -> None:
    """One token a line; the line number, from 0, is the id."""
    with artifacts.written_whole(path) as temporary:
        temporary.write_text("\n".join(vocabulary) + "\n", encoding="utf-8")


def read_vocabulary(path: Path) -> list[str]:
    """Tokens by id, as `write_vocabulary` left them."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def coverage(counts: Counter[str], vocabulary: list[str], sizes: Iterable[int]) -> dict[int, float]:
    """Share of all token occurrences that the n first words of a vocabulary know, for each n in `sizes`."""
    occurrences = np.cumsum([counts[word] for word in vocabulary[2:]])
    return {n: float(occurrences[min(n, len(occurrences)) - 1] / counts.total()) for n in sizes}
