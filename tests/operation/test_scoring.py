"""Scoring of files: every row comes out, in order, whatever is in it; a killed run goes on."""

import csv
import functools
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import exported_model
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines.operation import exported, records, scoring, windows
from pipelines.operation.outgoing import OutputError, check_out
from pipelines.operation.table_file import look_at
from serving import predictor
from serving.settings import Settings

ROWS = [(str(number), text) for number, text in enumerate(exported_model.texts(200))]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return exported_model.export(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def model(folder):
    return exported.ExportedModel(folder)


@pytest.fixture(scope="session")
def expected(folder):
    """What the service answers to the texts of ROWS."""
    return predictor.load(folder).score([text for _, text in ROWS])


def written(path, rows=ROWS, *, header=("id", "text")):
    """`rows` as a file of the format that its name says."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(header, zip(*rows, strict=True), strict=True))), plain, row_group_size=7)
    elif plain.suffix == ".jsonl":
        plain.write_text("".join(json.dumps(dict(zip(header, row, strict=True))) + "\n" for row in rows))
    else:
        with plain.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter="\t" if plain.suffix == ".tsv" else ",")
            writer.writerows([header, *rows])
    if path != plain:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


delimited = functools.partial(records.delimited, delimiter=",")


def score(path, out, model, *, text="", **options):
    counts = scoring.score_file(look_at(path, text=text), out, model=model, **{"rows": 64} | options)
    return pq.read_table(out) if out.suffix == ".parquet" else counts


def test_columns_that_a_spreadsheet_has_left_without_a_name_are_kept_by_their_number(tmp_path, model):
    path = tmp_path / "sheet.csv"
    path.write_text("text,label,,\ngood,1,,\nbad,0,x,\n")
    table = score(path, tmp_path / "out.parquet", model)
    assert table.column_names[:4] == ["text", "label_in_file", "column 3", "column 4"]
    assert table["column 3"].to_pylist() == ["", "x"]
    assert table["error"].null_count == 2


@pytest.mark.parametrize("format", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet"])
def test_any_format_comes_out_in_order_with_the_service_s_scores(tmp_path, model, expected, format):
    table = score(written(tmp_path / f"tweets.{format}"), tmp_path / "out.parquet", model)
    assert table.column_names == ["id", "text", "label", "probability", "model_version", "error"]
    assert list(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)) == ROWS
    np.testing.assert_allclose(table["probability"].to_numpy(), expected, atol=1e-5)
    assert table["label"].to_pylist() == ["positive" if score >= 0.5 else "negative" for score in expected]
    assert set(table["label"].to_pylist()) == {"negative", "positive"}
    assert table["model_version"].to_pylist() == [model.version] * len(ROWS)
    assert table["error"].null_count == len(ROWS)
    assert not list(tmp_path.glob(".out.parquet.parts"))


@pytest.mark.parametrize("ending", ["parquet", "csv", "tsv", "jsonl"])
def test_what_comes_out_can_go_in_again(tmp_path, model, capsys, ending):
    nasty = [("1", 'quotes " and, commas'), ("2", "two\nlines\tand a tab"), ("3", "NUL \x00 😀"), ("4", "")]
    first = tmp_path / f"first.{ending}"
    scoring.score_file(look_at(written(tmp_path / "x.jsonl", nasty)), first, model=model)
    table = score(first, tmp_path / "second.parquet", model)
    assert list(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)) == nasty
    assert table.column_names[2:6] == [f"{name}_in_file" for name in scoring.ADDED]
    assert "the file has a column 'label' of its own: kept as 'label_in_file'" in capsys.readouterr().out
    assert table["label"].to_pylist() == table["label_in_file"].to_pylist()
    np.testing.assert_allclose(
        table["probability"].to_numpy(), np.array(table["probability_in_file"].to_pylist(), float), atol=1e-6
    )


BAD_CSV = b"""id,text
1,good day
2,one,too many
3
"4,never closed
5,d\xe9j\xe0 vu
6,%s
7,%s
\xff8,bad day

9,a "quoted" day
"10","never closed either
11,good""" % (b"x" * 10_001, b"y" * 200_000)


def test_bad_rows_of_a_csv_say_why_and_cost_no_other_row(tmp_path, model):
    (tmp_path / "x.csv").write_bytes(BAD_CSV)
    table = score(tmp_path / "x.csv", tmp_path / "out.parquet", model, rows=3)
    found = {row["id"]: row for row in table.to_pylist() if row["id"]}
    assert [row["id"] for row in table.to_pylist()] == [
        "1", None, None, None, "5", "6", None, "\N{REPLACEMENT CHARACTER}8", "9", None, "11"
    ]  # fmt: skip
    errors = [error and error.split(":")[0] for error in table["error"].to_pylist()]
    never = "a quote that is never closed"
    assert errors == [
        None, "3 fields instead of 2", "1 fields instead of 2", never, "not valid UTF-8",
        "a text of more than 10,000 characters", "a field or a line that is too long", "not valid UTF-8", None,
        never, None,
    ]  # fmt: skip
    assert "'2,one,too many'" in table["error"][1].as_py()
    assert found["9"]["text"] == 'a "quoted" day'
    assert table["label"].is_null().to_pylist() == table["probability"].is_null().to_pylist()
    assert table["label"].is_valid().to_pylist() == table["error"].is_null().to_pylist()


LONG = "5,no tweet\n" * 20_000


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'1,a\n2,"{LONG}"\n3,c\n', ["1", "long", "3"]),
        (f'1,a\n"2 ""x""","{LONG}",more,"{LONG}"\r\n3,c', ["1", "long", "3"]),
        (f'1,a\n2,"{"y" * 2_200_000}\ny,y"\n3,"c"\n', ["1", "long", "3"]),
        (f'1,a\n2,{"y,y" * 500_000}\n3,"c"\n', ["1", "long", "3"]),
        (f'1,a\n2,"{"y" * 2_200_000}\n3,"c"\n4,d', ["1", "open", "3", "4"]),
        (f'1,a\n2,"open\n{LONG}3,"c"\n', ["1", "open", *["5"] * 20_000, "3"]),
        (f'1,a\n2,"open\n{LONG}3,"open again\n{LONG}', ["1", "open", *["5"] * 20_000, "open", *["5"] * 20_000]),
        ('1,a\n2,"open\n5,b\n3,"c"\n4,d', ["1", "open", "5", "3", "4"]),
        ('1,a\n"open\n5,b\n"6 and, more",b\n"7","two\nlines"\n', ["1", "open", "5", "6 and, more", "7"]),
        (f'1,"two\nlines","open\n{LONG}3,c', ["open", *["5"] * 20_000, "3"]),
        (f'"x\n2,"q" d,"open\n{LONG}', ["open", "open", *["5"] * 20_000]),
    ],
)
def test_a_long_quoted_field_is_one_row_and_an_open_quote_is_one_line(tmp_path, body, expected):
    errors = {records.TOO_LONG: "long", records.NEVER_CLOSED: "open"}
    with io.StringIO(body, newline="") as file:
        found = [fields[0] if fields else errors[error.split(":")[0]] for fields, error in delimited(file)]
    assert found[: len(expected)] == expected[: len(found)]
    assert len(found) == len(expected)


def test_bad_rows_of_json_lines_say_why(tmp_path, model):
    lines = [
        '{"text": "good", "n": 1, "deep": {"a": [1]}}',
        "{not json",
        "[1, 2]",
        '{"n": 2}',
        '{"text": null}',
        '{"text": 7}',
        '{"text": "\\ud800 lone"}',
        "[" * 100_000,
        '{"text": "bad", "n": 2.5, "late": true}',
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    table = score(tmp_path / "x.jsonl", tmp_path / "out.parquet", model)
    errors = [error and error.split(":")[0] for error in table["error"].to_pylist()]
    assert errors[:7] == [
        None, "not JSON", "not a JSON object", "no text", "no text", "the text is no string", "not valid UTF-8"
    ]  # fmt: skip
    assert errors[7:] == ["not JSON", None]
    assert table["n"].to_pylist() == [1.0, None, None, 2.0, None, None, None, None, 2.5]
    assert table["late"].to_pylist() == [None] * 8 + [True]
    assert json.loads(table["deep"][0].as_py()) == {"a": [1]}


def test_bad_rows_of_a_parquet_say_why(tmp_path, model):
    broken = pa.array([b"good", None, b"\xff\xfe", b"bad"], pa.binary()).view(pa.string())
    kept = pa.array([[1], None, [2, 3], []], pa.list_(pa.int8()))
    names = pa.array(["a", "b", "a", None]).dictionary_encode()
    pq.write_table(pa.table({"text": broken, "kept": kept, "name": names}), tmp_path / "x.parquet")
    table = score(tmp_path / "x.parquet", tmp_path / "out.parquet", model, rows=2)
    assert [error and error.split(":")[0] for error in table["error"].to_pylist()] == [
        None, "no text", "not valid UTF-8", None
    ]  # fmt: skip
    assert table["kept"].to_pylist() == kept.to_pylist()
    assert table["name"].to_pylist() == ["a", "b", "a", None]
    with pytest.raises(OutputError, match=r"column 'kept' is nested, which \.csv cannot hold"):
        score(tmp_path / "x.parquet", tmp_path / "out.csv", model)


def test_numbers_of_json_lines_come_out_as_they_went_in(tmp_path):
    wide = 1_234_567_890_123_456_789
    rows = [{"id": wide, "whole": wide, "part": 1, "text": "a"}, {"id": 1.5, "whole": 2, "part": 1.5, "text": "b"}]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (window,) = windows.windows(look_at(tmp_path / "x.jsonl"), rows=9)
    assert window.columns.select(["id", "whole", "part"]).to_pydict() == {
        "id": [str(wide), "1.5"], "whole": [wide, 2], "part": [1.0, 1.5]
    }  # fmt: skip


STRINGS = [pa.string_view(), pa.large_string(), *(pa.dictionary(of, pa.string()) for of in (pa.int8(), pa.int32()))]


@pytest.mark.parametrize("kind", STRINGS)
def test_texts_of_any_string_type_are_scored_and_one_bad_byte_costs_one_row(tmp_path, model, kind):
    broken = pa.array([b"good", None, b"\xff\xfe", b"bad", b"good"], pa.binary()).view(pa.string())
    if pa.types.is_dictionary(kind):
        packed = broken.dictionary_encode()
        texts = pa.DictionaryArray.from_arrays(packed.indices.cast(kind.index_type), packed.dictionary)
    else:
        texts = broken.cast(kind)
    pq.write_table(pa.table({"text": texts, "again": texts}), tmp_path / "x.parquet", row_group_size=2)
    for ending in ("parquet", "csv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        scoring.score_file(look_at(tmp_path / "x.parquet"), out, model=model, rows=3)
    table = pq.read_table(tmp_path / "out.parquet")
    assert [error and error.split(":")[0] for error in table["error"].to_pylist()] == [
        None, "no text", "not valid UTF-8", None, None
    ]  # fmt: skip
    assert table["text"].to_pylist() == ["good", None, "\N{REPLACEMENT CHARACTER}" * 2, "bad", "good"]
    assert table["again"].to_pylist() == table["text"].to_pylist()


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary(1), pa.binary_view(), pa.list_(pa.binary())]
)
def test_bytes_are_refused_where_the_format_holds_text(tmp_path, kind, ending):
    columns = pa.schema([("text", pa.string()), ("raw", kind)])
    message = rf"column 'raw' is .*binary.*, which \.{ending} cannot hold: use \.parquet"
    with pytest.raises(OutputError, match=message):
        check_out(tmp_path / f"out.{ending}", columns)
    check_out(tmp_path / "out.parquet", columns)


def test_a_type_that_csv_has_no_text_for_is_refused_at_once(tmp_path):
    columns = pa.schema([("text", pa.string()), ("span", pa.month_day_nano_interval())])
    with pytest.raises(OutputError, match="column 'span' is month_day_nano_interval, which"):
        check_out(tmp_path / "out.csv", columns)


def test_sentiment140_s_own_csv_needs_no_header(tmp_path, model):
    path = tmp_path / tiny_data.TRAINING
    path.write_bytes(tiny_data.training_csv())
    table = score(path, tmp_path / "out.parquet", model)
    assert table.column_names[:6] == ["target", "id", "date", "flag", "user", "text"]
    errors = pc.value_counts(table["error"].drop_null()).to_pylist()
    assert sorted(entry["values"].split(":")[0] for entry in errors) == [
        "2 fields instead of 6", "7 fields instead of 6"
    ]  # fmt: skip
    assert table.num_rows == 400 + len(tiny_data.NASTY) + len(tiny_data.BAD) + 2


def test_the_double_encoding_of_that_layout_is_undone_as_training_does(tmp_path, model):
    broken = "caf\N{LATIN SMALL LETTER E WITH ACUTE}, good".encode().decode("latin-1")
    path = tmp_path / "x.csv"
    row = f'"0","1","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","me","{broken}"\n'
    path.write_text(3 * row, encoding="latin-1")
    assert set(score(path, tmp_path / "out.parquet", model)["text"].to_pylist()) == {"café, good"}
    path.write_text(f'text\n"{broken}"\n', encoding="utf-8")  # of another layout it is not known that it needs it
    assert score(path, tmp_path / "own.parquet", model)["text"].to_pylist() == [broken]


def test_what_json_has_no_word_for_is_null(tmp_path, model):
    numbers = pa.array([1.5, float("nan"), float("inf")])
    nested = pa.array([{"a": [float("-inf"), 1.0]}] * 3)
    pq.write_table(pa.table({"text": ["good"] * 3, "n": numbers, "m": nested}), tmp_path / "x.parquet")
    score(tmp_path / "x.parquet", tmp_path / "out.jsonl", model)
    rows = [json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["n"] for row in rows] == [1.5, None, None]
    assert rows[0]["m"] == {"a": [None, 1.0]}


def test_a_time_beyond_the_calendar_is_refused_with_the_way_out(tmp_path, model):
    far = pa.array([2**55], pa.timestamp("ms"))
    pq.write_table(pa.table({"text": ["good"], "when": far}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match=r"cannot be written as \.jsonl .*use \.parquet"):
        score(tmp_path / "x.parquet", tmp_path / "out.jsonl", model)
    assert score(tmp_path / "x.parquet", tmp_path / "out.parquet", model).num_rows == 1


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="/proc is Linux's")
def test_a_folder_that_takes_no_files_is_refused_at_once(tmp_path):
    with pytest.raises(OutputError, match="no file can be made in /proc"):
        check_out(Path("/proc/out.csv"), pa.schema([("text", pa.string())]))


def test_the_longest_text_is_the_service_s():
    assert Settings().max_characters == windows.MAX_CHARACTERS


def test_counts_are_told_and_kept(tmp_path, model):
    (tmp_path / "x.csv").write_text("text\ngood\na,b\nc,d\n" + "z" * 10_001 + "\n")
    counts = score(tmp_path / "x.csv", tmp_path / "out.csv", model)
    told = scoring.report(counts, tmp_path / "out.csv")
    assert "4 rows, 1 scored" in told
    assert "2 not scored: 2 fields instead of 1" in told
    record = json.loads((tmp_path / "out.csv.manifest.json").read_text())
    assert (record["rows"], record["scored"], sum(record["errors"].values())) == (4, 1, 3)
    assert record["plan"]["model_version"] == model.version
    (tmp_path / "latin.csv").write_bytes("text\ncafé\n".encode("cp1252"))
    counts = score(tmp_path / "latin.csv", tmp_path / "latin-out.csv", model)
    assert "iconv -f WINDOWS-1252" in scoring.report(counts, tmp_path / "latin-out.csv")


def test_a_file_is_read_a_window_at_a_time(tmp_path, model, monkeypatch):
    """Memory is that of the windows under way: one is scored, one waits, whatever the file's size."""
    made, scored, most = 0, 0, 0
    prepare, compute = model.prepare, model.score

    def counting_prepare(texts):
        nonlocal made, most
        assert len(texts) <= 10
        made += 1
        most = max(most, made - scored)
        return prepare(texts)

    def counting_score(prepared):
        nonlocal scored
        scored += 1
        return compute(prepared)

    monkeypatch.setattr(model, "prepare", counting_prepare)
    monkeypatch.setattr(model, "score", counting_score)
    for format in ("csv", "jsonl", "parquet"):
        score(written(tmp_path / f"x.{format}"), tmp_path / f"{format}.parquet", model, rows=10)
    assert made == scored == 3 * len(ROWS) / 10
    assert most <= 3


def test_an_endless_line_is_never_held_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "LONGEST_LINE", 1000)
    body, asked = "id,text\n1,good\n2," + "x," * 50_000 + "\n3,bad\n", set()

    class File(io.StringIO):
        def readline(self, size=-1):
            asked.add(size)
            return super().readline(size)

    found = delimited(File(body, newline=""))
    assert [fields[0] if fields else error.split(":")[0] for fields, error in found] == [
        "id", "1", records.TOO_LONG, "3"
    ]  # fmt: skip
    assert asked == {1000}


def test_the_same_again_does_nothing_and_another_input_or_model_does_it_anew(tmp_path, folder, model):
    path, out = written(tmp_path / "x.csv"), tmp_path / "out.parquet"
    score(path, out, model)
    before = out.stat().st_ino
    assert scoring.score_file(look_at(path), out, model=model, rows=64) is None
    assert out.stat().st_ino == before
    written(path, ROWS[:100])
    assert score(path, out, model).num_rows == 100
    other = exported.ExportedModel(exported_model.export(tmp_path / "other", seed=8))
    assert set(score(path, out, other)["model_version"].to_pylist()) == {other.version}


def test_a_file_that_is_not_this_command_s_is_not_replaced(tmp_path, model):
    path, out = written(tmp_path / "x.csv"), tmp_path / "out.csv"
    out.write_text("precious")
    with pytest.raises(OutputError, match=r"out\.csv exists and is not what this command left there: OVERWRITE=1"):
        score(path, out, model)
    assert out.read_text() == "precious"
    score(path, out, model, overwrite=True)
    with out.open("a") as file:
        file.write("edited")
    with pytest.raises(OutputError, match="not what this command left there"):
        score(written(path, ROWS[:9]), out, model)


@pytest.mark.parametrize(
    ("name", "content", "text", "out", "message"),
    [
        ("none.csv", None, "", "o.csv", "no file .*none.csv"),
        ("x.csv", b"", "", "o.csv", r"is empty \(0 bytes\)"),
        # mtime=0: these bytes are in the tests' names, which pytest's two workers must agree on.
        ("x.csv.gz", gzip.compress(b"", mtime=0), "", "o.csv", r"is empty \(0 bytes, gzipped\)"),
        ("x.csv.gz", gzip.compress(b"text\nx\n" * 999, mtime=0)[:-9], "", "o.csv", "broken gzip"),
        ("x.parquet", b"PAR1 and no more", "", "o.csv", "broken Parquet"),
        ("x.csv", b"id,txt\n1,a\n", "", "o.csv", "no column 'text'; did you mean 'txt'. It has 'id', 'txt': say TEXT="),
        ("x.csv", b"text,a,a\n1,2,3\n", "", "o.csv", "2 columns named 'a'"),
        ("x.jsonl", b'{"n": 1}\n', "n", "o.csv", "column 'n' of x.jsonl is int64, not text"),
        ("x.csv", "text\nd".encode("utf-16"), "", "o.csv", "is UTF-16; make it UTF-8"),
        ("x.docx", b"hello", "", "o.csv", r"ends in \.csv"),
        ("x.csv", b"text\na\n", "", "o.xlsx", r"ends in \.parquet, \.csv"),
        ("x.csv", b"text\na\n", "", "nowhere/o.csv", "there is no folder .*nowhere: mkdir -p"),
        ("x.csv", b"text\na\n", "", "x.csv", "is the FILE itself"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path, model, name, content, text, out, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=message):
        score(tmp_path / name, tmp_path / out, model, text=text)
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_without_rows_gives_one(tmp_path, model):
    (tmp_path / "x.csv").write_text("id,text\n")
    table = score(tmp_path / "x.csv", tmp_path / "out.parquet", model)
    assert (table.num_rows, table.column_names[:3]) == (0, ["id", "text", "label"])


def command(folder, *arguments):
    shell = [sys.executable, "-m", "pipelines.operation.scoring", "--model", str(folder), *map(str, arguments)]
    return subprocess.Popen(shell, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed_and_started_again_it_ends_as_if_undisturbed(tmp_path, folder, model, capsys):
    path = written(tmp_path / "x.csv", [(str(n), text) for n, text in enumerate(exported_model.texts(6_000))])
    out, parts = tmp_path / "out.csv", tmp_path / ".out.csv.parts"
    process = command(folder, path, out, "--rows", "100")
    deadline = time.monotonic() + 300
    while len(list(parts.glob("0*.arrow"))) < 4 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    kept = list(parts.glob("0*.arrow"))
    assert 4 <= len(kept) < 60
    assert not out.exists()
    counts = score(path, out, model, rows=100)
    assert f"going on after {100 * len(kept):,} rows" in capsys.readouterr().out
    assert counts.as_dict()["scored"] == 6000
    score(path, tmp_path / "undisturbed.csv", model, rows=100)
    assert out.read_bytes() == (tmp_path / "undisturbed.csv").read_bytes()
    assert not parts.exists()


def test_parts_of_another_input_are_not_used(tmp_path, model, capsys):
    path, out = written(tmp_path / "x.csv"), tmp_path / "out.parquet"

    def killed(prepared):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "score", killed)
        with pytest.raises(KeyboardInterrupt):
            score(path, out, model)
    assert (tmp_path / ".out.parquet.parts" / "plan.json").exists()
    table = score(written(path, ROWS[::-1]), out, model)
    assert "what was begun earlier is of another input: starting anew" in capsys.readouterr().out
    assert table["id"].to_pylist() == [row for row, _ in ROWS[::-1]]


def test_the_exit_status_tells(tmp_path, folder):
    process = command(folder, tmp_path / "none.csv", tmp_path / "out.csv")
    _, problems = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"error: no file {tmp_path / 'none.csv'}" in problems


def test_a_scored_csv_reads_as_pandas_or_arrow_expect(tmp_path, model, expected):
    score(written(tmp_path / "x.csv"), tmp_path / "out.csv", model)
    table = pacsv.read_csv(tmp_path / "out.csv", parse_options=pacsv.ParseOptions(newlines_in_values=True))
    np.testing.assert_allclose(table["probability"].to_numpy(), expected, atol=1e-5)
