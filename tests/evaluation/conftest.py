"""A tiny data set of invented texts, and finished runs on it."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts

NEGATIVE = ("so sad today", "i miss my dog :(", "not good at all", "my train is late again", "ugh, work")
POSITIVE = ("what a lovely day", "so happy today", "thanks @friend, you made my day", "good morning!", "i love my dog")


def write_split(path, *, rows, seed=0, first=0):
    """A split in the project's layout: alternating classes, a number in each text so that none repeats."""
    generator = np.random.default_rng(seed)
    labels = np.arange(rows) % 2
    sides = (NEGATIVE, POSITIVE)
    texts = [f"{generator.choice(sides[label])} {generator.choice(['', 'really', 'today', '?'])}" for label in labels]
    columns = {"row": np.arange(first, first + rows), "text": texts, "label": labels.astype(np.int8)}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path))
    found = artifacts.Dataset("invented")
    for seed, (split, rows) in enumerate({"train": 400, "validation": 100, "test": 120}.items()):
        write_split(found.split(split), rows=rows, seed=seed, first=1000 * seed)
    files = {split: artifacts.sha256(found.split(split)) for split in ("train", "validation", "test")}
    counts = {"train": 400, "validation": 100, "test": 120}
    artifacts.write_json(found.manifest, {"dataset": "invented", "files": files, "counts": counts})
    return found


@pytest.fixture
def finish(dataset):
    """A function that writes what training leaves behind."""

    def finished(name, *, rows, accuracy, parameters=None):
        run = dataset.run(name)
        validation = pd.read_parquet(dataset.split("validation"), columns=["row", "label"])
        right = np.arange(len(validation)) < accuracy * len(validation)
        validation["probability"] = np.where(right == (validation["label"] == 1), 0.8, 0.2).astype(np.float32)
        run.predictions("validation").parent.mkdir(parents=True)
        validation.to_parquet(run.predictions("validation"))
        validation.to_parquet(run.predictions("train_sample"))
        facts = {"rows_train": rows, "validation_accuracy": accuracy, "parameters": parameters or {}}
        artifacts.write_json(run.training, facts)
        return run

    return finished
