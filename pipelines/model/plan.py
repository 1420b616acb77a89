"""From the parameters of 04_train to a network and its training: what was left open becomes what so many rows want."""

from __future__ import annotations

import dataclasses

import numpy as np

from pipelines.model import backend, recipe
from pipelines.model.network import Configuration


def settings(values: dict[str, object], word_vectors: np.ndarray, *, rows: int) -> tuple[Configuration, recipe.Recipe]:
    """Network and training from all parameters of 04_train that say how.

    Args:
        values: by name.
        word_vectors: [vocabulary_size, dimensions], fixed ones from 03.
        rows: training rows.
    """
    trains = {field.name for field in dataclasses.fields(recipe.Recipe)}
    of_training = {name: value for name, value in values.items() if name in trains}
    of_network = {name: value for name, value in values.items() if name not in trains}
    return network(word_vectors, rows=rows, **of_network), training(rows=rows, **of_training)


def network(
    word_vectors: np.ndarray,
    *,
    rows: int,
    architecture: str = "hybrid",
    pretrained: bool = True,
    word_offsets: bool | None = None,
    units: int | None = None,
    embedding_dimensions: int | None = None,
    **measures: object,
) -> Configuration:
    """What is built.

    Args:
        word_vectors: [vocabulary_size, dimensions], fixed ones from 03.
        rows: training rows.
        architecture: one of `network.ARCHITECTURES`; "classic" learns its embedding from nothing.
        pretrained: whether the fixed vectors are read; else the embedding starts at random.
        word_offsets: whether words depart from their fixed vectors; None: where there are rows enough.
        units: width of each LSTM; None: what is usual for so many rows.
        embedding_dimensions: of a word as the LSTMs read it; None: their width.
        measures: other attributes of `Configuration`.
    """
    words, width = word_vectors.shape
    units = recipe.usual(rows)["units"] if units is None else units
    pretrained = pretrained and architecture != "classic"
    return Configuration(
        vocabulary_size=words,
        architecture=architecture,
        pretrained_dimensions=width if pretrained else 0,
        word_offsets=pretrained and (recipe.word_offsets(rows) if word_offsets is None else word_offsets),
        units=units,
        embedding_dimensions=units if embedding_dimensions is None else embedding_dimensions,
        **measures,
    )


def training(*, rows: int, epochs: int | None = None, batch_size: int | None = None, **others: object) -> recipe.Recipe:
    """How it is trained.

    Args:
        rows: training rows.
        epochs, batch_size: None: what is usual for so many rows, and for the device.
        others: other attributes of `Recipe`.
    """
    usual = recipe.usual(rows)
    if batch_size is None:
        batch_size = backend.batch_size(usual["batch_size"], rows=rows)
    return recipe.Recipe(epochs=usual["epochs"] if epochs is None else epochs, batch_size=batch_size, **others)
