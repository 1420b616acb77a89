"""The layers that Keras has not: reversal, pooling around padding, a term over words and pairs, fixed word vectors."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from pipelines.model import backend

# A pair of ids below 2**16 is hashed without leaving int32, so that each backend finds the same bucket.
PAIR_MULTIPLIER = 32_749


@keras.saving.register_keras_serializable("tweet_sentiment")
class Reverse(layers.Layer):
    """Turn each text around and leave its padding at the end: ids int32 [batch, steps] → the same.

    [5, 6, 7, 0, 0] → [7, 6, 5, 0, 0]. An LSTM that reads this meets padding only after the text, like the forward one.
    With states [batch, steps, units] as a second input, those are turned around instead.
    """

    def call(self, ids, states=None):
        length = ops.sum(ops.cast(ids != 0, "int32"), axis=1, keepdims=True)
        place = ops.arange(ops.shape(ids)[1], dtype="int32")[None, :]
        turned = ops.where(place < length, length - 1 - place, place)
        if states is None:
            return ops.take_along_axis(ids, turned, axis=1)
        # Whole states are moved, not their numbers one by one as take_along_axis would.
        rows, steps, units = ops.shape(states)
        of_all = turned + ops.arange(rows, dtype="int32")[:, None] * steps
        return ops.reshape(ops.take(ops.reshape(states, (-1, units)), of_all, axis=0), (rows, steps, units))

    def compute_output_shape(self, ids_shape, states_shape=None):
        return states_shape or ids_shape


@keras.saving.register_keras_serializable("tweet_sentiment")
class PoolTokens(layers.Layer):
    """Maximum and mean over real tokens: ids int32 [batch, steps], states [batch, steps, units] → [batch, 2 units]."""

    def call(self, ids, states):
        real = ops.cast(ids != 0, states.dtype)[:, :, None]
        largest = ops.max(states + (real - 1) * 1e4, axis=1)
        mean = ops.sum(states * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1)
        return ops.concatenate([largest, mean], axis=-1)

    def compute_output_shape(self, ids_shape, states_shape):
        return (states_shape[0], 2 * states_shape[2])


def ngram_bucket(first, second, buckets: int):
    """The bucket of a pair of neighbouring ids, or, where the second is 0, of a word by itself.

    Args:
        first, second: int32, arrays or tensors of any backend alike.
        buckets: rows of the table that they are hashed to.
    """
    return (first * PAIR_MULTIPLIER % buckets + second) % buckets


@keras.saving.register_keras_serializable("tweet_sentiment")
class NgramTerm(layers.Layer):
    """A linear term over words and pairs of neighbouring ones, hashed: int32 [batch, steps] → [batch, 1].

    The sum of their weights, divided by the square root of the number of tokens, so that long texts do not weigh
    more. Feature hashing: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    """

    def __init__(self, buckets: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.buckets = buckets
        self.weight = layers.Embedding(
            buckets, 1, embeddings_initializer="zeros", name="ngram_weight", dtype=self.dtype_policy
        )

    def build(self, shape):
        self.weight.build(shape)

    def call(self, ids):
        following = ops.pad(ids[:, 1:], [[0, 0], [0, 1]])
        first = ops.concatenate([ids, ids], axis=1)
        second = ops.concatenate([ops.zeros_like(ids), following], axis=1)
        real = ops.cast(ops.concatenate([ids, following], axis=1) != 0, "float32")[:, :, None]
        tokens = ops.sum(ops.cast(ids != 0, "float32"), axis=1, keepdims=True)
        total = ops.sum(self.weight(ngram_bucket(first, second, self.buckets)) * real, axis=1)
        return total / ops.sqrt(ops.maximum(tokens, 1))

    def compute_output_shape(self, shape):
        return (shape[0], 1)

    def get_config(self):
        return {**super().get_config(), "buckets": self.buckets}


@keras.saving.register_keras_serializable("tweet_sentiment")
class PretrainedEmbedding(layers.Layer):
    """Fixed word vectors behind a trained projection: ids int32 [batch, steps] → float [batch, steps, dimensions].

    The table is kept as float16 and never trained: an optimizer's step over it would cost as much as the LSTMs. What is
    learned from labels is which of its directions matter, and, with `offsets`, how far a word departs from its vector.

    Args:
        words: ids, padding and unknown included.
        width: of the fixed vectors.
        dimensions: of what comes out.
        offsets: whether each word also has a trained vector [dimensions], zero at first, that is added.
    """

    def __init__(self, words: int, width: int, dimensions: int, *, offsets: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        self.words, self.width, self.dimensions = words, width, dimensions
        self.offsets = None
        if offsets:
            self.offsets = layers.Embedding(words, dimensions, embeddings_initializer="zeros", name="offset_embedding")

    def build(self, shape):
        self.table = self.add_weight(
            shape=(self.words, self.width),
            dtype="float16",
            initializer="zeros",
            trainable=False,
            autocast=False,
            name="table",
        )
        self.projection = self.add_weight(shape=(self.width, self.dimensions), name="projection")
        if self.offsets:
            self.offsets.build(shape)

    def call(self, ids):
        # Three of four tokens of a batch are words that it has elsewhere too: each word is projected once.
        if (different := backend.distinct(ids)) is None:
            words = self._projected(ids)
        else:
            words = ops.take(self._projected(different[0]), different[1], axis=0)
        return words + self.offsets(ids) if self.offsets else words

    def _projected(self, ids):
        return ops.matmul(ops.cast(ops.take(self.table, ids, axis=0), self.compute_dtype), self.projection)

    def folded(self) -> np.ndarray:
        """The same as one plain table: float32 [words, dimensions]."""
        table = ops.convert_to_numpy(self.table).astype(np.float32) @ ops.convert_to_numpy(self.projection)
        return table + ops.convert_to_numpy(self.offsets.embeddings) if self.offsets else table

    def compute_output_shape(self, shape):
        return (*shape, self.dimensions)

    def get_config(self):
        measures = {"words": self.words, "width": self.width, "dimensions": self.dimensions}
        return {**super().get_config(), **measures, "offsets": self.offsets is not None}
