"""The export scores raw text as the training graph scores its tokens."""

import numpy as np
import pyarrow as pa
import pytest
from test_network import draw_weights

from pipelines import artifacts, calibrator
from pipelines.dataset import text
from pipelines.model import export, fused, network, training

POINTS = ((-1.0, -0.9), (-0.1, -0.3), (0.1, 0.2), (1.0, 0.5))


@pytest.fixture(scope="module")
def exported(encoded_run):
    run = encoded_run("exported")
    configuration = network.Configuration(
        vocabulary_size=100, embedding_dimensions=8, units=8, dense_units=8, ngram_buckets=256
    )
    training.train(run, configuration, training.Recipe(epochs=1, batch_size=64, learning_rate=0.02))
    export.export(run, points=POINTS)
    return run


def test_scores_equal_the_training_graph_s(exported):
    result = export.parity(exported)
    assert result["rows"] == 200
    assert result["max_difference"] < 1e-5


@pytest.mark.parametrize("shape", [(3, 7), (1, 1)])
@pytest.mark.parametrize("measures", [{"layers": 2}, {"architecture": "pooled"}, {"architecture": "classic"}])
def test_fused_lstms_score_as_keras_does(measures, shape):
    configuration = network.Configuration(
        vocabulary_size=20, embedding_dimensions=5, units=6, dense_units=4, ngram_buckets=64, **measures
    )
    trained = network.plain(network.build_network(configuration))
    draw_weights(trained)
    quick = fused.fused(trained)
    is_masked = configuration.architecture == "classic"
    assert any(isinstance(layer, fused.FusedLSTM) for layer in quick.layers) is not is_masked
    assert (quick is trained) is is_masked
    ids = np.random.default_rng(1).integers(0, 20, shape).astype(np.int32)
    ids[:, :1] = 1
    np.testing.assert_allclose(quick(ids), trained(ids), atol=1e-6)


def test_the_calibration_is_inside(exported):
    plain = export.build_module(exported, network.trained(exported.model))
    import tensorflow as tf

    texts = ["happy", "sad train", "sad sad sad", ""]
    uncalibrated = plain.serve(tf.constant(texts))["probability"].numpy()
    calibrated = export.score(exported.saved_model, [pa.array(texts)])
    np.testing.assert_allclose(calibrator.apply(uncalibrated, POINTS), calibrated, atol=1e-6)
    assert np.abs(calibrated - uncalibrated).max() > 0.01
    assert calibrator.of_run(exported) == POINTS


def test_a_text_scores_the_same_alone_and_in_company(exported):
    texts = [*text.UGLY, *export.CANARY]
    together = export.score(exported.saved_model, [pa.array(texts)])
    alone = export.score(exported.saved_model, [pa.array([words]) for words in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_manifest_names_every_file_and_the_canary_scores(exported):
    manifest = artifacts.read_json(exported.saved_model / "manifest.json")
    present = {
        str(path.relative_to(exported.saved_model)) for path in exported.saved_model.rglob("*") if path.is_file()
    }
    assert set(manifest["files"]) == present - {"manifest.json"}
    for name, facts in manifest["files"].items():
        assert artifacts.sha256(exported.saved_model / name) == facts["sha256"]
    canary = manifest["canary"]
    scores = export.score(exported.saved_model, [pa.array([entry["text"] for entry in canary])])
    np.testing.assert_allclose(scores, [entry["probability"] for entry in canary], atol=1e-6)


def test_the_version_names_the_weights(exported):
    version = artifacts.read_json(exported.saved_model / "manifest.json")["model_version"]
    export.export(exported, points=POINTS)
    assert artifacts.read_json(exported.saved_model / "manifest.json")["model_version"] == version
    export.export(exported, points=calibrator.AS_TRAINED)
    assert artifacts.read_json(exported.saved_model / "manifest.json")["model_version"] != version


def test_no_texts_no_scores(exported):
    assert export.score(exported.saved_model, []).shape == (0,)
