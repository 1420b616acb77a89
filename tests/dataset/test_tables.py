import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import tables
from pipelines.dataset.provenance import SourceError

COLUMNS = {"text": "review", "label": "stars", "id": None, "date": None, "user": "who"}


def read(path, format, columns=COLUMNS):
    batches = list(tables.read_file(path, format=format, columns=columns))
    rejected = [one for batch in batches for one in batch.rejected]
    return pa.concat_tables([batch.table for batch in batches]).to_pydict(), rejected


def test_csv_with_a_header_keeps_quotes_newlines_and_row_numbers(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('who,stars,review,more\na,1,"one, ""two""\nthree",x\nshort,1\nb,0,four,x\n\nc,1,five,x\n')
    table, rejected = read(path, "csv")
    assert table["row"] == [0, 2, 3]
    assert table["text"] == ['one, "two"\nthree', "four", "five"]
    assert table["user"] == ["a", "b", "c"]
    assert table["id"] == [None] * 3
    assert [(one.row, one.reason, one.line) for one in rejected] == [(1, "2 columns instead of 4", "short,1")]


def test_row_numbers_survive_rejected_rows_over_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK_BYTES", 100)
    path = tmp_path / "x.csv"
    lines = [f"u{row},1,text {row}" if row % 3 else f"bad {row}" for row in range(200)]
    path.write_text("who,stars,review\n" + "\n".join(lines))
    table, rejected = read(path, "csv")
    assert table["text"] == [f"text {row}" for row in table["row"]]
    assert [one.line for one in rejected] == [f"bad {one.row}" for one in rejected]
    assert sorted(table["row"] + [one.row for one in rejected]) == list(range(200))


def test_tsv_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "x.tsv"
    path.write_bytes(b"\xef\xbb\xbfreview\tstars\twho\nfine, really\t1\tme\n")
    table, _ = read(path, "tsv")
    assert (table["text"], table["label"]) == (["fine, really"], ["1"])


def test_json_lines_take_numbers_booleans_and_null_and_set_aside_the_rest(tmp_path):
    path = tmp_path / "x.jsonl"
    records = [
        {"review": "a", "stars": 1, "who": None},
        {"review": "b", "stars": True, "who": "x"},
        {"review": ["no"], "stars": 1, "who": "x"},
        {"review": "no stars", "who": "x"},
        [],
        {"review": "nobody", "stars": float("nan")},
    ]
    text = "\n".join(map(json.dumps, records)) + '\n{"broken\n\n{"review": "\\ud800", "stars": 1.5, "who": ""}\n'
    path.write_text(text)
    table, rejected = read(path, "jsonl")
    assert table["row"] == [0, 1, 5, 7]
    assert table["label"] == ["1", "true", None, "1.5"]
    assert table["text"] == ["a", "b", "nobody", "?"]
    assert table["user"] == [None, "x", None, ""]
    assert [one.row for one in rejected] == [2, 3, 4, 6]
    assert "no field 'stars'" in rejected[1].reason
    assert "a list" in rejected[2].reason
    assert rejected[3].reason.startswith("not JSON")


def test_parquet_columns_of_any_plain_type_become_text(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table(
            {
                "review": pa.array(["a", None, "c"]).dictionary_encode(),
                "stars": pa.array([True, False, None]),
                "who": pa.array([1, 2, 3]),
            }
        ),
        path,
    )
    table, _ = read(path, "parquet")
    assert table["text"] == ["a", None, "c"]
    assert table["label"] == ["true", "false", None]
    assert table["user"] == ["1", "2", "3"]


def test_what_is_no_utf_8_in_a_parquet_file_is_set_aside(tmp_path):
    packed = pa.array([b"ok", b"d\xe9j", None, "�".encode()])
    review = pa.Array.from_buffers(pa.string(), len(packed), packed.buffers())
    for column in (review, packed, review.dictionary_encode()):
        pq.write_table(
            pa.table({"review": column, "stars": [1.0, 0.0, 1.0, float("nan")], "who": packed}), tmp_path / "x"
        )
        table, rejected = read(tmp_path / "x", "parquet")
        assert (table["row"], table["text"], table["label"]) == ([0, 2, 3], ["ok", None, "�"], ["1", "1", None])
        assert [(one.row, one.reason) for one in rejected] == [(1, "not valid UTF-8")]
        assert "d�j" in rejected[0].line


def test_a_parquet_column_that_is_no_plain_value_is_named(tmp_path):
    pq.write_table(pa.table({"review": ["a"], "stars": [["1", "2"]], "who": [1]}), tmp_path / "x")
    with pytest.raises(SourceError, match=r"column 'stars' of x is list<.*neither text nor number"):
        read(tmp_path / "x", "parquet")


@pytest.mark.parametrize("opened", ['a,1,"never closed', '"never,1,closed'])
def test_a_quote_that_is_never_closed_and_takes_in_the_rest_is_refused(tmp_path, opened):
    path = tmp_path / "x.csv"
    path.write_text(f"who,stars,review\na,0,fine\n{opened}\n" + "b,1,text\n" * 50)
    with pytest.raises(SourceError, match=r"x\.csv has a quote that is never closed: its last row takes in 5\d lines"):
        read(path, "csv")


def test_lines_within_quotes_and_single_quotes_are_no_reason_to_refuse(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('who,stars,review\na,0,5" tall\nb,1,"one\ntwo\nthree\nfour"\nc,1,five\n')
    assert read(path, "csv")[0]["text"] == ['5" tall', "one\ntwo\nthree\nfour", "five"]


def test_a_column_of_two_roles_is_read_once(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("who,stars,review\na,1,fine\n")
    assert read(path, "csv", COLUMNS | {"id": "who"})[0]["id"] == ["a"]


def test_a_quote_that_is_never_closed_is_a_clear_error_when_it_swallows_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK_BYTES", 1000)
    path = tmp_path / "x.csv"
    path.write_text('who,stars,review\na,1,"never closed\n' + "b,1,text\n" * 1000)
    with pytest.raises(SourceError, match=r"x\.csv cannot be read as csv.*quote"):
        read(path, "csv")
