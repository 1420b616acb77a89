"""The light form of an export, by ONNX Runtime: the same scores, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reports to its maker otherwise

import numpy as np
import onnxruntime
import re2
from pydantic import ValidationError

from serving.light_text import Encoded, Rules, TextEncoder
from serving.manifest import Manifest, ModelError
from serving.predictor import Score

FOLDER = "assets.extra/light"
_FILES = tuple(f"{FOLDER}/{name}" for name in ("network.onnx", "vocabulary.txt", "text.json"))
_TEXTS = 16  # in one call, of similar length: with more, the short ones wait for the long ones


class LightPredictor:
    """A network ids: int32 [batch, steps] → probability: float32 [batch], and the encoder of its texts."""

    def __init__(self, session: onnxruntime.InferenceSession, encoder: TextEncoder, description: Manifest):
        self._session, self._encoder = session, encoder
        self.model_version = description.model_version
        self.labels = description.labels
        self.threshold = description.threshold

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, in order."""
        encoded = [self._encoder.encode(text) for text in texts]
        order = sorted(range(len(encoded)), key=lambda place: len(encoded[place].ids))
        scores: list[Score] = [None] * len(encoded)
        for start in range(0, len(order), _TEXTS):
            places = order[start : start + _TEXTS]
            probabilities = self._session.run(None, {"ids": _padded([encoded[place].ids for place in places])})[0]
            for place, probability in zip(places, probabilities.tolist(), strict=True):
                scores[place] = self._score(probability, encoded[place])
        return scores

    def _score(self, probability: float, encoded: Encoded) -> Score:
        unknown = encoded.ids.count(self._encoder.unknown_id)
        return Score(probability, tokens=len(encoded.ids), unknown=unknown, truncated=encoded.truncated)


def load(folder: Path, description: Manifest, *, threads: int) -> LightPredictor:
    """The model of a verified folder.

    Raises:
        ModelError: the export has no light form, or one that cannot be used.
    """
    for name in _FILES:
        if name not in description.files:  # what the manifest lists is there: it has been verified
            way_out = "export the run again (make train), or set SERVING_RUNTIME=tensorflow"
            raise ModelError(f"{folder} has no {name}, which SERVING_RUNTIME=onnx needs: {way_out}")
    network, vocabulary, rules = (folder / name for name in _FILES)
    try:
        encoder = TextEncoder(Rules.model_validate_json(rules.read_bytes()), vocabulary.read_bytes().split(b"\n")[:-1])
    except (ValidationError, re2.error) as error:
        raise ModelError(f"{rules} cannot be used: {error}") from None
    return LightPredictor(_session(network, threads), encoder, description)


def _session(network: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 1  # one text's products are too small to share
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other workers need the cores
    try:
        session = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no class of their own
        raise ModelError(
            f"{network} is no network that ONNX Runtime {onnxruntime.__version__} loads: {error}"
        ) from None
    found = [(value.name, value.type, len(value.shape)) for value in (*session.get_inputs(), *session.get_outputs())]
    wanted = [("ids", "tensor(int32)", 2), ("probability", "tensor(float)", 1)]
    if found != wanted:
        raise ModelError(f"{network} has the signature {found}, not {wanted}: export the run again")
    return session


def _padded(rows: list[list[int]]) -> np.ndarray:
    """Rows as one rectangle, padded on the right with 0, which the network counts as no token."""
    ids = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
    return ids
