"""Ours against what people would pick instead: what fastText is given, what it says, and the page."""

import json
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import accuracy
from pipelines import artifacts
from pipelines.evaluation import metrics


def write_split(path, texts, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = {"text": texts, "label": pa.array(labels, pa.int8()), "row": range(len(texts))}
    pq.write_table(pa.table(table), path)


def test_a_text_is_one_line_and_no_label(tmp_path):
    write_split(tmp_path / "x.parquet", ["Good\nday  __label__0", "", "so\u2028so\x85", "left out"], [1, 0, 1, 0])
    accuracy.write_texts(tmp_path / "x.parquet", tmp_path / "x.txt", rows=3, labelled=True)
    lines = (tmp_path / "x.txt").read_text(encoding="utf-8").split("\n")
    assert len(lines) == 4
    assert lines[0] == "__label__1 good day _ _ label _ _ 0"
    assert lines[1] == "__label__0 "
    assert lines[2].startswith("__label__1 so")
    accuracy.write_texts(tmp_path / "x.parquet", tmp_path / "x.txt")
    assert (tmp_path / "x.txt").read_text(encoding="utf-8").startswith("good day _ _ label _ _ 0\n\n")


def test_fasttext_learns_what_can_be_learned(python_of, data_folder, tmp_path):
    python = python_of("fasttext")
    dataset = artifacts.Dataset("tiny")
    chance = np.random.default_rng(1)
    for name, rows in {"train": 2_000, "validation": 200, "test": 300}.items():
        labels = chance.integers(0, 2, rows)
        texts = [f"{('sad', 'happy')[label]} word{chance.integers(50)}" for label in labels]
        write_split(dataset.split(name), [*texts[:-1], ""], labels)
    probabilities, seconds, settings = accuracy.fasttext(dataset, rows=2_000, scratch=tmp_path)
    labels = pq.read_table(dataset.split("test"))["label"].to_numpy()
    assert probabilities.shape == (300,)
    assert metrics.correct(labels, probabilities)[:-1].mean() > 0.95
    assert seconds > 0
    assert settings in accuracy.GRID
    worse = {"train": str(tmp_path / "none.txt"), "score": {}, "out": str(tmp_path), "settings": {}}
    (tmp_path / "task.json").write_text(json.dumps(worse))
    assert subprocess.run([python, accuracy.WORKER, tmp_path / "task.json"], capture_output=True).returncode


def test_the_page_holds_every_model_and_the_difference_on_the_same_rows():
    labels = np.tile([0, 1], 500)
    ours = np.where(np.arange(1000) < 900, labels, 1 - labels).astype(float)
    other = np.where(np.arange(1000) < 800, labels, 1 - labels).astype(float)
    right = {name: metrics.correct(labels, scores) for name, scores in {"ours": ours, "other": other}.items()}
    lines = [
        {"name": "other", "evaluated": metrics.evaluate(labels, other), "seconds": 12.3}
        | {"difference": metrics.mcnemar(right["ours"], right["other"])},
        {"name": "ours", "evaluated": metrics.evaluate(labels, ours), "seconds": None, "difference": None},
    ]
    text = accuracy.page([{"rows": 5_000} | line for line in lines], dataset="d", command="python -m x")
    assert "| 5,000 | other | 80.00 [" in text
    assert "| +10.00 [+8" in text
    assert "| 12 |" in text
    assert "| 5,000 | ours | 90.00 [" in text
    assert "the same 1,000 test rows" in text
    assert "{" not in text


def test_a_run_that_is_not_finished_is_named(data_folder):
    with pytest.raises(FileNotFoundError, match="no finished run 50000 of tiny: make train SIZE=50000"):
        accuracy.rows_of(artifacts.Dataset("tiny").run("50000"))
