import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines.evaluation import slices, wording

TEXTS = pa.array(
    [
        "@anna hi",
        "see http://t.co/x",
        "#fail",
        "I don't know",
        "sooo good",
        "why?",
        "yes!",
        "one two three four five six",
    ]
)


def test_an_entity_is_no_hashtag():
    found = slices.masks(pa.array(["I don&#39;t know", "so #true", "#1"]))["with hashtag"]
    assert found.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("mention", 0),
        ("URL", 1),
        ("hashtag", 2),
        ("negation", 3),
        ("elongation", 4),
        ("question", 5),
        ("exclamation", 6),
    ],
)
def test_each_kind_finds_its_text_and_no_other(kind, row):
    found = slices.masks(TEXTS)
    assert np.flatnonzero(found[f"with {kind}"]).tolist() == [row]
    assert (found[f"with {kind}"] != found[f"without {kind}"]).all()


def test_an_apostrophe_of_any_shape_makes_a_negation():
    texts = pa.array(["I don't", "I don’t", "ain’t it", "don´t", "don`t", "the front’s", "want"])
    assert slices.masks(texts)["with negation"].tolist() == [True] * 5 + [False] * 2


def test_every_text_has_one_length():
    found = slices.masks(TEXTS)
    assert found["6 to 10 words"].tolist() == [False] * 7 + [True]
    assert sum(mask for name, mask in found.items() if "words" in name).tolist() == [1] * 8


def test_accuracy_of_a_kind_is_that_of_its_rows():
    labels, probabilities = np.array([1, 1, 0, 0, 1, 0, 1, 0]), np.array([0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.1])
    table = slices.table(TEXTS, labels, probabilities).set_index("slice")
    assert table.loc["with mention", "accuracy"] == 0
    assert table.loc["without mention", "accuracy"] == 1
    assert table.loc["without mention", "rows"] == 7
    assert table.loc["with URL", "low"] < 1 == table.loc["with URL", "high"]


def test_only_kinds_that_are_surely_worse_are_named():
    labels = np.array([0, 1] * 500)
    wrong = np.arange(1000) % 10 < 4
    texts = pa.array(["why?" if index % 10 < 4 else "yes" for index in range(1000)])
    probabilities = np.where(wrong & (np.arange(1000) % 20 < 10), 1 - labels, labels).astype(float)
    table = slices.tested(slices.table(texts, labels, probabilities), overall=0.8, rows=1000, least_rows=100)
    sentence = wording.worst_slices(table, overall=0.8)
    assert sentence == "Surely below the 80.0 % of all rows: with question (50.0 % [45.1, 54.9])."
    assert "No kind" in wording.worst_slices(table[~table["worse"]], overall=0.8)


def test_of_many_worse_kinds_five_are_named_and_counted():
    names = [f"kind {number}" for number in range(7)]
    table = pd.DataFrame({"slice": names, "accuracy": 0.5, "low": 0.4, "high": 0.6, "worse": True})
    sentence = wording.worst_slices(table, overall=0.8)
    assert "the hardest 5 of 7: kind 0 (50.0 %" in sentence
    assert "kind 5" not in sentence
