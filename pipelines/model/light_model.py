"""The light form of an export as a model: pyarrow makes the ids, ONNX Runtime computes the network.

It reads what `pipelines.model.light` writes, without TensorFlow or Keras.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pipelines import artifacts
from pipelines.dataset import text, tokens
from pipelines.dataset.vocabulary import read_vocabulary


def is_in(saved_model: Path) -> bool:
    """Whether an exported model has a light form."""
    return (saved_model / artifacts.LIGHT_FORM).exists()


def vocabulary(saved_model: Path) -> list[str] | None:
    """The vocabulary inside an exported model; None in an export without a light form, where it cannot be read."""
    return read_vocabulary(saved_model / artifacts.LIGHT_FORM / "vocabulary.txt") if is_in(saved_model) else None


def encoder(saved_model: Path) -> tokens.Encoder:
    """Texts to the ids that an exported model with a light form reads, by the text rules of this checkout."""
    return tokens.Encoder(vocabulary(saved_model), sequence_length=_text_data(saved_model)["sequence_length"])


def has_rules_of_this_checkout(saved_model: Path) -> bool:
    """Whether `encoder` makes the very tokens that an exported model with a light form was trained on."""
    theirs = _text_data(saved_model)
    ours = json.loads(json.dumps(text.rules_as_data()))  # the way that theirs went: pairs became lists
    return all(theirs.get(name) == rules for name, rules in ours.items())


class LightModel:
    """Ids to probabilities by ONNX Runtime.

    A call takes one core, and several threads may call at once: that keeps cores busier than one call on all of them,
    whose products are small.
    """

    def __init__(self, saved_model: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        path = saved_model / artifacts.LIGHT_FORM / "network.onnx"
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def probabilities(self, ids: np.ndarray) -> np.ndarray:
        """P(positive) of rows: int32 [batch, steps], padded on the right with 0 → float32 [batch]."""
        return self._session.run(["probability"], {"ids": ids})[0]


def _text_data(saved_model: Path) -> dict:
    return artifacts.read_json(saved_model / artifacts.LIGHT_FORM / "text.json")
