"""A variant made ready on a run's rows: its network compiled, its batches laid out, as `training.train` has them."""

from __future__ import annotations

import dataclasses

import keras

from benchmarks import variants
from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.model import backend, network, recipe, training


@dataclasses.dataclass
class Contestant:
    """What is timed.

    Attributes:
        configuration, recipe: its network and training.
        model: untrained.
        train: its batches, in the order of the first epoch.
        sequence_length: the longest row, in tokens.
    """

    configuration: network.Configuration
    recipe: recipe.Recipe
    model: keras.Model
    train: batches.BucketedBatches
    sequence_length: int


def ready(
    run: artifacts.Run,
    variant: variants.Variant = variants.OURS,
    *,
    rows: int | None = None,
    layout: type[batches.BucketedBatches] = batches.BucketedBatches,
    **changes: object,
) -> Contestant:
    """Make a variant ready.

    Args:
        run: with encoded rows and word vectors.
        variant: what differs from ours.
        rows: training rows, the first ones; None, or more than there are: all.
        layout: what lays out the batches of training.
        changes: attributes of the recipe that differ from what is usual for the run.
    """
    configuration, how, word_vectors = variants.settings_of(run, variant)
    how = dataclasses.replace(how, **changes)
    train = laid_out(run, how, rows=rows, layout=layout)
    backend.set_seed(how.seed)
    model = training.compiled(configuration, how, word_vectors, train.encoded)
    return Contestant(configuration, how, model, train, int(train.edges[-1]))


def laid_out(
    run: artifacts.Run,
    how: recipe.Recipe,
    *,
    rows: int | None = None,
    layout: type[batches.BucketedBatches] = batches.BucketedBatches,
) -> batches.BucketedBatches:
    """The batches of a training, in the order of its first epoch; arguments as of `ready`."""
    encoded = tokens.open_encoded(run.encoded("train"))
    encoded = encoded.head(min(rows or len(encoded), len(encoded)))
    longest = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
    return layout(encoded, batch_size=how.batch_size, sequence_length=longest, seed=how.seed)
