import numpy as np
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from pipelines.dataset import text
from pipelines.evaluation import ngrams

TEXTS = [
    "good good day",
    "good day today",
    "a bad day",
    "bad day, bad day today",
    "",
    "@someone good http://t.co/x",
    "once",
]


@pytest.fixture
def fitted():
    return ngrams.fit([pa.array(TEXTS[:3]), pa.array(TEXTS[3:])])


def reference():
    vectoriser = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\S+", lowercase=False, dtype=np.float32
    )
    matrix = vectoriser.fit_transform(text.normalise(pa.array(TEXTS)).to_pylist())
    return vectoriser.get_feature_names_out(), matrix


def columns_of(found):
    words = found.words.to_pylist()
    return [*words, *(f"{words[code // len(words)]} {words[code % len(words)]}" for code in found.pairs)]


def test_every_ngram_weighs_what_scikit_learn_gives_it():
    found, matrix = ngrams.fit([pa.array(TEXTS)], minimum_count=1)
    names, expected = reference()
    order = [columns_of(found).index(name) for name in names]
    assert len(order) == matrix.shape[1]
    np.testing.assert_allclose(matrix.toarray()[:, order], expected.toarray(), atol=1e-6)


def test_ngrams_that_occur_once_are_left_out(fitted):
    names = columns_of(fitted[0])
    assert "bad day" in names
    assert "today" in names
    assert "once" not in names
    assert "good good" not in names


def test_batches_do_not_matter(fitted):
    whole, matrix = ngrams.fit([pa.array(TEXTS)])
    assert columns_of(whole) == columns_of(fitted[0])
    np.testing.assert_array_equal(matrix.toarray(), fitted[1].toarray())


def test_transform_gives_the_texts_that_were_fitted_their_own_rows(fitted):
    found, matrix = fitted
    np.testing.assert_allclose(found.transform(pa.array(TEXTS)).toarray(), matrix.toarray(), atol=1e-6)


def test_pairs_do_not_reach_over_the_end_of_a_text():
    found, _ = ngrams.fit([pa.array(["one two", "three one", "two three", "three one"])])
    assert "two three" not in columns_of(found)
    assert columns_of(found)[3:] == ["three one"]


def test_unknown_and_empty_texts_are_empty_rows(fitted):
    matrix = fitted[0].transform(pa.array(["", "nothing known here", None]))
    assert matrix.shape == (3, len(columns_of(fitted[0])))
    assert matrix.nnz == 0


def test_rows_have_length_one(fitted):
    norms = np.sqrt((fitted[1].toarray() ** 2).sum(axis=1))
    np.testing.assert_allclose(norms[[0, 1, 2, 3, 5]], 1, rtol=1e-6)


@pytest.mark.parametrize("texts", [[], [pa.array(["all", "different", "words"])]])
def test_nothing_to_learn_is_refused(texts):
    with pytest.raises(ValueError, match=r"no (texts|word)"):
        ngrams.fit(texts)
