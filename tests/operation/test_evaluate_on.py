"""A labelled file of any kind gives the figures of notebook 06, or an error that says what to do."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import exported_model
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tiny_data

from pipelines import artifacts, tracking
from pipelines.dataset import provenance
from pipelines.dataset.provenance import SourceError
from pipelines.evaluation import kinds, metrics, slices
from pipelines.operation import evaluate_on, exported, file_figures, labelled, scorecard
from pipelines.operation.text_rows import Description

ROOT = Path(__file__).resolve().parents[2]
TEXTS = exported_model.texts(300)
LABELS = ["negative" if number % 3 else "positive" for number in range(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return exported_model.export(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model(folder):
    return exported.ExportedModel(folder)


@pytest.fixture(autouse=True)
def stores(data_folder, tmp_path, monkeypatch, fresh_store):
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def frame(texts=TEXTS, labels=LABELS, **columns):
    return pd.DataFrame({"text": texts, "label": labels, **columns})


def written(path, table):
    """A table as a file of the format that its name says."""
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    if plain.suffix == ".parquet":
        table.to_parquet(plain)
    elif plain.suffix == ".jsonl":
        table.to_json(plain, orient="records", lines=True)
    else:
        table.to_csv(plain, index=False, sep="\t" if plain.suffix == ".tsv" else ",")
    if plain != path:
        path.write_bytes(gzip.compress(plain.read_bytes()))
    return path


def evaluate(path, model, *, resamples=50, rows=None, date="", **said):
    file = labelled.look_at(path, said=Description(**said), dataset=artifacts.Dataset("invented"), date=date)
    vocabulary = exported_model.VOCABULARY
    return file_figures.evaluate(file, model, vocabulary=vocabulary, resamples=resamples, rows=rows)


@pytest.mark.parametrize("ending", ["csv", "csv.gz", "tsv", "jsonl", "parquet"])
def test_any_format_gives_the_figures_of_its_rows(tmp_path, model, ending):
    result = evaluate(written(tmp_path / f"x.{ending}", frame()), model, rows=64)
    labels = np.array([int(label == "positive") for label in LABELS])
    probabilities = model.score(model.prepare(pa.array(TEXTS)))
    expected = metrics.evaluate(labels, probabilities, resamples=50, seed=1)
    found = result["figures"]
    assert found["rows"] == 300
    for name in metrics.NAMES:
        assert found[name] == pytest.approx(expected[name], abs=1e-5)
        assert found[f"{name}_interval"] == pytest.approx(expected[f"{name}_interval"], abs=1e-5)
    more = kinds.by_unknown(kinds.unknown_shares(pa.array(TEXTS), exported_model.VOCABULARY))
    by_word = kinds.by_first_word(pa.array(TEXTS), count=99)
    more |= {name: mask for name, mask in by_word.items() if name.split("“")[1][:-1] in exported_model.VOCABULARY}
    table = slices.table(pa.array(TEXTS), labels, probabilities, more=more)
    assert {"all tokens known", "begins with “good”"} <= set(table["slice"])
    pd.testing.assert_frame_equal(pd.DataFrame(result["slices"]), table)
    low, high = found["calibration_error_interval"]
    assert low < found["calibration_error"] < high
    assert np.sum(found["confusion"]) == 300
    assert result["file"]["sha256"] == artifacts.sha256(tmp_path / f"x.{ending}")


@pytest.mark.parametrize(
    "labels", [["0", "1"], ["0", "4"], ["-1", "1"], [0, 1], [False, True], [0.0, 1.0], ["No", "YES"]]
)
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_labels_of_any_type_are_read(tmp_path, model, labels, ending):
    path = written(tmp_path / f"x.{ending}", frame(["bad", "good"] * 9, labels * 9))
    assert [one["means"] for one in evaluate(path, model)["labels"]] == ["negative", "positive"]


def test_each_row_that_is_set_aside_is_counted_with_its_reason(tmp_path, model):
    lines = [
        "text,label", *("good,1\nbad,0" for _ in range(5)), ",1", "   ,0", "bad,", "x,y,z", f"{'a' * 10_001},1",
    ]  # fmt: skip
    (tmp_path / "x.csv").write_bytes("\n".join(lines).encode() + b"\nd\xe9j\xe0 vu,0\n")
    result = evaluate(tmp_path / "x.csv", model)
    assert result["left_out"] == {
        "empty text": 2, "no label": 1, "3 fields instead of 2": 1, "a text of more than 10,000 characters": 1,
        "not valid UTF-8": 1,
    }  # fmt: skip
    assert (result["file"]["rows"], result["figures"]["rows"], result["repeats"]) == (16, 10, 8)
    assert "iconv" in scorecard.text(result)


def test_null_texts_and_labels_of_a_parquet_are_set_aside(tmp_path, model):
    path = written(tmp_path / "x.parquet", frame(["a", None, "b", "c"], [1.0, 0.0, None, 0.0]))
    assert evaluate(path, model)["left_out"] == {"no text": 1, "no label": 1}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(1)])
def test_bytes_are_no_labels(tmp_path, model, kind):
    pq.write_table(pa.table({"text": ["a"], "label": pa.array([b"\xff"], kind)}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"column 'label' of x\.parquet is .*binary.*, no label: say LABEL=column"):
        evaluate(tmp_path / "x.parquet", model)


def hours(result):
    return {one["slice"]: one["rows"] for one in result["slices"] if one["slice"].endswith("h UTC")}


def of_hours(when, model, folder, *, ending="csv"):
    table = frame(["good", "bad", "good day", "bad day"], ["pos", "neg", "pos", "neg"]).assign(when=when)
    return evaluate(written(folder / f"x.{ending}", table), model, date="when")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dates_with_a_time_give_kinds_by_the_hour(tmp_path, model, ending):
    when = ["2009-05-01 03:00:00", "2009-05-01T23:30:00+02:00", "Mon Apr 06 22:19:45 PDT 2009", "2009-05-01"]
    result = of_hours(when, model, tmp_path, ending=ending)
    assert hours(result) == {"00 to 06 h UTC": 2, "18 to 24 h UTC": 1}
    assert (result["columns"]["date"], result["rows_with_hour"]) == ("when", 3)
    assert "date = 'when': 3 of the scored rows have an hour of day\n" in scorecard.text(result)


def test_timestamps_are_dates(tmp_path, model):
    when = pd.to_datetime(["2009-05-01 03:00", "2009-05-01 13:00", None, "2009-05-01 14:00"]).tz_localize("UTC")
    assert hours(of_hours(when, model, tmp_path, ending="parquet")) == {"00 to 06 h UTC": 1, "12 to 18 h UTC": 2}


def test_dates_that_cannot_be_read_are_told(tmp_path, model):
    result = of_hours(["yesterday", "", "06/04/2009 22:19", "12:00 or so"], model, tmp_path)
    assert (hours(result), result["rows_with_hour"]) == ({}, 0)
    assert "0 of the scored rows have an hour of day (2009-04-06 22:19:45 would be read" in scorecard.text(result)


def test_a_column_that_holds_no_dates_is_refused(tmp_path, model):
    with pytest.raises(SourceError, match=r"no column 'then'.*say DATE=column"):
        evaluate(written(tmp_path / "x.csv", frame(["a"], ["pos"])), model, date="then")
    with pytest.raises(SourceError, match=r"column 'when' of x\.parquet is list.*, no date: say DATE=column"):
        of_hours([["2009-05-01 03:00"]] * 4, model, tmp_path, ending="parquet")


def test_neutral_rows_are_set_aside_and_told(tmp_path, model):
    path = written(tmp_path / "x.csv", frame(["a", "b", "c", "d"], ["pos", "neg", "neutral", "neutral"]))
    result = evaluate(path, model)
    assert result["left_out"] == {"neutral": 2}
    assert "2 set aside: neutral" in scorecard.text(result)
    stars = written(tmp_path / "y.csv", frame(list("abcde"), [1, 2, 3, 4, 5]))
    assert evaluate(stars, model, negative="1,2", positive="4,5", neutral="3")["left_out"] == {"neutral": 1}


def test_of_one_class_accuracy_is_told_and_auc_is_undefined(tmp_path, model):
    result = evaluate(written(tmp_path / "x.csv", frame(TEXTS[:50], ["positive"] * 50)), model)
    assert result["figures"]["accuracy_interval"][1] > 0
    assert result["figures"]["auc"] is None
    assert "undefined: AUC needs both classes; all 50 rows have label 1" in scorecard.text(result)
    assert "auc" not in {name for name, value in scorecard.flat(result).items() if value is not None}


def test_sentiment140_s_own_layout_is_known_and_repaired(tmp_path, model):
    path = tmp_path / tiny_data.MANUAL
    path.write_bytes(tiny_data.manual_csv() + tiny_data.line("0", "cafÃ© closed", number=9))
    file = labelled.look_at(path, said=Description(), dataset=None)
    (rows,) = labelled.rows(file)
    assert rows.texts.to_pylist() == ["loved the talk", "Stands in the MANUAL set", "café closed"]
    assert rows.labels.tolist() == [1, 0, 0]
    assert rows.left_out == {"neutral": 1}


def test_columns_and_values_of_the_data_set_are_tried_first(tmp_path, model):
    source = provenance.Source(
        dataset="invented", kind="custom", origin="x", sha256="", bytes=0, files={}, contents={}, format="csv",
        encoding="utf-8", header=True, columns={"text": "review", "label": "stars"},
        labels={"negative": "poor", "positive": "fine"}, ignored_labels=["so-so"],
    )  # fmt: skip
    artifacts.write_json(artifacts.Dataset("invented").source, vars(source))
    table = frame(["a", "b", "c"], ["fine", "Poor", "so-so"]).rename(columns={"text": "review", "label": "stars"})
    result = evaluate(written(tmp_path / "x.csv", table), model)
    assert result["columns"] == {"text": "review", "label": "stars", "date": ""}
    assert [one["means"] for one in result["labels"]] == ["positive", "negative", "neutral"]
    assert evaluate(written(tmp_path / "y.csv", frame()), model)["columns"] == {
        "text": "text",
        "label": "label",
        "date": "",
    }


def split_of(texts):
    artifacts.Dataset("invented").splits.mkdir(parents=True)
    table = pd.DataFrame({"row": range(len(texts)), "text": texts, "label": 0})
    table.to_parquet(artifacts.Dataset("invented").split("train"))


def test_texts_of_the_training_split_are_counted_and_the_figures_without_them_told(tmp_path, model):
    """The model learned from 10 rows; the texts are found by the duplicate key, not by their letters."""
    others = [f"another text {number}" for number in range(10)]
    split_of([TEXTS[0], "@bob SAME   words", *others, TEXTS[1], TEXTS[1], TEXTS[2]])
    texts = [*TEXTS, "@eve same words"]
    result = evaluate(written(tmp_path / "x.csv", frame(texts, [*LABELS, "negative"])), model)
    assert (result["training"]["rows"], result["training"]["learned"]) == (4, 2)
    without = result["training"]["figures_without"]
    alone = evaluate(written(tmp_path / "y.csv", frame(TEXTS[3:], LABELS[3:])), model)
    for name, value in alone["figures"].items():  # a text's neighbours in a batch move its score by 1e-8
        assert np.allclose(without[name], value, atol=1e-6), name
    assert alone["training"] == {"rows": 0, "learned": 0, "figures_without": None}
    assert "warning: 4 of the 301 rows hold a text of the training split of invented" in scorecard.text(result)
    assert "None of the texts" in scorecard.text(alone)
    assert scorecard.flat(result)["without_training_accuracy"] == without["accuracy"]


def test_a_file_of_nothing_but_training_texts_says_nothing_of_new_ones(tmp_path, model):
    split_of(TEXTS)
    result = evaluate(written(tmp_path / "x.csv", frame()), model)
    assert (result["training"]["rows"], result["training"]["learned"]) == (300, 10)
    assert "these figures say nothing of new texts" in scorecard.text(result)


def test_rows_of_one_text_are_drawn_together_and_texts_of_both_labels_counted(tmp_path, model):
    once = evaluate(written(tmp_path / "x.csv", frame()), model, resamples=500)
    often = evaluate(written(tmp_path / "y.csv", frame(TEXTS * 5, LABELS * 5)), model, resamples=500)
    width = [result["figures"]["auc_interval"][1] - result["figures"]["auc_interval"][0] for result in (once, often)]
    assert width[1] == pytest.approx(width[0], rel=0.2)  # five times the rows, and no news
    assert (often["repeats"], often["rows_of_both_labels"]) == (1_200, 0)
    both = evaluate(written(tmp_path / "z.csv", frame([*TEXTS, TEXTS[0]], [*LABELS, other(LABELS[0])])), model)
    assert both["rows_of_both_labels"] == 2
    assert "2 of the scored rows hold a text that is labelled both ways" in scorecard.text(both)


def other(label):
    return {"negative": "positive", "positive": "negative"}[label]


def test_without_the_splits_no_overlap_is_claimed(tmp_path, model):
    result = evaluate(written(tmp_path / "x.csv", frame()), model)
    assert result["training"] is None
    assert "training split" not in scorecard.text(result)


def test_texts_are_scored_a_window_at_a_time(tmp_path, model, monkeypatch):
    prepare, lengths = model.prepare, []
    monkeypatch.setattr(model, "prepare", lambda texts: lengths.append(len(texts)) or prepare(texts))
    evaluate(written(tmp_path / "x.csv", frame()), model, rows=50)
    assert lengths == [50] * 6


@pytest.mark.parametrize(
    ("name", "content", "said", "message"),
    [
        ("none.csv", None, {}, "no file .*none.csv"),
        ("x.csv", b"", {}, r"is empty \(0 bytes\)"),
        ("x.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", {}, r"x.csv is not UTF-8: byte 0x89 in line 1"),
        ("x.csv", bytes(range(1, 10)) + bytes(50), {}, "x.csv is no text: its first line holds zero bytes"),
        ("x.parquet", b"PAR1 and no more", {}, "broken Parquet"),
        ("x.csv", b"tweet,label\na,1\n", {}, "no column 'text'; .* It has 'tweet', 'label': say TEXT=column"),
        ("x.csv", b"text,lable\na,1\n", {}, "no column 'label'; did you mean 'lable'. .*say LABEL=column"),
        ("x.csv", b"text,label\na,1\n", {"label": "text"}, "'text' is the column of the texts"),
        ("x.csv", b"text,label\n", {}, "column 'label' holds no label"),
        ("x.csv", b"text,label\na,\n", {}, "column 'label' holds no label"),
        ("x.csv", b"text,label\n ,0\n,1\n", {}, r"holds no row that can be scored \(2 empty text\)"),
        ("x.csv", b"text,label\ncaf\xe9,0\nna\xefve,1\n", {}, "not UTF-8: byte 0xe9 in line 2 .*WINDOWS-1252"),
        ("x.csv", b"text,label\na,neutral\n", {}, r"no row that can be scored \(1 neutral\)"),
        ("x.csv", b"text,label\na,happy\nb,sad\n", {}, r"'happy' \(1 rows\), 'sad' \(1 rows\); say what each value"),
        ("x.jsonl", b'{"text": "a", "label": 1}\n{"text": "b", "label": [2]}\n', {}, r"'\[2\]' \(1 rows\)"),
        ("x.csv", b"text,label\n" + b"".join(b"a,%d\n" % n for n in range(1001)), {}, "more than 1,000 values"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_way_out(tmp_path, model, name, content, said, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        evaluate(tmp_path / name, model, **said)


def test_the_command_writes_figures_and_a_record_and_no_text(tmp_path, folder, capsys):
    path = written(tmp_path / "my tweets.csv", frame([f"zebrafish {text}" for text in TEXTS]))
    given = evaluate_on.arguments().parse_args([str(path), "--model", str(folder)])
    assert evaluate_on.main(given) == 0
    shown = capsys.readouterr().out
    assert re.search(r"accuracy +\d+\.\d % +\[\d+\.\d, \d+\.\d\] +300", shown)
    place = artifacts.Dataset("invented").run("10").evaluation(str(path))
    assert re.fullmatch(r"my-tweets\.csv-[0-9a-f]{6}\.json", place.name)
    result = json.loads(place.read_text())
    recorded = tracking.client().get_run(shown.split()[-1])
    assert "25 to 100 % unknown tokens" in {one["slice"] for one in result["slices"]}
    assert recorded.info.status == "FINISHED"
    assert recorded.data.tags["file_sha256"] == result["file"]["sha256"] == artifacts.sha256(path)
    assert recorded.data.tags["model_version"] == exported.verified_manifest(folder)["model_version"]
    assert recorded.data.metrics["accuracy"] == result["figures"]["accuracy"]
    assert "MLFLOW_RUN_ID" not in os.environ
    kept = [*(tmp_path / "mlruns").rglob("*"), *artifacts.data_folder().rglob("*")]
    assert not [file for file in kept if file.is_file() and b"zebrafish" in file.read_bytes()]


def test_files_of_one_name_have_places_of_their_own():
    run = artifacts.Dataset("invented").run("10")
    files = ["a/x.csv", "a/x.parquet", "b/x.csv", "b/" + "x" * 300 + ".csv", "a/.csv"]
    for place in (run.evaluation, run.monitor):
        assert len({place(file) for file in files}) == len(files)
        assert place("a/x.csv") == place(str(Path("a/x.csv").resolve()))
        assert max(len(place(file).name) for file in files) < 80
    assert run.monitor("").name == "rehearsal"


def test_errors_leave_with_status_one_and_write_nothing(tmp_path, folder, capsys):
    path = written(tmp_path / "x.csv", frame())
    for arguments, message in (
        ([""], "say which file: make evaluate-on FILE=tweets.csv"),
        ([str(path), "--out", str(path)], "expected a name that ends in .json"),
        ([str(path), "--out", str(tmp_path / "nowhere" / "o.json")], "in a folder that is there"),
        ([str(path), "--label", "lable"], "did you mean 'label'"),
        ([str(path), "--model", str(tmp_path)], "is no exported model"),
    ):
        given = evaluate_on.arguments().parse_args(["--model", str(folder), *arguments])
        assert evaluate_on.main(given) == 1
        assert message in capsys.readouterr().err
    (tmp_path / "mine.json").write_text('{"mine": 1}')
    given = evaluate_on.arguments().parse_args(
        ["--model", str(folder), str(path), "--out", str(tmp_path / "mine.json")]
    )
    assert evaluate_on.main(given) == 1
    assert "no earlier result of this command" in capsys.readouterr().err
    assert (tmp_path / "mine.json").read_text() == '{"mine": 1}'
    assert not artifacts.data_folder().exists()
    assert path.read_text().startswith("text,label")


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(("target", "file"), [("evaluate-on", "FILE"), ("monitor", "NEW")])
def test_make_hands_on_what_it_is_given(target, file):
    named = {"TEXT": "body", "LABEL": "mood", "NEGATIVE": "1,2", "POSITIVE": "4,5", "NEUTRAL": "3"}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    said = [f"{name}={value}" for name, value in named.items()]
    command = ["make", "-n", target, f"{file}=a b.csv", *said, *(["OUT=x.json"] if target == "evaluate-on" else [])]
    done = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=True)
    # Make hands on what was said by the environment, so that quotes in it reach the command as they are.
    for name in named:
        assert f'--{name.lower()} "${name}"' in done.stdout
    assert f'"${file}"' in done.stdout
    assert (target == "evaluate-on") == ('--out "$OUT"' in done.stdout)
    for unknown in ("USER_COLUMN=u", "ID=i", "SEED=3"):
        refused = subprocess.run([*command, unknown], cwd=ROOT, env=inherited, capture_output=True, text=True)
        assert f"{unknown}: make {target} knows no {unknown.split('=')[0]}" in refused.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_a_dollar_in_what_make_is_given_is_no_more_than_that(tmp_path):
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    said = {"TEXT": "I paid $100 and $(shell touch x) $$ # love", "FILE": "a$b.csv", "LABEL": "x y"}
    show = 'show: ; @printf "%s\\n" "$$TEXT" "$$FILE" "$$LABEL"'
    command = ["make", "--eval", show, "show", *(f"{name}={value}" for name, value in said.items())]
    done = subprocess.run(command, cwd=ROOT, env=inherited, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == list(said.values())


def test_help_names_the_exit_status():
    command = [sys.executable, "-m", "pipelines.operation.evaluate_on", "--help"]
    assert "Exit status" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
