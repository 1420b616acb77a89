"""The layers of our own: each against a value worked out by hand."""

import keras
import numpy as np
import pytest

from pipelines.model import backend, layers

IDS = np.array([[5, 9, 3, 0], [7, 0, 0, 0], [2, 2, 4, 8]], np.int32)


def test_reverse_leaves_padding_at_the_end():
    reversed_ids = keras.ops.convert_to_numpy(layers.Reverse()(IDS))
    assert reversed_ids.tolist() == [[3, 9, 5, 0], [7, 0, 0, 0], [8, 4, 2, 2]]


def test_states_are_turned_around_as_their_text_is():
    states = np.arange(12, dtype=np.float32).reshape(3, 4, 1)
    turned = keras.ops.convert_to_numpy(layers.Reverse()(IDS, states))
    assert turned[:, :, 0].tolist() == [[2, 1, 0, 3], [4, 5, 6, 7], [11, 10, 9, 8]]


def test_pooling_takes_real_tokens_only():
    states = np.array([[[1.0], [-3.0], [9.0]]], np.float32)
    pooled = keras.ops.convert_to_numpy(layers.PoolTokens()(np.array([[4, 4, 0]]), states))
    assert pooled.tolist() == [[1.0, -1.0]]


def test_the_ngram_term_is_the_sum_of_words_and_pairs_over_the_root_of_the_length():
    layer = layers.NgramTerm(64)
    layer.build((None, None))
    layer.weight.embeddings.assign(np.arange(64, dtype=np.float32)[:, None])

    def bucket(first, second=0):
        return (first * layers.PAIR_MULTIPLIER % 64 + second) % 64

    words = bucket(5) + bucket(9) + bucket(3)
    expected = (words + bucket(5, 9) + bucket(9, 3)) / np.sqrt(3)
    assert float(layer(IDS)[0, 0]) == pytest.approx(expected)
    assert float(layer(IDS)[1, 0]) == bucket(7)


def test_a_word_is_its_vector_projected_and_its_own_offset():
    layer = layers.PretrainedEmbedding(3, 2, 2, offsets=True)
    layer.build((None, None))
    layer.table.assign(np.array([[0, 0], [1, 2], [3, 0]], np.float16))
    layer.projection.assign(np.array([[1, 0], [1, -1]], np.float32))
    layer.offsets.embeddings.assign(np.array([[0, 0], [0, 0.5], [0, 0]], np.float32))
    words = keras.ops.convert_to_numpy(layer(np.array([[1, 2, 0]], np.int32)))
    assert words.tolist() == [[[3.0, -1.5], [3.0, 0.0], [0.0, 0.0]]]
    np.testing.assert_allclose(layer.folded(), [[0, 0], [3, -1.5], [3, 0]])


@pytest.mark.parametrize("once", [True, False])
def test_words_that_are_there_more_than_once_are_projected_once(once, monkeypatch):
    if once and backend.name() != "tensorflow":
        pytest.skip("other backends must know shapes beforehand")
    if not once:
        monkeypatch.setattr(backend, "distinct", lambda ids: None)
    layer, projected = layers.PretrainedEmbedding(10, 3, 2), []
    layer.build((None, None))
    draw = np.random.default_rng(1)
    layer.table.assign(draw.normal(size=(10, 3)).astype(np.float16))
    whole = layer._projected
    monkeypatch.setattr(layer, "_projected", lambda ids: projected.append(ids.shape) or whole(ids))
    words = keras.ops.convert_to_numpy(layer(IDS))
    np.testing.assert_allclose(words, layer.folded()[IDS], rtol=1e-6)
    assert projected == [(len(np.unique(IDS)),) if once else IDS.shape]
