"""A tiny run with encoded rows, and stores of its own."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import count_tokens, fit_vocabulary, write_vocabulary


def write_split(path, rows):
    labels, texts = zip(*rows, strict=True)
    columns = {
        "row": range(len(rows)),
        "text": texts,
        "label": pa.array([int(label) // 4 for label in labels], pa.int8()),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def encoded(data_folder, tmp_path, monkeypatch, fresh_store) -> artifacts.Run:
    """A run as 03 leaves it, without any test rows: who reads them fails."""
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    run = artifacts.Dataset("tiny").run("300")
    plain = tiny_data.plain_rows(400)
    for name, rows in {"train": plain[:300], "validation": plain[300:]}.items():
        write_split(run.dataset.split(name), rows)
    vocabulary = fit_vocabulary(count_tokens(run.dataset.split("train")), maximum_size=100)
    write_vocabulary(vocabulary, run.vocabulary)
    encoder = tokens.Encoder(vocabulary, sequence_length=12)
    for name in ("train", "validation"):
        tokens.encode_split(run.dataset.split(name), run.encoded(name), encoder=encoder)
    np.save(run.word_vectors, np.random.default_rng(0).normal(size=(len(vocabulary), 8)).astype(np.float32))
    return run
