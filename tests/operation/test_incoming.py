"""Whatever comes in is read as it is, or refused with a reason and a way out."""

import gzip
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines.dataset.provenance import Source, SourceError
from pipelines.operation import incoming, labelled
from pipelines.operation.text_rows import Description

KNOWN = Source(
    dataset="reviews", kind="custom", origin="x", sha256="", bytes=0, files={}, contents={}, format="csv",
    encoding="utf-8", header=True, columns={"text": "review", "label": "stars"},
    labels={"negative": "poor", "positive": "fine"},
)  # fmt: skip
VERSION = "reviews-200-1234"


def read(path, *, most=1000, **said):
    return incoming.read(path, known=KNOWN, said=Description(**said), model_version=VERSION, most=most, seed=0)


def table(rows=20, **columns):
    return pd.DataFrame({"review": [f"text {number}" for number in range(rows)], **columns})


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_tables_of_all_formats_hold_the_same_texts(tmp_path, suffix):
    path, frame = tmp_path / f"new.{suffix}", table(stars=["poor", "fine"] * 10)
    writers = {
        "csv": lambda: frame.to_csv(path, index=False),
        "tsv": lambda: frame.to_csv(path, sep="\t", index=False),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
        "parquet": lambda: frame.to_parquet(path),
    }
    writers[suffix]()
    found = read(path)
    assert sorted(found.texts.to_pylist()) == sorted(frame["review"])
    expected = dict(zip(frame["review"], [0, 1] * 10, strict=True))
    assert dict(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True)) == expected


def test_a_file_without_labels_is_read_all_the_same(tmp_path):
    table().to_csv(tmp_path / "new.csv", index=False)
    assert set(read(tmp_path / "new.csv").labels) == {-1}


def test_missing_labels_stay_unknown_and_usual_values_are_understood(tmp_path):
    table(3, label=["positive", None, "NEGATIVE"]).rename(columns={"review": "text"}).to_csv(
        tmp_path / "new.csv", index=False
    )
    found = read(tmp_path / "new.csv")
    assert dict(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True)) == {
        "text 0": 1, "text 1": -1, "text 2": 0,
    }  # fmt: skip


def test_columns_and_labels_can_be_said(tmp_path):
    frame = pd.DataFrame({"body": ["a", "b"], "mood": ["sad", "glad"]})
    frame.to_csv(tmp_path / "new.csv", index=False)
    found = read(tmp_path / "new.csv", text="body", label="mood", negative="Sad", positive="glad")
    assert dict(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True)) == {"a": 0, "b": 1}


def test_a_large_file_is_sampled_and_every_part_of_it_can_be_drawn(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.operation.text_rows.WINDOW_ROWS", 100)
    table(1000).to_parquet(tmp_path / "new.parquet")
    found = read(tmp_path / "new.parquet", most=300)
    numbers = np.array([int(text.split()[1]) for text in found.texts.to_pylist()])
    assert (found.rows, len(found)) == (1000, 300)
    assert np.histogram(numbers, bins=4, range=(0, 1000))[0].min() > 40


def test_repeats_and_empty_texts_leave_and_are_counted(tmp_path):
    pd.DataFrame({"review": ["@a Hi", "@b hi", "  ", "other"]}).to_json(
        tmp_path / "new.jsonl", orient="records", lines=True
    )
    found = read(tmp_path / "new.jsonl")
    assert len(found) == 2
    assert found.left_out == {"empty text": 1, "repeats of another text in the sample": 1}


@pytest.mark.parametrize(
    ("frame", "said", "message"),
    [
        (pd.DataFrame({"body": ["a"]}), {}, r"has no column 'text'\. It has 'body': say TEXT=column"),
        (table(), {"text": "texts"}, "has no column 'texts'"),
        (table(), {"label": "mood"}, r"has no column 'mood'\. .* say LABEL=column"),
        (table(2, stars=["poor", "grand"]), {"label": "stars"}, r"'stars' holds .*'grand' .*; say what each value"),
        (table(2, stars=["poor", "grand"]), {"positive": "fine"}, "POSITIVE=fine does not occur in column 'stars'"),
        (table(1200, stars=range(1200)), {"label": "stars"}, "holds more than 1,000 values: is it the label"),
        (pd.DataFrame({"review": [" ", None]}), {}, "holds no text"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_way_out(tmp_path, frame, said, message):
    frame.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(SourceError, match=message):
        read(tmp_path / "new.csv", **said)


def test_a_file_of_another_encoding_is_told_how_to_be_mended(tmp_path):
    (tmp_path / "new.csv").write_bytes(b"review\ncaf\xe9\nna\xefve\n")
    with pytest.raises(SourceError, match=r"new\.csv is not UTF-8: byte 0xe9 in line 2 .*iconv -f WINDOWS-1252"):
        read(tmp_path / "new.csv")


NO_LABELS = [range(1200), ["secret"] * 1200, [["a"]] * 1200, [None] * 1200, [b"\xff"] * 1200]


@pytest.mark.parametrize("column", [*map(pa.array, NO_LABELS), pa.array(NO_LABELS[-1], pa.large_binary())])
def test_a_column_that_nobody_named_is_no_obstacle_when_it_holds_no_labels(tmp_path, column):
    texts = [f"text {number}" for number in range(1200)]
    pq.write_table(pa.table({"review": texts, "label": column}), tmp_path / "x.parquet")
    found = read(tmp_path / "x.parquet", most=2000)
    assert (len(found), set(found.labels)) == (1200, {-1})
    assert "column 'label'" in found.note
    assert "secret" not in found.note
    with pytest.raises(SourceError, match="column 'label'"):
        read(tmp_path / "x.parquet", label="label")


def test_labelled_rows_are_sampled_apart_and_the_others_stay_a_fair_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.operation.text_rows.WINDOW_ROWS", 500)
    labels = np.where(np.arange(4000) % 40 == 0, "fine", None)  # 100 rows
    table(4000, stars=labels).to_parquet(tmp_path / "new.parquet")
    found = read(tmp_path / "new.parquet", most=200)
    labelled_rows = found.labels != -1
    assert (len(found), labelled_rows.sum()) == (200, 100)
    assert (labelled_rows & found.at_random).sum() < 20  # 5 are due
    assert (found.at_random | labelled_rows).all()


def test_no_more_labelled_rows_than_others_are_kept_and_none_that_are_neutral(tmp_path):
    labels = ["neutral"] * 900 + ["positive", "negative"] * 50
    table(1000, stars=labels).to_parquet(tmp_path / "new.parquet")
    found = read(tmp_path / "new.parquet", most=60)
    assert (len(found), (found.labels != -1).sum()) == (60, 60)


def test_a_label_is_kept_where_its_text_stands_without_one_too(tmp_path):
    frame = pd.DataFrame({"review": ["same"] * 20, "stars": [None] * 19 + ["fine"]})
    frame.to_parquet(tmp_path / "new.parquet")
    found = read(tmp_path / "new.parquet")
    assert (len(found), (found.labels == 1).sum(), found.texts.to_pylist()[0]) == (1, 1, "same")


def official(tmp_path, labels, texts=None):
    """A file in the layout of Sentiment140, and its texts."""
    texts = texts or [f"text {number}" for number in range(len(labels))]
    rows = (tiny_data.line(label, text, number=n) for n, (label, text) in enumerate(zip(labels, texts, strict=True)))
    path = tmp_path / "more.csv"
    path.write_bytes(b"".join(rows))
    return path


def test_sentiment140_s_own_layout_has_no_header_and_is_read_all_the_same(tmp_path):
    path = official(tmp_path, "0404", ["one", "two", "cafÃ© closed", "crème brûlée"])
    found = read(path)
    assert found.rows == 4  # the first one is no header
    labels = dict(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True))
    assert labels == {"one": 0, "two": 1, "café closed": 0, "crème brûlée": 1}


def test_of_that_layout_the_labels_are_known_also_where_one_is_missing_or_neutral(tmp_path):
    found = read(official(tmp_path, "002"))
    assert dict(zip(found.texts.to_pylist(), found.labels.tolist(), strict=True)) == {
        "text 0": 0, "text 1": 0, "text 2": -1,
    }  # fmt: skip


def test_a_strange_label_in_that_layout_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"'target' holds '0' .*'7' \(1 rows\); say what each value means"):
        read(official(tmp_path, "0047"))


def test_one_reader_serves_monitor_and_evaluate_on(tmp_path):
    path = official(tmp_path, "04024")
    seen, said = read(path), Description()
    file = labelled.look_at(path, said=said, dataset=None)
    (part,) = labelled.rows(file)
    known = seen.labels != -1
    assert sorted(zip(seen.texts.filter(pa.array(known)).to_pylist(), seen.labels[known], strict=True)) == sorted(
        zip(part.texts.to_pylist(), part.labels, strict=True)
    )
    assert part.left_out == {"neutral": 1}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"no file .*none\.csv: NEW="):
        read(tmp_path / "none.csv")


def write_log(path, *requests):
    lines = [json.dumps({"message": "request", "texts": 1, **request}) for request in requests]
    path.write_text("\n".join(['{"message": "model ready"}', "Traceback: no JSON", *lines]) + "\n")
    return path


def test_scores_are_read_from_the_log_of_the_service(tmp_path):
    requests = [{"scores": [0.25, 0.5]}, {"model_version": VERSION, "probabilities": [1.0]}, {"problem": "bad-json"}]
    found = read(write_log(tmp_path / "service.log", *requests))
    assert sorted(found.probabilities.tolist()) == [0.25, 0.5, 1.0]
    assert found.texts is None
    assert found.left_out == {"requests without scores": 1}


def test_scores_of_another_model_are_left_out(tmp_path):
    requests = [{"scores": [0.5]}, {"scores": [0.1], "model_version": "older"}]
    found = read(write_log(tmp_path / "service.jsonl", *requests))
    assert found.probabilities.tolist() == [0.5]
    assert found.left_out == {"requests to older": 1}


def test_a_long_log_is_sampled_while_it_is_read(tmp_path):
    requests = [{"scores": [number / 1000, number / 1000]} for number in range(1000)]
    found = read(write_log(tmp_path / "service.log", *requests), most=400)
    assert (found.rows, len(found)) == (2000, 400)
    assert np.histogram(found.probabilities, bins=4, range=(0, 1))[0].min() > 70


@pytest.mark.parametrize("name", ["service.log.1.gz", "service.jsonl.gz"])
def test_a_rotated_log_is_read_as_it_is(tmp_path, name):
    plain = write_log(tmp_path / "service.log", *[{"scores": [0.25]}] * 2000)
    path = tmp_path / name
    path.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(path).rows == 2000
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(SourceError, match="broken gzip"):
        read(path)


@pytest.mark.parametrize(
    ("request_line", "message"),
    [({}, "holds no scores of .*LOG_SCORES=1"), ({"scores": [1.5]}, "are no probabilities")],
)
def test_a_log_without_scores_is_refused(tmp_path, request_line, message):
    with pytest.raises(SourceError, match=message):
        read(write_log(tmp_path / "service.log", request_line))
