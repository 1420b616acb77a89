"""What the benchmarks of training train: ours, the classic recipe, and ours with one thing changed.

A variant is a difference from the parameters of 04_train. The network and the training that follow from them come from
where the notebook and `make sweep` have them, so that a new default is raced and ablated as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipelines import artifacts, parameters, stages
from pipelines.model import plan
from pipelines.model.network import Configuration
from pipelines.model.recipe import Recipe

# The recipe of most tutorials: two small stacked LSTM layers over an embedding that starts at random, batches of 32,
# rows padded to 40 and masked, Adam as it comes.
CLASSIC_LENGTH = 40
CLASSIC = {
    "architecture": "classic",
    "units": 20,
    "embedding_dimensions": 128,
    "batch_size": 32,
    "learning_rate": 0.001,
    "label_smoothing": 0.0,
}
OF_THE_RUN = ("dataset", "size", "run")
VIEWS = ("wide", "near")


@dataclass(frozen=True, eq=False)
class Variant:
    """Ours with something changed.

    Attributes:
        name: of its files.
        change: what it changes, for a reader.
        parameters: of 04_train that differ.
        views: the views of a word that its vectors hold, of VIEWS.
    """

    name: str
    change: str
    parameters: dict[str, object] = field(default_factory=dict)
    views: tuple[str, ...] = VIEWS


OURS = Variant("ours", "what `make train` trains")
RANDOM = {"pretrained": False}
ABLATED = (
    OURS,
    Variant("classic", "two LSTM-20 layers, last state, random embedding; batches of 32, rate 0.001", CLASSIC),
    Variant(
        "classic-sized-as-ours", "two stacked LSTM layers of our width, with our recipe", {"architecture": "classic"}
    ),
    Variant("pooled-random", "no linear term, random embedding", {"architecture": "pooled"} | RANDOM),
    Variant("hybrid-random", "random embedding", RANDOM),
    Variant("wide-only", "word vectors of the wide view only", views=("wide",)),
    Variant("near-only", "word vectors of the near view only", views=("near",)),
    Variant("without-ngrams", "no linear term over n-grams", {"architecture": "pooled"}),
    Variant("ngrams-from-nothing", "n-grams' weights start at nothing", {"naive_bayes_start": 0.0}),
    Variant("language-model", "the LSTMs have foretold the words of all training texts", {"language_model": True}),
    Variant("word-offsets", "each word may depart from its vector", {"word_offsets": True}),
    Variant("dropout-0", "no dropout", {"dropout_rate": 0.0}),
    Variant("dropout-0.2", "dropout 0.2", {"dropout_rate": 0.2}),
    Variant("dropout-0.3", "dropout 0.3", {"dropout_rate": 0.3}),
    Variant("label-smoothing-0", "targets of 0 and 1, none smoothed", {"label_smoothing": 0.0}),
    Variant("label-smoothing-0.1", "label smoothing 0.1", {"label_smoothing": 0.1}),
    Variant("units-128", "LSTMs of 128", {"units": 128}),
    Variant("units-192", "LSTMs of 192", {"units": 192}),
    Variant("units-32", "LSTMs of 32", {"units": 32}),
    Variant("quick", "LSTMs of 32, 2 epochs: to try something", {"units": 32, "epochs": 2}),
    Variant("layers-2", "a second layer of LSTMs each way", {"layers": 2}),
    Variant("epochs-3", "3 epochs", {"epochs": 3}),
    Variant("epochs-5", "5 epochs", {"epochs": 5}),
)


def usual_parameters() -> dict[str, object]:
    """The parameters of 04_train with their defaults, without those that only say which run is meant."""
    known = parameters.read(stages.notebooks_folder() / f"{stages.TRAINS}.ipynb")
    return {name: one.default for name, one in known.items() if name not in OF_THE_RUN}


def settings_of(
    run: artifacts.Run,
    variant: Variant = OURS,
) -> tuple[Configuration, Recipe, np.ndarray | None]:
    """Network, training and word vectors (float16 [vocabulary, dimensions], or None) of a variant on a run's rows.

    Args:
        run: with encoded rows and word vectors.
        variant: what differs.

    Raises:
        FileNotFoundError: the run has no word vectors.
        ValueError: their views cannot be told apart.
    """
    if not run.word_vectors.exists():
        raise FileNotFoundError(f"no {run.word_vectors}: make train SIZE={run.name} makes it, in 03_tokenize")
    table = views_of(np.load(run.word_vectors, mmap_mode="r"), variant.views)
    rows = artifacts.read_json(run.encoded("train") / "encoding.json")["rows"]
    configuration, recipe = plan.settings(usual_parameters() | variant.parameters, table, rows=rows)
    return configuration, recipe, table if configuration.pretrained_dimensions else None


def views_of(table: np.ndarray, views: tuple[str, ...]) -> np.ndarray:
    """The columns of word vectors that hold these views.

    Raises:
        ValueError: the table is not as wide as 03_tokenize makes it, so that its views cannot be told apart.
    """
    if views == VIEWS:
        return table
    known = parameters.read(stages.notebooks_folder() / "03_tokenize.ipynb")
    wide, near = (known[f"{view}_dimensions"].default for view in VIEWS)
    if table.shape[1] != wide + near:
        raise ValueError(
            f"word vectors of {table.shape[1]} dimensions, 03_tokenize makes {wide} + {near}: run it again"
        )
    return table[:, :wide] if views == ("wide",) else table[:, wide:]
