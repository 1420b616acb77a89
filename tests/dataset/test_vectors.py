"""Word vectors: counts by hand, alike words near one another, no label read, made once."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts
from pipelines.dataset import cooccurrence, tokens, vectors
from pipelines.dataset.vocabulary import read_vocabulary

MEASURES = {"wide": 6, "near": 4, "maximum_size": 100, "minimum_count": 2}


def encoded(texts: list[list[int]]) -> tokens.EncodedRows:
    offsets = np.concatenate([[0], np.cumsum([len(words) for words in texts])])
    ids = np.array([word for words in texts for word in words], np.uint16)
    return tokens.EncodedRows(ids, offsets, np.zeros(len(texts), np.int8), np.arange(len(texts)))


def write_split(dataset: artifacts.Dataset, *, labels: int) -> None:
    """Texts in which glad and happy, sad and sorry, stand in the same places."""
    draw = np.random.default_rng(5)
    frames = ("i am so {} about the {}", "{} to see the {} again")
    moods = [("glad", "happy"), ("sad", "sorry")]
    things = [("sun", "beach", "cake"), ("rain", "queue", "cold")]
    texts = []
    for row in range(800):
        kind = row % 2
        texts.append(frames[row // 2 % 2].format(draw.choice(moods[kind]), draw.choice(things[kind])))
    table = pa.table({"row": range(800), "text": texts, "label": pa.array([labels] * 800, pa.int8())})
    dataset.splits.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, dataset.split("train"))


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path))
    made = artifacts.Dataset("invented")
    write_split(made, labels=0)
    return made


def test_followers_are_counted_within_a_text_and_a_window(monkeypatch):
    rows = encoded([[2, 3, 2, 4], [4, 2], [3]])
    one = cooccurrence.followers(rows, words=5, distances=range(1, 2)).toarray()
    assert one[2].tolist() == [0, 0, 0, 1, 1]
    assert one.sum() == 4
    two = cooccurrence.followers(rows, words=5, distances=range(1, 3)).toarray()
    assert (two - one)[2, 2] == (two - one)[3, 4] == 1
    monkeypatch.setattr(cooccurrence, "ROWS_AT_ONCE", 1)
    np.testing.assert_array_equal(cooccurrence.followers(rows, words=5, distances=range(1, 3)).toarray(), two)


def test_surprise_is_positive_pointwise_mutual_information(monkeypatch):
    monkeypatch.setattr(cooccurrence, "SMOOTHING", 1.0)
    rows = encoded([[2, 3], [2, 3], [4, 3], [4, 2]])
    found = cooccurrence.surprise(cooccurrence.followers(rows, words=5, distances=range(1, 2))).toarray()
    # 2 is followed by 3 in 2 of its 2; 3 follows in 3 of 4: log(2 · 4 / (2 · 3)).
    assert found[2, 3] == pytest.approx(np.log(4 / 3), abs=1e-6)
    assert found[4, 3] == 0  # log(1 · 4 / (2 · 3)) is below 0


def test_words_of_the_same_places_are_neighbours(dataset):
    folder = vectors.learned(dataset, **MEASURES)
    words, table = read_vocabulary(folder / "words.txt"), np.load(folder / "vectors.npy")
    assert table.dtype == np.float16
    assert table.shape == (len(words), 10)
    assert not table[0].any()
    nearest = vectors.neighbours(table, words, ["glad", "sad", "unheard"], count=1)
    assert nearest.iloc[0].to_dict() == {"glad": "happy", "sad": "sorry"}


def test_labels_are_not_read(dataset, tmp_path):
    first = (vectors.learned(dataset, **MEASURES) / "vectors.npy").read_bytes()
    write_split(dataset, labels=1)
    assert (vectors.learned(dataset, **MEASURES) / "vectors.npy").read_bytes() == first


def test_they_are_made_once_and_anew_for_other_texts(dataset, capsys):
    folder = vectors.learned(dataset, **MEASURES)
    made = (folder / "vectors.npy").stat().st_mtime_ns
    assert vectors.learned(dataset, **MEASURES) == folder
    assert "taken from" in capsys.readouterr().out
    assert (folder / "vectors.npy").stat().st_mtime_ns == made
    write_split(dataset, labels=1)
    vectors.learned(dataset, **MEASURES)
    assert (folder / "vectors.npy").stat().st_mtime_ns != made


def test_a_run_is_given_a_link(dataset):
    folder, path = vectors.learned(dataset, **MEASURES), dataset.run("all").word_vectors
    for _ in range(2):
        table = vectors.give(folder, path)
    assert path.stat().st_ino == (folder / "vectors.npy").stat().st_ino
    np.testing.assert_array_equal(table, np.load(folder / "vectors.npy"))
    assert [file.name for file in path.parent.iterdir()] == ["word_vectors.npy"]


def test_fewer_words_than_dimensions_give_fewer_dimensions():
    assert vectors.table(encoded([[2, 3, 4], [4, 3, 2]]), words=5, wide=400, near=0).shape == (5, 5)
