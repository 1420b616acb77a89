"""The light form of the export: the network as ONNX, and what turns text into its ids as plain data.

    network.onnx     ids: int32 [batch, steps] -> probability: float32 [batch], calibrated
    vocabulary.txt   one token a line; the line number, from 0, is the id
    text.json        the rules of pipelines/dataset/text.py, lower-casing, and the longest text

It lies in `assets.extra/`, the folder of a SavedModel that TensorFlow leaves alone, for whoever serves the model
without TensorFlow. The graph is written node by node from the weights; operators: https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipelines import artifacts, calibrator
from pipelines.dataset import text, tokens
from pipelines.model import network
from pipelines.model.layers import PAIR_MULTIPLIER

if TYPE_CHECKING:
    import keras
    import onnx

FLOAT, INT32 = 1, 6  # ONNX's numbers for them
OPSET, IR_VERSION = 18, 8  # of 2022: what serves the model need not be as new as what writes it


def write(
    folder: Path, *, model: keras.Model, vocabulary: Path, sequence_length: int, points: calibrator.Points
) -> None:
    """Write the light form of a trained network into an export that is being made."""
    light = folder / artifacts.LIGHT_FORM
    light.mkdir(parents=True)
    (light / "network.onnx").write_bytes(network_as_onnx(model, points=points).SerializeToString())
    shutil.copyfile(vocabulary, light / "vocabulary.txt")
    rules = text.rules_as_data() | {"sequence_length": sequence_length, "unknown_id": tokens.UNKNOWN_ID}
    artifacts.write_json(light / "text.json", rules)


def network_as_onnx(model: keras.Model, *, points: calibrator.Points = calibrator.AS_TRAINED) -> onnx.ModelProto:
    """A trained network of `network.build_network` as an ONNX graph.

    Args:
        model: any of its architectures.
        points: of the calibration, log-odds before and after.

    Returns:
        ids int32 [batch, steps], padded on the right with 0 → probability float32 [batch].
    """
    from onnx import checker, helper

    graph = _Graph(network.plain(model))
    logit = graph.linear(graph.features(), "logit")
    if model.name == "hybrid":
        logit = graph.add("Add", logit, graph.ngram_term())
    graph.add("Squeeze", graph.calibrated(logit, points), [1], output="probability")
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.name,
            [helper.make_tensor_value_info("ids", INT32, ["batch", "steps"])],
            [helper.make_tensor_value_info("probability", FLOAT, ["batch"])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="tweet-sentiment",
    )
    checker.check_model(proto, full_check=True)
    return proto


class _Graph:
    """Nodes and constants of one graph, which reads `ids`; each method adds some and returns its output's name."""

    def __init__(self, model: keras.Model):
        self.model = model
        self.nodes, self.constants = [], []
        self.real = self._real("ids")
        self.tokens = self.add("ReduceSum", self.real, [1], keepdims=1)  # float32 [batch, 1]
        self.lengths = self.add("Cast", self.add("Squeeze", self.tokens, [1]), to=INT32)  # int32 [batch]

    def add(self, operator: str, *inputs, outputs: int = 1, output: str = "", **attributes):
        """Add a node; an input that is no name of another's output becomes a constant (lists are int64)."""
        from onnx import helper, numpy_helper

        names = []
        for value in inputs:
            if not isinstance(value, str):
                array = np.asarray(value, np.int64 if isinstance(value, list) else None)
                value = f"constant_{len(self.constants)}"
                self.constants.append(numpy_helper.from_array(array, value))
            names.append(value)
        own = [output or f"{operator}_{len(self.nodes)}_{index}" for index in range(outputs)]
        self.nodes.append(helper.make_node(operator, names, own, **attributes))
        return own[0] if outputs == 1 else own

    def _real(self, ids: str) -> str:
        """1 for a token, 0 for padding: float32 [batch, steps]."""
        return self.add("Cast", self.add("Not", self.add("Equal", ids, np.int32(0))), to=FLOAT)

    def weights(self, layer: str) -> list[np.ndarray]:
        return self.model.get_layer(layer).get_weights()

    def linear(self, features: str, layer: str) -> str:
        kernel, bias = self.weights(layer)
        return self.add("Add", self.add("MatMul", features, kernel), bias)

    def features(self) -> str:
        """What the logit is a linear function of: float32 [batch, dense_units]."""
        time_major = self.add("Transpose", "ids", perm=[1, 0])
        words = self.add("Gather", self.weights("embedding")[0], time_major)  # [steps, batch, dimensions]
        read = self._last_state if self.model.name == "classic" else self._pooled_states
        return self.add("Tanh", self.linear(read(words), "dense"))

    def _last_state(self, words: str) -> str:
        states, _ = self._lstm(words, ["lstm_1"])
        _, last = self._lstm(self.add("Squeeze", states, [1]), ["lstm_2"])
        return self.add("Squeeze", last, [0])

    def _pooled_states(self, words: str) -> str:
        # ONNX reverses each row within its length, as `Reverse` does, and turns the states back, which pooling ignores.
        states, _ = self._lstm(words, ["lstm_forward", "lstm_backward"])  # [steps, 2, batch, units]
        names, number = {layer.name for layer in self.model.layers}, 2
        while f"lstm_forward_{number}" in names:
            below = self.add("Reshape", self.add("Transpose", states, perm=[0, 2, 1, 3]), [0, 0, -1])
            states, _ = self._lstm(below, [f"lstm_forward_{number}", f"lstm_backward_{number}"])
            number += 1
        real = self.add("Unsqueeze", self.add("Transpose", self.real, perm=[1, 0]), [1, 3])  # [steps, 1, batch, 1]
        padding = self.add("Mul", self.add("Sub", real, np.float32(1)), np.float32(1e4))
        largest = self.add("ReduceMax", self.add("Add", states, padding), [0], keepdims=0)
        total = self.add("ReduceSum", self.add("Mul", states, real), [0], keepdims=0)
        mean = self.add("Div", total, self.add("Max", self.tokens, np.float32(1)))
        pooled = self.add("Transpose", self.add("Concat", largest, mean, axis=-1), perm=[1, 0, 2])
        return self.add("Reshape", pooled, [0, -1])

    def _lstm(self, words: str, layers: list[str]) -> list[str]:
        """States float32 [steps, directions, batch, units] and last states [directions, batch, units]."""
        kernels, recurrent_kernels, biases = zip(*map(self.weights, layers), strict=True)
        units = recurrent_kernels[0].shape[0]
        return self.add(
            "LSTM",
            words,
            np.stack([_gates(kernel).T for kernel in kernels]),
            np.stack([_gates(kernel).T for kernel in recurrent_kernels]),
            np.stack([np.concatenate([_gates(bias), np.zeros_like(bias)]) for bias in biases]),
            self.lengths,
            outputs=2,
            hidden_size=units,
            direction="bidirectional" if len(layers) == 2 else "forward",
        )

    def ngram_term(self) -> str:
        """`layers.NgramTerm`: float32 [batch, 1]."""
        layer = self.model.get_layer("ngrams")
        buckets = np.int32(layer.buckets)
        following = self.add("Slice", self.add("Pad", "ids", [0, 0, 0, 1]), [1], [np.iinfo(np.int64).max], [1])
        words = self.add("Mod", self.add("Mul", "ids", np.int32(PAIR_MULTIPLIER)), buckets)
        pairs = self.add("Mod", self.add("Add", words, following), buckets)
        weights = self.add("Gather", layer.weight.get_weights()[0][:, 0], self.add("Concat", words, pairs, axis=1))
        real = self.add("Concat", self.real, self._real(following), axis=1)
        total = self.add("ReduceSum", self.add("Mul", weights, real), [1], keepdims=1)
        return self.add("Div", total, self.add("Sqrt", self.add("Max", self.tokens, np.float32(1))))

    def calibrated(self, logit: str, points: calibrator.Points) -> str:
        """The probability, with the steps that the export in TensorFlow takes, so that rounding is the same."""
        probability, smallest = self.add("Sigmoid", logit), np.float32(calibrator.SMALLEST_PROBABILITY)
        if points == calibrator.AS_TRAINED:
            return probability
        line = calibrator.pieces(points)
        starts, lows, highs, slopes = (
            array.astype(np.float32) for array in (line.starts, line.lows, line.highs, line.slopes)
        )
        bounded = self.add("Clip", probability, smallest, 1 - smallest)
        odds = self.add("Sub", self.add("Log", bounded), self.add("Log", self.add("Sub", np.float32(1), bounded)))
        way = self.add("Max", self.add("Min", self.add("Sub", odds, starts), highs), lows)
        risen = self.add("ReduceSum", self.add("Mul", way, slopes), [1], keepdims=1)
        return self.add("Sigmoid", self.add("Add", risen, np.float32(line.first)))


def _gates(weights: np.ndarray) -> np.ndarray:
    """Columns in ONNX's order of gates (input, output, forget, cell) from Keras's (input, forget, cell, output)."""
    entry, forget, cell, output = np.split(weights, 4, axis=-1)
    return np.concatenate([entry, output, forget, cell], axis=-1)
