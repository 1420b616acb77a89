"""The network: padding, kernels, saving."""

import dataclasses

import keras
import numpy as np
import pytest

from pipelines.model import backend, network


def small(architecture: str) -> network.Configuration:
    return network.Configuration(
        vocabulary_size=50, architecture=architecture, embedding_dimensions=8, units=6, dense_units=5, ngram_buckets=64
    )


def draw_weights(model: keras.Model) -> None:
    """Weights that all count: as built, some are zero."""
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.shape)).normal(0, 0.5, variable.shape))


def built(architecture: str, **changes) -> keras.Model:
    keras.utils.set_random_seed(4)
    model = network.build_network(dataclasses.replace(small(architecture), **changes))
    draw_weights(model)
    return model


IDS = np.array([[5, 9, 3, 0], [7, 0, 0, 0], [2, 2, 4, 8]], np.int32)


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_padding_changes_no_score(architecture):
    model = built(architecture)
    alone = [float(keras.ops.convert_to_numpy(model(row[row != 0][None]))[0, 0]) for row in IDS]
    together = keras.ops.convert_to_numpy(model(np.pad(IDS, ((0, 0), (0, 9)))))[:, 0]
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert np.ptp(together) > 0.01


def test_padding_changes_no_score_of_stacked_layers():
    model = built("hybrid", layers=2)
    alone = [float(keras.ops.convert_to_numpy(model(row[row != 0][None]))[0, 0]) for row in IDS]
    np.testing.assert_allclose(alone, keras.ops.convert_to_numpy(model(np.pad(IDS, ((0, 0), (0, 9)))))[:, 0], atol=1e-6)


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
        assert layer.use_cudnn == "auto"


def test_jax_goes_without_cudnn_which_learns_less_there(monkeypatch):
    monkeypatch.setattr(backend, "name", lambda: "jax")
    lstms = [layer for layer in built("hybrid", layers=2).layers if isinstance(layer, keras.layers.LSTM)]
    assert [layer.use_cudnn for layer in lstms] == [False] * 4


def test_pooled_architectures_hand_no_mask_to_the_lstm():
    assert not built("pooled").get_layer("embedding").mask_zero
    assert built("classic").get_layer("embedding").mask_zero


VECTORS = np.random.default_rng(0).normal(size=(50, 12)).astype(np.float16)


def with_vectors(*, offsets: bool = False) -> keras.Model:
    model = built("hybrid", pretrained_dimensions=12, word_offsets=offsets)
    model.get_layer("embedding").table.assign(VECTORS)
    return model


def test_word_vectors_are_fixed_and_the_projection_is_learned():
    model = network.build_network(dataclasses.replace(small("hybrid"), pretrained_dimensions=12), VECTORS)
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    embedding = model.get_layer("embedding")
    projection = embedding.projection.numpy()
    # Two steps: the logit starts at zero, so that the first one reaches nothing below it.
    model.fit(IDS, np.array([[1.0], [0.0], [1.0]]), epochs=2, verbose=0)
    np.testing.assert_array_equal(embedding.table.numpy(), VECTORS)
    assert np.abs(embedding.projection.numpy() - projection).max() > 0


@pytest.mark.parametrize("offsets", [False, True])
def test_folded_vectors_score_the_same(offsets):
    model = with_vectors(offsets=offsets)
    folded = network.plain(model)
    assert type(folded.get_layer("embedding")) is keras.layers.Embedding
    np.testing.assert_allclose(model.predict(IDS, verbose=0), folded.predict(IDS, verbose=0), atol=1e-6)


def test_a_network_without_fixed_vectors_is_plain_already():
    model = built("hybrid")
    assert network.plain(model) is model


@pytest.mark.parametrize("offsets", [False, True])
def test_a_saved_network_keeps_its_word_vectors(offsets, tmp_path):
    model = with_vectors(offsets=offsets)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("embedding").table.dtype == "float16"
    np.testing.assert_array_equal(model.predict(IDS, verbose=0), loaded.predict(IDS, verbose=0))


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
        ({"layers": 0}, "layers 0"),
        ({"architecture": "classic", "layers": 2}, "layers 2.*classic"),
        ({"architecture": "classic", "pretrained_dimensions": 8}, "classic.*pretrained"),
    ],
)
def test_a_bad_configuration_is_refused(setting, message):
    with pytest.raises(ValueError, match=message):
        network.Configuration(**{"vocabulary_size": 50, **setting})
