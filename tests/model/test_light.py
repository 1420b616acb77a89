"""The light form: the graph in ONNX scores as the network in Keras does."""

import keras
import numpy as np
import onnx
import pytest
from test_network import built

from pipelines import calibrator
from pipelines.dataset import text
from pipelines.model import light, network

onnxruntime = pytest.importorskip("onnxruntime")
BENT = ((-1.0, -0.5), (-0.1, -0.4), (0.2, 0.1), (1.0, 2.0))


def session(proto: onnx.ModelProto):
    return onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])


def rows(batch: int, steps: int) -> np.ndarray:
    draw = np.random.default_rng(steps)
    ids = draw.integers(1, 50, (batch, steps), dtype=np.int32)
    return np.where(np.arange(steps) < draw.integers(1, steps + 1, (batch, 1)), ids, 0).astype(np.int32)


@pytest.mark.parametrize("points", [calibrator.AS_TRAINED, ((0.0, 0.2), (1.7, 1.2)), BENT])
@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_the_graph_scores_as_the_network(architecture, points):
    model = built(architecture)
    graph = session(light.network_as_onnx(model, points=points))
    for batch, steps in ((1, 1), (5, 2), (1, 30), (64, 9)):
        ids = rows(batch, steps)
        trained = keras.ops.convert_to_numpy(model(ids))[:, 0].astype(np.float64)
        expected = calibrator.apply(trained, points)
        np.testing.assert_allclose(graph.run(None, {"ids": ids})[0], expected, atol=1e-6)


def test_stacked_layers_score_as_the_network():
    model, ids = built("hybrid", layers=3), rows(64, 9)
    expected = keras.ops.convert_to_numpy(model(ids))[:, 0]
    assert np.ptp(expected) > 0.01
    np.testing.assert_allclose(session(light.network_as_onnx(model)).run(None, {"ids": ids})[0], expected, atol=1e-6)


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_padding_changes_no_score(architecture):
    graph = session(light.network_as_onnx(built(architecture)))
    ids = rows(8, 7)
    padded = graph.run(None, {"ids": np.pad(ids, ((0, 0), (0, 9)))})[0]
    np.testing.assert_allclose(graph.run(None, {"ids": ids})[0], padded, atol=1e-6)
    assert np.ptp(padded) > 0.01


def test_the_same_network_gives_the_same_bytes():
    first, second = (light.network_as_onnx(built("hybrid"), points=BENT).SerializeToString() for _ in range(2))
    assert first == second


def test_capitals_are_those_that_pyarrow_lowers():
    rules = text.rules_as_data()
    table = dict(zip(rules["upper"], rules["lower"], strict=True))
    assert table["Ä"] == "ä"
    assert table["Σ"] == "σ"
    assert not {"ä", "ß", "1", "😀"} & set(table)
    assert len(table) > 1000
