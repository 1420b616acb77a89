"""A tiny run with encoded rows and word vectors of two views."""

import json
from pathlib import Path

import numpy as np
import pytest

from pipelines import artifacts
from pipelines.dataset.tokens import UNKNOWN_ID

WIDE, NEAR = 400, 200  # as 03_tokenize has them
WORDS = 30


def write_encoded(folder: Path, *, rows: int, seed: int) -> None:
    """Rows whose label shows in their first word, in the layout of `pipelines.dataset.tokens`."""
    random = np.random.default_rng(seed)
    lengths, labels = random.integers(1, 12, rows), random.integers(0, 2, rows).astype(np.int8)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = random.integers(UNKNOWN_ID + 3, WORDS, offsets[-1]).astype(np.uint16)
    ids[offsets[:-1]] = UNKNOWN_ID + 1 + labels
    folder.mkdir(parents=True)
    ids.tofile(folder / "ids.bin")
    for name, array in {"offsets": offsets, "labels": labels, "rows": np.arange(rows)}.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "encoding.json").write_text(json.dumps({"rows": rows, "dtype": "uint16", "sequence_length": 12}))


@pytest.fixture
def encoded(data_folder) -> artifacts.Run:
    run = artifacts.Dataset("tiny").run("300")
    for seed, (name, rows) in enumerate({"train": 300, "validation": 100}.items()):
        write_encoded(run.encoded(name), rows=rows, seed=seed)
    np.save(run.word_vectors, np.random.default_rng(0).normal(size=(WORDS, WIDE + NEAR)).astype(np.float16))
    return run
