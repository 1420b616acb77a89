"""Scores of encoded rows by a Keras network, in the order of the rows."""

from __future__ import annotations

import keras
import numpy as np

from pipelines.dataset import batches, tokens
from pipelines.model import backend


def predict(
    model: keras.Model, rows: tokens.EncodedRows, *, sequence_length: int, batch_size: int = 1024
) -> np.ndarray:
    """Probability of positive for each row, in the order of the rows: float32 [rows]."""
    sequence = batches.BucketedBatches(rows, batch_size=batch_size, sequence_length=sequence_length)
    scores = np.empty(len(rows), np.float32)
    scores[sequence.order] = model.predict(backend.feed(sequence), verbose=0)[:, 0]
    return scores
