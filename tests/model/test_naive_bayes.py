"""The log-odds of n-grams, against counts made by hand and against a network that starts with them."""

import keras
import numpy as np
import pytest

from pipelines.dataset.tokens import EncodedRows
from pipelines.model import naive_bayes, network, training
from pipelines.model.layers import ngram_bucket
from pipelines.model.recipe import Recipe

BUCKETS = 2**12  # wide enough for these n-grams not to meet


def encoded(*rows: tuple[int, list[int]]) -> EncodedRows:
    labels, ids = zip(*rows, strict=True)
    offsets = np.cumsum([0, *map(len, ids)])
    return EncodedRows(np.concatenate(ids).astype(np.uint16), offsets, np.array(labels, np.int8), np.arange(len(rows)))


ROWS = encoded((1, [5, 6]), (1, [5]), (0, [6, 7, 5]), (0, [7]))


def test_log_odds_are_those_of_smoothed_counts():
    found = naive_bayes.log_odds(ROWS, buckets=BUCKETS, smoothing=1.0)
    assert (found.dtype, found.shape) == (np.float32, (BUCKETS,))
    # n-grams of positive rows: 5 6 (5,6) 5; of negative ones: 6 7 5 (6,7) (7,5) 7
    positive, negative = 4 + BUCKETS, 6 + BUCKETS
    counts = {
        (5, 0): (2, 1),
        (6, 0): (1, 1),
        (7, 0): (0, 2),
        (5, 6): (1, 0),
        (6, 7): (0, 1),
        (7, 5): (0, 1),
        (9, 9): (0, 0),
    }
    for (first, second), (good, bad) in counts.items():
        expected = np.log((good + 1) / positive) - np.log((bad + 1) / negative)
        assert found[ngram_bucket(first, second, BUCKETS)] == pytest.approx(expected, rel=1e-5)


def test_no_pair_reaches_into_the_next_row():
    apart = naive_bayes.log_odds(encoded((1, [5]), (1, [6]), (0, [8])), buckets=BUCKETS)
    unseen = apart[ngram_bucket(9, 9, BUCKETS)]
    assert apart[ngram_bucket(5, 6, BUCKETS)] == unseen
    assert apart[ngram_bucket(6, 8, BUCKETS)] == unseen


def test_rows_are_counted_a_part_at_a_time(monkeypatch):
    at_once = naive_bayes.log_odds(ROWS, buckets=64)
    monkeypatch.setattr(naive_bayes, "ROWS", 1)
    np.testing.assert_array_equal(naive_bayes.log_odds(ROWS, buckets=64), at_once)


@pytest.mark.parametrize(("architecture", "start"), [("hybrid", 0.5), ("hybrid", 0.0), ("pooled", 0.5)])
def test_a_network_starts_where_counting_ends(architecture, start):
    configuration = network.Configuration(10, architecture, embedding_dimensions=4, units=4, ngram_buckets=BUCKETS)
    recipe = Recipe(epochs=1, batch_size=2, learning_rate=0.01, naive_bayes_start=start)
    model = training.compiled(configuration, recipe, None, ROWS)
    if architecture == "pooled":
        assert "ngrams" not in {layer.name for layer in model.layers}
        return
    weights = keras.ops.convert_to_numpy(model.get_layer("ngrams").weight.embeddings)[:, 0]
    odds = naive_bayes.log_odds(ROWS, buckets=BUCKETS)
    np.testing.assert_allclose(weights, start * odds, rtol=1e-6)
    # The LSTMs say nothing yet: what the network scores is what was counted.
    logit = start * sum(odds[ngram_bucket(*ngram, BUCKETS)] for ngram in ((5, 0), (6, 0), (5, 6))) / np.sqrt(2)
    np.testing.assert_allclose(
        model.predict(np.array([[5, 6, 0]]), verbose=0)[0, 0], 1 / (1 + np.exp(-logit)), rtol=1e-5
    )
