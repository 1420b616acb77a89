"""The network: token ids in, one probability out; layers of Keras that every backend has.

Three architectures, so that a reader sees the way from one to the next:

    classic   what most tutorials build: two stacked LSTM layers, the last state, dense tanh layers, one sigmoid
    pooled    an LSTM over the text and one over the text reversed, maximum and mean over time, dense tanh, one sigmoid
    hybrid    pooled, and beside it a linear term over hashed pairs of neighbouring words

Padding never changes a score. `classic` masks it; the others read the reversed text with its padding at the end, and
pool over real tokens only, so that nothing needs a mask and cuDNN's kernel is taken on a GPU.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import keras
import numpy as np
from keras import layers, ops

ARCHITECTURES = ("classic", "pooled", "hybrid")
# A pair of ids below 2**16 is hashed without leaving int32, so that each backend finds the same bucket.
PAIR_MULTIPLIER = 32_749


@dataclass(frozen=True)
class Configuration:
    """What a network is built from.

    Attributes:
        vocabulary_size: ids, padding and unknown included.
        architecture: one of ARCHITECTURES.
        embedding_dimensions: width of a word vector.
        units: width of each LSTM.
        dense_units: width of the dense tanh layer.
        dropout_rate: share of activations dropped before dense layers and of embedding channels.
        pair_buckets: rows of the hashed table of word pairs (hybrid only).
    """

    vocabulary_size: int
    architecture: str = "hybrid"
    embedding_dimensions: int = 128
    units: int = 128
    dense_units: int = 64
    dropout_rate: float = 0.2
    pair_buckets: int = 2**18

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture {self.architecture!r}: one of {', '.join(ARCHITECTURES)}")
        if self.vocabulary_size > 2**16:
            raise ValueError(f"vocabulary_size {self.vocabulary_size}: at most 65,536 ids")
        if not 0 <= self.dropout_rate < 1:
            raise ValueError(f"dropout_rate {self.dropout_rate}: from 0 up to, not including, 1")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


@keras.saving.register_keras_serializable("tweet_sentiment")
class Reverse(layers.Layer):
    """Turn each row of ids around and leave its padding at the end: int32 [batch, steps] → the same.

    [5, 6, 7, 0, 0] → [7, 6, 5, 0, 0]. An LSTM that reads this meets padding only after the text, like the forward one.
    """

    def call(self, ids):
        length = ops.sum(ops.cast(ids != 0, "int32"), axis=1, keepdims=True)
        place = ops.arange(ops.shape(ids)[1], dtype="int32")[None, :]
        return ops.take_along_axis(ids, ops.where(place < length, length - 1 - place, place), axis=1)

    def compute_output_shape(self, shape):
        return shape


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


@keras.saving.register_keras_serializable("tweet_sentiment")
class PairTerm(layers.Layer):
    """A linear term over neighbouring words, by hashed pairs: int32 [batch, steps] → [batch, 1].

    The sum of one weight per pair, divided by the square root of the number of tokens, so that long texts do not weigh
    more. Feature hashing: Weinberger et al., "Feature hashing for large scale multitask learning", ICML 2009.
    """

    def __init__(self, buckets: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.buckets = buckets
        self.weight = layers.Embedding(
            buckets, 1, embeddings_initializer="zeros", name="pair_weight", dtype=self.dtype_policy
        )

    def build(self, shape):
        self.weight.build(shape)

    def call(self, ids):
        first, second = ids[:, :-1], ids[:, 1:]
        bucket = (ops.mod(first * PAIR_MULTIPLIER, self.buckets) + second) % self.buckets
        real = ops.cast(second != 0, "float32")[:, :, None]
        tokens = ops.sum(ops.cast(ids != 0, "float32"), axis=1, keepdims=True)
        return ops.sum(self.weight(bucket) * real, axis=1) / ops.sqrt(ops.maximum(tokens, 1))

    def compute_output_shape(self, shape):
        return (shape[0], 1)

    def get_config(self):
        return {**super().get_config(), "buckets": self.buckets}


def build_network(configuration: Configuration, word_vectors: np.ndarray | None = None) -> keras.Model:
    """Build an untrained network.

    Args:
        configuration: its measures.
        word_vectors: float32 [vocabulary_size, embedding_dimensions] to start the embedding from; None: random.

    Returns:
        A Functional model, ids int32 [batch, steps] → probability of positive float32 [batch, 1].
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = _classic(ids, configuration) if configuration.architecture == "classic" else _pooled(ids, configuration)
    logit = layers.Dense(1, name="logit", dtype="float32")(features)
    if configuration.architecture == "hybrid":
        logit = layers.Add(name="sum")(
            [logit, PairTerm(configuration.pair_buckets, name="pairs", dtype="float32")(ids)]
        )
    probability = layers.Activation("sigmoid", name="probability", dtype="float32")(logit)
    network = keras.Model(ids, probability, name=configuration.architecture)
    if word_vectors is not None:
        network.get_layer("embedding").set_weights([word_vectors])
    return network


def _classic(ids, configuration: Configuration):
    words = layers.Embedding(
        configuration.vocabulary_size, configuration.embedding_dimensions, mask_zero=True, name="embedding"
    )(ids)
    states = layers.LSTM(configuration.units, return_sequences=True, name="lstm_1")(words)
    last = layers.LSTM(configuration.units, name="lstm_2")(states)
    return _dense_head(last, configuration)


def _pooled(ids, configuration: Configuration):
    embedding = layers.Embedding(configuration.vocabulary_size, configuration.embedding_dimensions, name="embedding")
    drop_channels = layers.SpatialDropout1D(configuration.dropout_rate, name="drop_channels")
    directions = []
    for name, direction in (("forward", ids), ("backward", Reverse(name="reverse")(ids))):
        states = layers.LSTM(configuration.units, return_sequences=True, name=f"lstm_{name}")(
            drop_channels(embedding(direction))
        )
        directions.append(PoolTokens(name=f"pool_{name}")(direction, states))
    return _dense_head(layers.Concatenate(name="text")(directions), configuration)


def _dense_head(features, configuration: Configuration):
    features = layers.Dropout(configuration.dropout_rate, name="drop_text")(features)
    features = layers.Dense(configuration.dense_units, activation="tanh", name="dense")(features)
    return layers.Dropout(configuration.dropout_rate, name="drop_dense")(features)
