"""The network: padding, kernels, saving."""

import keras
import numpy as np
import pytest

from pipelines.model import network


def small(architecture: str) -> network.Configuration:
    return network.Configuration(
        vocabulary_size=50, architecture=architecture, embedding_dimensions=8, units=6, dense_units=5, pair_buckets=64
    )


def built(architecture: str) -> keras.Model:
    keras.utils.set_random_seed(4)
    model = network.build_network(small(architecture))
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(0, 0.5, variable.shape))
    return model


IDS = np.array([[5, 9, 3, 0], [7, 0, 0, 0], [2, 2, 4, 8]], np.int32)


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_padding_changes_no_score(architecture):
    model = built(architecture)
    alone = [float(keras.ops.convert_to_numpy(model(row[row != 0][None]))[0, 0]) for row in IDS]
    together = keras.ops.convert_to_numpy(model(np.pad(IDS, ((0, 0), (0, 9)))))[:, 0]
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert np.ptp(together) > 0.01


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_one_probability_a_row(architecture):
    scores = keras.ops.convert_to_numpy(built(architecture)(IDS))
    assert scores.shape == (3, 1)
    assert ((scores > 0) & (scores < 1)).all()


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_the_lstms_meet_cudnn_s_conditions(architecture):
    lstms = [layer for layer in built(architecture).layers if isinstance(layer, keras.layers.LSTM)]
    assert len(lstms) == 2
    for layer in lstms:
        assert layer.activation is keras.activations.tanh
        assert layer.recurrent_activation is keras.activations.sigmoid
        assert layer.recurrent_dropout == 0
        assert not layer.unroll
        assert layer.use_bias
        assert layer.cell.compute_dtype == "float32"


def test_pooled_architectures_hand_no_mask_to_the_lstm():
    assert not built("pooled").get_layer("embedding").mask_zero
    assert built("classic").get_layer("embedding").mask_zero


def test_reverse_leaves_padding_at_the_end():
    reversed_ids = keras.ops.convert_to_numpy(network.Reverse()(IDS))
    assert reversed_ids.tolist() == [[3, 9, 5, 0], [7, 0, 0, 0], [8, 4, 2, 2]]


def test_pooling_takes_real_tokens_only():
    states = np.array([[[1.0], [-3.0], [9.0]]], np.float32)
    pooled = keras.ops.convert_to_numpy(network.PoolTokens()(np.array([[4, 4, 0]]), states))
    assert pooled.tolist() == [[1.0, -1.0]]


def test_the_pair_term_is_the_sum_of_its_pairs_over_the_root_of_the_length():
    layer = network.PairTerm(64)
    layer.build((None, None))
    layer.weight.embeddings.assign(np.arange(64, dtype=np.float32)[:, None])

    def bucket(first, second):
        return (first * network.PAIR_MULTIPLIER % 64 + second) % 64

    expected = (bucket(5, 9) + bucket(9, 3)) / np.sqrt(3)
    assert float(layer(IDS)[0, 0]) == pytest.approx(expected)
    assert float(layer(IDS)[1, 0]) == 0


def test_word_vectors_start_the_embedding():
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    model = network.build_network(small("hybrid"), vectors)
    np.testing.assert_array_equal(model.get_layer("embedding").get_weights()[0], vectors)


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_a_saved_network_scores_the_same(architecture, tmp_path):
    model = built(architecture)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(IDS, verbose=0), loaded.predict(IDS, verbose=0))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"architecture": "hybird"}, "hybird.*classic, pooled, hybrid"),
        ({"vocabulary_size": 70_000}, "70000.*65,536"),
        ({"dropout_rate": 1.0}, "dropout_rate 1.0"),
    ],
)
def test_a_bad_configuration_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        network.Configuration(**{"vocabulary_size": 50, **setting})
