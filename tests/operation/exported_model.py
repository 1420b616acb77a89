"""A small untrained network, exported as 06_evaluate does it."""

from pathlib import Path

import numpy as np

from pipelines import artifacts

VOCABULARY = ["", "[UNK]", "good", "bad", "day", "a", "not", "!!", "<user>", "<url>", "<number>", "😀", "σίσυφοσ", "i"]
SEQUENCE_LENGTH = 12


def export(folder: Path, *, seed: int = 7) -> Path:
    """Write the export below `folder`, as a data folder of its own; returns …/saved_model."""
    import pytest

    from pipelines.dataset.vocabulary import write_vocabulary
    from pipelines.model import export, network

    measures = {"embedding_dimensions": 8, "units": 6, "dense_units": 5, "ngram_buckets": 64}
    model = network.build_network(network.Configuration(vocabulary_size=len(VOCABULARY), **measures))
    draw = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign(draw.normal(0, 0.8, variable.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_FOLDER", str(folder))
        run = artifacts.Dataset("invented").run("10")
        run.folder.mkdir(parents=True)
        model.save(run.model)
        write_vocabulary(VOCABULARY, run.vocabulary)
        artifacts.write_json(run.encoded("train") / "encoding.json", {"sequence_length": SEQUENCE_LENGTH})
        artifacts.write_json(run.training, {"rows_train": 10})
        return export.export(run, points=((0.0, 0.1), (1.3, 1.1)))


def texts(number: int) -> list[str]:
    """Invented texts of all lengths, no two the same."""
    draw = np.random.default_rng(1)
    words = [
        "good",
        "bad",
        "day",
        "a",
        "not",
        "!!",
        "@anna",
        "http://t.co/x",
        "12,5",
        "😀",
        "ΣΊΣΥΦΟΣ",
        "I",
        "&lt;3",
        "tea",
    ]
    return [" ".join(draw.choice(words, draw.integers(0, 20))) + f" {row}" for row in range(number)]
