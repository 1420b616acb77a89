"""The network: token ids in, one probability out; layers of Keras that every backend has.

Three architectures, so that a reader sees the way from one to the next:

    classic   what most tutorials build: two stacked LSTM layers, the last state, dense tanh layers, one sigmoid
    pooled    an LSTM over the text and one over the text reversed, maximum and mean over time, dense tanh, one sigmoid
    hybrid    pooled, and beside it a linear term over hashed words and pairs of neighbouring ones

Padding never changes a score. `classic` masks it; the others read the reversed text with its padding at the end, and
pool over real tokens only, so that nothing needs a mask and cuDNN's kernel is taken on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
from keras import layers

from pipelines import parameters
from pipelines.model import backend
from pipelines.model.layers import NgramTerm, PoolTokens, PretrainedEmbedding, Reverse

ARCHITECTURES = ("classic", "pooled", "hybrid")


@dataclass(frozen=True)
class Configuration:
    """What a network is built from.

    Attributes:
        vocabulary_size: ids, padding and unknown included.
        architecture: one of ARCHITECTURES.
        embedding_dimensions: width of a word vector as the LSTM reads it.
        pretrained_dimensions: width of fixed word vectors that it is projected from; 0: it is trained from nothing.
        word_offsets: whether each word may depart from its fixed vector; pays off with many rows.
        units: width of each LSTM.
        layers: of LSTMs, one each way; from the second on both read what both below made of each token.
        dense_units: width of the dense tanh layer.
        dropout_rate: share of activations dropped before dense layers and of embedding channels.
        ngram_buckets: rows of the hashed table of words and pairs (hybrid only).
    """

    vocabulary_size: int
    architecture: str = "hybrid"
    embedding_dimensions: int = 128
    pretrained_dimensions: int = 0
    word_offsets: bool = False
    units: int = 128
    layers: int = 1
    dense_units: int = 64
    dropout_rate: float = 0.1
    ngram_buckets: int = 2**20

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture {self.architecture!r}: one of {', '.join(ARCHITECTURES)}")
        if self.vocabulary_size > 2**16:
            raise ValueError(f"vocabulary_size {self.vocabulary_size}: at most 65,536 ids")
        if self.architecture == "classic" and self.pretrained_dimensions:
            raise ValueError("architecture 'classic' learns its embedding from nothing: set pretrained to False")
        parameters.check_at_least_one(self, "units", "embedding_dimensions", "dense_units", "ngram_buckets", "layers")
        if self.layers > 1 and self.architecture == "classic":
            raise ValueError(f"layers {self.layers}: 'classic' is two layers, no more; pooled and hybrid take any")
        if not 0 <= self.dropout_rate < 1:
            raise ValueError(f"dropout_rate {self.dropout_rate}: from 0 up to, not including, 1")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def build_network(configuration: Configuration, word_vectors: np.ndarray | None = None) -> keras.Model:
    """Build an untrained network.

    Args:
        configuration: its measures.
        word_vectors: float16 [vocabulary_size, pretrained_dimensions], fixed, where the configuration reads some; None:
            zero, to be loaded later.

    Returns:
        A Functional model, ids int32 [batch, steps] → probability of positive float32 [batch, 1].
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    features = _classic(ids, configuration) if configuration.architecture == "classic" else _pooled(ids, configuration)
    hybrid = configuration.architecture == "hybrid"
    # Beside a linear term that knows something already, the LSTMs say nothing at first: they would only disturb it.
    starts_at = "zeros" if hybrid else "glorot_uniform"
    logit = layers.Dense(1, kernel_initializer=starts_at, name="logit", dtype="float32")(features)
    if hybrid:
        logit = layers.Add(name="sum")(
            [logit, NgramTerm(configuration.ngram_buckets, name="ngrams", dtype="float32")(ids)]
        )
    probability = layers.Activation("sigmoid", name="probability", dtype="float32")(logit)
    network = keras.Model(ids, probability, name=configuration.architecture)
    if word_vectors is not None and configuration.pretrained_dimensions:
        network.get_layer("embedding").table.assign(word_vectors)
    return network


def trained(path: Path) -> keras.Model:
    """A network that training has saved, for use."""
    return plain(keras.models.load_model(path, compile=False))


def plain(network: keras.Model) -> keras.Model:
    """The same network for use, not for training: float32, its fixed vectors and their projection one embedding.

    Args:
        network: from `build_network`, trained.
    """
    embedding = network.get_layer("embedding")
    if not isinstance(embedding, PretrainedEmbedding):
        return network

    def in_float32(layer: layers.Layer) -> layers.Layer:
        if layer is embedding:
            return layers.Embedding(embedding.words, embedding.dimensions, name="embedding")
        return layer.from_config({**layer.get_config(), "dtype": "float32"})

    return cloned(network, in_float32, {"embedding": [embedding.folded()]})


def cloned(
    network: keras.Model, clone: Callable[[layers.Layer], layers.Layer], weights: dict[str, list[np.ndarray]]
) -> keras.Model:
    """A network of other layers of the same names.

    Args:
        network: from `build_network`.
        clone: makes a layer of one of its own.
        weights: of layers, by name; the others keep theirs.
    """
    same = keras.models.clone_model(network, clone_function=clone)
    for layer in same.layers:
        layer.set_weights(weights.get(layer.name) or network.get_layer(layer.name).get_weights())
    return same


def _classic(ids, configuration: Configuration):
    words = layers.Embedding(
        configuration.vocabulary_size, configuration.embedding_dimensions, mask_zero=True, name="embedding"
    )(ids)
    states = _lstm(configuration.units, name="lstm_1")(words)
    last = _lstm(configuration.units, return_sequences=False, name="lstm_2")(states)
    return _dense_head(last, configuration)


def _pooled(ids, configuration: Configuration):
    directions = {"forward": ids, "backward": Reverse(name="reverse")(ids)}
    words = _embedding(configuration)(ids)
    states = {"forward": words, "backward": Reverse(name="reverse_words")(ids, words)}
    for number in range(1, configuration.layers + 1):
        if number > 1:
            below = states["forward"], states["backward"]
            turned = [Reverse(name=f"reverse_{name}_{number}")(ids, states[name]) for name in directions]
            states = {
                "forward": layers.Concatenate(name=f"below_forward_{number}")([below[0], turned[1]]),
                "backward": layers.Concatenate(name=f"below_backward_{number}")([turned[0], below[1]]),
            }
        drop_channels = layers.SpatialDropout1D(configuration.dropout_rate, name=_numbered("drop_channels", number))
        for name in directions:
            lstm = _lstm(configuration.units, name=_numbered(f"lstm_{name}", number))
            states[name] = lstm(drop_channels(states[name]))
    pooled = [PoolTokens(name=f"pool_{name}")(directions[name], states[name]) for name in directions]
    return _dense_head(layers.Concatenate(name="text")(pooled), configuration)


def _lstm(units: int, *, name: str, return_sequences: bool = True) -> layers.LSTM:
    return layers.LSTM(units, return_sequences=return_sequences, use_cudnn=backend.lstm_by_cudnn(), name=name)


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def _embedding(configuration: Configuration) -> layers.Layer:
    words, dimensions = configuration.vocabulary_size, configuration.embedding_dimensions
    if not (width := configuration.pretrained_dimensions):
        return layers.Embedding(words, dimensions, name="embedding")
    return PretrainedEmbedding(words, width, dimensions, offsets=configuration.word_offsets, name="embedding")


def _dense_head(features, configuration: Configuration):
    features = layers.Dropout(configuration.dropout_rate, name="drop_text")(features)
    features = layers.Dense(configuration.dense_units, activation="tanh", name="dense")(features)
    return layers.Dropout(configuration.dropout_rate, name="drop_dense")(features)
