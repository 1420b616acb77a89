"""Both runtimes of an export give the same scores: what benchmarks/parity.py measures, and whether it would notice."""

import csv
import io
import itertools
import json
import random
import zipfile
from pathlib import Path

import model_folder
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import real_export

from benchmarks import parity
from pipelines import artifacts
from pipelines.dataset import text, tokens
from pipelines.dataset.vocabulary import count_tokens, fit_vocabulary, write_vocabulary
from serving import predictor

pytest.importorskip("onnxruntime")
pytest.importorskip("re2")

RAW = Path(__file__).parents[3] / "shared" / "data" / "trainingandtestdata.zip"
TRAIN, REAL, NASTY = 20_000, 80_000, 20_000


def test_nasty_texts_are_the_same_for_a_seed_and_can_be_sent():
    made = list(parity.nasty(["a good day"], 500))
    assert len(made) == 500
    assert made == list(parity.nasty(["a good day"], 500)) != list(parity.nasty(["a good day"], 500, seed=2))
    assert all(content.encode() is not None for content in made)


def test_texts_are_read_from_a_table_and_from_lines(tmp_path):
    table, lines = tmp_path / "texts.parquet", tmp_path / "texts.txt"
    pq.write_table(pa.table({"words": ["a", None, "b", "c"]}), table)
    lines.write_text("a\nb\nc\n")
    assert parity.read(table, column="words", skip=1, rows=2) == ["b"]
    assert parity.read(lines, column="text", skip=1, rows=5) == ["b", "c"]


def test_a_light_form_with_another_rule_is_found_out(data_folder):
    folder = real_export.export(data_folder, "hybrid")
    texts = [*text.UGLY, *parity.nasty(text.UGLY, 200)]
    full, light = (predictor.load(folder, runtime=runtime) for runtime in ("tensorflow", "onnx"))
    found = parity.compare(full, light, texts)
    assert found.rows == len(texts)
    assert found.largest < 1e-5
    assert found.read == 0

    canary = [{"text": "good", "probability": light.score(["good"])[0]}]  # which does not notice what follows
    rules = folder / "assets.extra" / "light" / "text.json"
    rules.write_text(json.dumps(json.loads(rules.read_text()) | {"sequence_length": 2}))
    (folder / "manifest.json").write_text(json.dumps(model_folder.write_manifest(folder) | {"canary": canary}))
    found = parity.compare(full, predictor.load(folder, runtime="onnx"), texts)
    assert found.largest > parity.TOLERANCE
    assert found.read > 0


def real_rows(count):
    """Labels and texts from all over the file, which is sorted by label, shuffled."""
    with zipfile.ZipFile(RAW) as archive, archive.open("training.1600000.processed.noemoticon.csv") as file:
        rows = csv.reader(io.TextIOWrapper(file, "latin-1", newline=""))
        found = [(int(row[0]) // 4, row[5]) for row in itertools.islice(rows, 0, None, 1_600_000 // count)]
    random.Random(1).shuffle(found)
    return found


def trained_export(rows):
    """The folder of an export that has learned from these rows, as stages 03, 04 and 06 make one."""
    from pipelines.model import export, network, training

    dataset = artifacts.Dataset("real")
    dataset.splits.mkdir(parents=True)
    for split, some in (("train", rows[:-2_000]), ("validation", rows[-2_000:])):
        labels, texts = zip(*some, strict=True)
        table = {"row": range(len(some)), "text": texts, "label": pa.array(labels, pa.int8())}
        pq.write_table(pa.table(table), dataset.split(split))
    run = dataset.run("parity")
    vocabulary = fit_vocabulary(count_tokens(dataset.split("train")), maximum_size=20_000)
    write_vocabulary(vocabulary, run.vocabulary)
    for split in ("train", "validation"):
        encoder = tokens.Encoder(vocabulary, sequence_length=40)
        tokens.encode_split(dataset.split(split), run.encoded(split), encoder=encoder)
    configuration = network.Configuration(vocabulary_size=len(vocabulary), ngram_buckets=2**14)
    summary = training.train(run, configuration, training.Recipe(epochs=1, batch_size=256, learning_rate=0.005))
    assert summary["validation_accuracy"] > 0.7  # or the scores are all much the same, and equal for no reason
    return export.export(run, points=((-2.0, -1.5), (-0.5, -0.2), (0.4, 0.1), (2.0, 1.8)))


@pytest.mark.story
@pytest.mark.skipif(not RAW.exists(), reason=f"no {RAW.name} in ../shared/data")
def test_a_trained_export_scores_a_hundred_thousand_real_and_nasty_texts_alike(data_folder):
    rows = real_rows(TRAIN + REAL)
    folder, texts = trained_export(rows[:TRAIN]), [content for _, content in rows[TRAIN:]]
    runtimes = [predictor.load(folder, runtime=runtime) for runtime in ("tensorflow", "onnx")]
    found = parity.compare(*runtimes, [*texts, *parity.nasty(texts, NASTY)])
    assert found.rows == REAL + NASTY
    assert found.largest < parity.TOLERANCE, found
    assert found.read == 0, found
