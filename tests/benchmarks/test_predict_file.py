"""The benchmark of scoring a file: which texts, what it finds of a process, and what the page says."""

import subprocess

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from benchmarks import predict_file
from pipelines import artifacts
from pipelines.operation import scoring

PARAMETERS = {"vocabulary_size": 10, "embedding_dimensions": 3, "units": 2, "pretrained_dimensions": 5, "epochs": 4}
# Stands for the command, whose model would be all that this test waits for.
SCORES = """
import sys
import pyarrow.csv, pyarrow.parquet
source, out, option, model = sys.argv[1:]
assert option == "--model"
held = bytes(2**26)
table = pyarrow.csv.read_csv(source, parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True))
pyarrow.parquet.write_table(table, out)
print("something else", {said!r}, sep="\\n")
"""


@pytest.fixture
def run(data_folder) -> artifacts.Run:
    """A run that was trained on three of five texts, exported with a vocabulary."""
    dataset = artifacts.Dataset("tiny")
    run = dataset.run("3")
    light = run.saved_model / artifacts.LIGHT_FORM
    for folder in (dataset.splits, light):
        folder.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["a", "b", "c", "good day", 'd "e",\nf']}), dataset.split("train"))
    pq.write_table(pa.table({"text": ["good"]}), dataset.split("validation"))
    artifacts.write_json(run.training, {"rows_train": 3, "parameters": PARAMETERS})
    artifacts.write_json(light / "text.json", {"sequence_length": 2})
    (light / "vocabulary.txt").write_text("\n".join(["", "[UNK]", "good", "day"]))
    return run


def test_no_text_of_the_training_is_scored_and_too_few_come_again(run, tmp_path):
    predict_file.write_csv(predict_file.unseen(run), tmp_path / "x.csv", rows=7)
    options = pacsv.ParseOptions(newlines_in_values=True)
    table = pacsv.read_csv(tmp_path / "x.csv", parse_options=options)
    unseen = ["good day", 'd "e",\nf', "good"]
    assert table["text"].to_pylist() == [*unseen, *unseen, "good day"]
    assert table["id"].to_pylist() == list(range(7))


def test_a_run_of_all_rows_is_held_against_the_validation_split(run, tmp_path):
    artifacts.write_json(run.training, {"rows_train": 5, "parameters": PARAMETERS})
    predict_file.write_csv(predict_file.unseen(run), tmp_path / "x.csv", rows=2)
    assert pacsv.read_csv(tmp_path / "x.csv")["text"].to_pylist() == ["good", "good"]


def test_the_figures_are_those_of_the_process(run, monkeypatch):
    monkeypatch.setattr(predict_file, "SCORING", ("-c", SCORES.format(said=scoring.speed(12_345, 1.0))))
    monkeypatch.setattr(predict_file.machine, "matrix_product_peak", lambda: 1e9)
    found = predict_file.measured(run, rows=6)
    assert (found["rows"], found["scoring_per_second"]) == (6, 12_345)
    assert found["memory_mb"] > 64
    assert found["seconds"] > 0
    assert found["tokens"] == (2 + 2 + 1) / 3  # the second text is cut
    assert found["operations"] == 2 * (2 * 4 * 2 * (3 + 2))  # two directions; a product and a sum; four gates


def test_a_command_that_fails_ends_the_benchmark(tmp_path, monkeypatch):
    monkeypatch.setattr(predict_file, "SCORING", ("-c", "import sys; sys.exit(3)"))
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        predict_file.scored(tmp_path / "x.csv", tmp_path / "x.parquet", model=tmp_path)


@pytest.mark.parametrize(("seconds", "verdict"), [(20.0, "reached"), (30.0, "missed")])
def test_the_page_holds_the_speed_against_the_bar(run, seconds, verdict):
    found = {"rows": 200_000, "seconds": seconds, "scoring_per_second": 12_500.0, "memory_mb": 1_234.0}
    found |= {"tokens": 16.0, "operations": 5e5, "peak_flops": 2e11}
    text = predict_file.page(found, run=run, command="python -m benchmarks.predict_file")
    assert f"The bar is 8,000 tweets a second, the whole process counted: {verdict}." in text
    assert f"| 200,000 | {seconds:.1f} | {200_000 / seconds:,.0f} | 12,500 | 1,234 | 50% |" in text
    assert "(0.50 MFLOP a token, 16.0 tokens a tweet)" in text
