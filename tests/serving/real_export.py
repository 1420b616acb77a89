"""A small untrained network, exported as stage 06 does it: a SavedModel with the light form inside."""

from pathlib import Path

import numpy as np

from pipelines import artifacts

VOCABULARY = ["", "[UNK]", "good", "bad", "day", "a", "not", "!!", "<user>", "<url>", "<number>", "😀", "σίσυφοσ", "i"]
SEQUENCE_LENGTH = 6


def export(data_folder: Path, architecture: str) -> Path:
    """The folder of the export; DATA_FOLDER must name `data_folder`."""
    import keras

    from pipelines.dataset.vocabulary import write_vocabulary
    from pipelines.model import export, network

    assert artifacts.data_folder() == data_folder.resolve()
    run = artifacts.Dataset("invented").run(architecture)
    keras.utils.set_random_seed(7)
    model = network.build_network(
        network.Configuration(
            vocabulary_size=len(VOCABULARY),
            architecture=architecture,
            embedding_dimensions=8,
            units=6,
            dense_units=5,
            ngram_buckets=64,
        )
    )
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(0, 0.5, variable.shape))
    run.folder.mkdir(parents=True)
    model.save(run.model)
    write_vocabulary(VOCABULARY, run.vocabulary)
    artifacts.write_json(run.encoded("train") / "encoding.json", {"sequence_length": SEQUENCE_LENGTH})
    artifacts.write_json(run.training, {"rows_train": 10})
    return export.export(run, points=((0.0, 0.1), (1.3, 1.1)))
