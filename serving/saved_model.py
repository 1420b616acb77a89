"""The SavedModel, by TensorFlow. The only file here that touches it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from serving.manifest import Manifest, ModelError
from serving.predictor import Score

_INPUT = {"text": ([None], "string")}
_OUTPUTS = {
    "serving_default": {"probability": ([None], "float32")},
    "describe": {
        "probability": ([None], "float32"),
        "tokens": ([None], "int32"),
        "unknown": ([None], "int32"),
        "truncated": ([None], "bool"),
    },
}


class SavedModelPredictor:
    """A SavedModel with the signature `serving_default(text: string [batch]) -> probability: float32 [batch]`.

    Where it also has `describe`, which tells what it read of a text, that is the one that is called.
    """

    def __init__(self, function, description: Manifest):
        self._function = function  # what is called by its name must be kept
        self._names = sorted(function.structured_outputs)
        self._types = [function.structured_outputs[name].dtype for name in self._names]
        self.model_version = description.model_version
        self.labels = description.labels
        self.threshold = description.threshold

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, in order."""
        encoded = tf.constant([text.encode() for text in texts], tf.string)
        # To call the function itself takes 0.2 ms more, as much as a third of a short text: it binds arguments, and
        # looks for gradients to record, that are not here.
        found = tf.raw_ops.StatefulPartitionedCall(
            args=[encoded, *self._function.captured_inputs], Tout=self._types, f=self._function.name
        )
        columns = {name: tensor.numpy().tolist() for name, tensor in zip(self._names, found, strict=True)}
        probabilities = columns.pop("probability")
        if not columns:  # an export from before `describe`
            return probabilities
        told = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        return [Score(probability, **about) for probability, about in zip(probabilities, told, strict=True)]


def load(folder: Path, description: Manifest, *, threads: int) -> SavedModelPredictor:
    """The model of a verified folder.

    Raises:
        ModelError: TensorFlow does not load it, or its signature is another.
    """
    tf.config.set_visible_devices([], "GPU")  # a worker that takes a GPU takes all of its memory
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        # A lone text's two LSTMs side by side; under load they take turns as before.
        tf.config.threading.set_inter_op_parallelism_threads(max(threads, 2))
    try:
        loaded = tf.saved_model.load(str(folder))
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelError(f"{folder} is not a SavedModel that TensorFlow {tf.__version__} loads: {error}") from None
    if "serving_default" not in loaded.signatures:
        raise ModelError(f"{folder} has no signature serving_default: export the run again")
    for name in _OUTPUTS.keys() & set(loaded.signatures):
        _check_signature(folder, loaded.signatures[name], _OUTPUTS[name])
    function = loaded.signatures["describe" if "describe" in loaded.signatures else "serving_default"]
    function.loaded = loaded  # the function does not keep its own variables alive
    return SavedModelPredictor(function, description)


def _check_signature(folder: Path, function, outputs: dict[str, tuple]) -> None:
    found = tuple(map(_shapes, (function.structured_input_signature[1], function.structured_outputs)))
    if found != (_INPUT, outputs):
        raise ModelError(f"{folder} has the signature {found}, not {(_INPUT, outputs)}: export the run again")


def _shapes(specifications) -> dict[str, tuple]:
    return {
        name: (None if spec.shape.rank is None else spec.shape.as_list(), spec.dtype.name)
        for name, spec in specifications.items()
    }
