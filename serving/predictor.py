"""The exported model as a function from texts to probabilities. The only file here that touches TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from serving import manifest
from serving.manifest import Manifest, ModelError

CANARY_TOLERANCE = 1e-4  # between the exporting machine and this one: other CPUs add in another order


class Predictor(Protocol):
    """What routes need of a model; tests hand in one without TensorFlow."""

    model_version: str
    labels: tuple[str, str]
    threshold: float

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, in order."""


class SavedModelPredictor:
    """A SavedModel with the signature `serving_default(text: string [batch]) -> probability: float32 [batch]`."""

    def __init__(self, function, description: Manifest):
        self._function = function
        self.model_version = description.model_version
        self.labels = description.labels
        self.threshold = description.threshold

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, in order."""
        import tensorflow as tf

        encoded = [text.encode() for text in texts]
        return self._function(text=tf.constant(encoded, tf.string))["probability"].numpy().tolist()


def load(folder: Path, *, threads: int = 0) -> SavedModelPredictor:
    """Verify, load, warm up and try a model.

    Args:
        folder: SavedModel with its manifest.json.
        threads: CPU threads of one model call; 0 leaves TensorFlow's choice.

    Raises:
        ModelError: the files, the signature or the scores are not those of the manifest.
    """
    description = manifest.verify(folder)
    predictor = SavedModelPredictor(_signature(folder, threads), description)
    _try_canary(predictor, description)
    for size in (1, 2, 8, 64):  # a first call of a new shape costs more; no client should pay for it
        predictor.score(["warm up"] * size)
    return predictor


def _signature(folder: Path, threads: int):
    import tensorflow as tf

    tf.config.set_visible_devices([], "GPU")  # a worker that takes a GPU takes all of its memory
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    try:
        loaded = tf.saved_model.load(str(folder))
        function = loaded.signatures["serving_default"]
    except KeyError:
        raise ModelError(f"{folder} has no signature serving_default: export the run again") from None
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise ModelError(f"{folder} is not a SavedModel that TensorFlow {tf.__version__} loads: {error}") from None
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    wanted = ({"text": ([None], "string")}, {"probability": ([None], "float32")})
    found = tuple(_shapes(specifications) for specifications in (inputs, outputs))
    if found != wanted:
        raise ModelError(f"{folder} has the signature {found}, not {wanted}: export the run again")
    function.loaded = loaded  # the function does not keep its own variables alive
    return function


def _shapes(specifications) -> dict[str, tuple]:
    return {
        name: (None if spec.shape.rank is None else spec.shape.as_list(), spec.dtype.name)
        for name, spec in specifications.items()
    }


def _try_canary(predictor: Predictor, description: Manifest) -> None:
    scores = predictor.score([item.text for item in description.canary])
    for item, score in zip(description.canary, scores, strict=True):
        if not abs(score - item.probability) <= CANARY_TOLERANCE:
            detail = f"scores its canary text {item.text[:40]!r} {score:.6f}, not {item.probability:.6f}"
            raise ModelError(f"{description.model_version} {detail}: export it again with this TensorFlow")
