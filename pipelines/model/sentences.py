"""How a trained network sees texts: the vector that it makes of each, and its probability."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.dataset.vocabulary import read_vocabulary
from pipelines.model import network


def read(run: artifacts.Run, texts: pa.Array, *, batch_size: int = 1024) -> tuple[np.ndarray, np.ndarray]:
    """Sentence vectors and probabilities of texts by the network of a run.

    Args:
        run: trained; holds model.keras, vocabulary.txt and encoded/train/encoding.json.
        texts: string [rows], raw.
        batch_size: rows scored at once.

    Returns:
        The pooled states that enter the dense layer, float32 [rows, 4 × units] ([rows, units] of the classic
        architecture), and P(positive) before calibration, float32 [rows].
    """
    look = _reader(run.model, run.model.stat().st_mtime_ns)
    sequence_length = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
    ids, lengths = tokens.Encoder(read_vocabulary(run.vocabulary), sequence_length=sequence_length).encode(texts)
    rows = np.arange(len(lengths))
    encoded = tokens.EncodedRows(ids, np.concatenate([[0], np.cumsum(lengths)]), np.zeros(len(rows), np.int8), rows)
    sequence = batches.BucketedBatches(encoded, batch_size=batch_size, sequence_length=sequence_length)
    found = [look(sequence[position][0]) for position in range(len(sequence))]
    vectors, probabilities = (np.concatenate([part.numpy() for part in parts]) for parts in zip(*found, strict=True))
    order = np.argsort(sequence.order)
    return vectors[order], probabilities[order, 0]


@functools.lru_cache(maxsize=1)  # a look at a file reads old texts and new ones
def _reader(model: Path, written: int) -> Callable:
    """What turns ids into vectors and probabilities, by a network as it was written at some time."""
    import keras
    import tensorflow as tf

    trained = network.trained(model)
    both = keras.Model(trained.inputs, [trained.get_layer("dense").input, trained.output])
    # One graph for batches of every length.
    return tf.function(both, input_signature=[tf.TensorSpec([None, None], tf.int32)])
