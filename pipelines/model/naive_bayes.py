"""What counting alone says of words and pairs: where the linear term of the network starts."""

from __future__ import annotations

import numpy as np

from pipelines.dataset.tokens import EncodedRows
from pipelines.model.layers import ngram_bucket

ROWS = 100_000  # counted at a time, so that memory does not grow with their number


def log_odds(encoded: EncodedRows, *, buckets: int, smoothing: float = 3.0) -> np.ndarray:
    """How much likelier each bucket of `layers.NgramTerm` is in positive rows than in negative ones.

    The sum of these over a text is multinomial naive Bayes on words and pairs. Weights that start there and are then
    trained: Wang & Manning, "Baselines and bigrams", ACL 2012.

    Args:
        encoded: training rows.
        buckets: of the layer.
        smoothing: added to each count.

    Returns:
        The logarithm of the quotient of shares, float32 [buckets].
    """
    counts = np.full((2, buckets), smoothing)
    for start in range(0, len(encoded), ROWS):
        offsets = encoded.offsets[start : start + ROWS + 1]
        ids = encoded.ids[offsets[0] : offsets[-1]].astype(np.int64)
        following = np.append(ids[1:], 0)
        following[offsets[1:] - offsets[0] - 1] = 0  # no pair reaches into the next row
        positive = np.repeat(encoded.labels[start : start + ROWS] == 1, np.diff(offsets))
        for label, rows in enumerate((~positive, positive)):
            first, second = ids[rows], following[rows]
            counts[label] += np.bincount(ngram_bucket(first, 0, buckets), minlength=buckets)
            paired = second != 0
            counts[label] += np.bincount(ngram_bucket(first[paired], second[paired], buckets), minlength=buckets)
    negative, positive = counts / counts.sum(axis=1, keepdims=True)
    return np.log(positive / negative).astype(np.float32)
