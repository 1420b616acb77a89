"""The exported model as a function from texts to probabilities, by either runtime."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

from serving import manifest
from serving.manifest import Manifest, ModelError

CANARY_TOLERANCE = 1e-4  # between the exporting machine and this one: other CPUs add in another order
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container, by version 2 of control groups
_RUNTIMES = {"tensorflow": "serving.saved_model", "onnx": "serving.light"}  # each imports its libraries


class Score(float):
    """P(positive) of a text, with what the network read of it.

    Attributes:
        tokens: ids that the network read; a text without a token is one unknown id.
        unknown: those among them that the vocabulary does not hold.
        truncated: whether the text had more tokens than the network reads.
    """

    __slots__ = ("tokens", "truncated", "unknown")

    def __new__(cls, probability: float, *, tokens: int, unknown: int, truncated: bool) -> Score:
        score = super().__new__(cls, probability)
        score.tokens, score.unknown, score.truncated = tokens, unknown, truncated
        return score


class Predictor(Protocol):
    """What routes need of a model; tests hand in one without a runtime."""

    model_version: str
    labels: tuple[str, str]
    threshold: float

    def score(self, texts: Sequence[str]) -> list[float]:
        """P(positive) of each text, in order; a `Score` where the model tells what it read."""


def prediction(predictor: Predictor, score: float) -> dict[str, object]:
    """Label and probability of a score, as they are answered."""
    return {"label": predictor.labels[score >= predictor.threshold], "probability": round(score, 6)}


def load(folder: Path, *, runtime: str = "tensorflow", threads: int = 0) -> Predictor:
    """Verify, load, warm up and try a model.

    Args:
        folder: SavedModel with its manifest.json.
        runtime: tensorflow, or onnx for the light form inside the folder.
        threads: CPU threads of one model call; 0 leaves the choice to the runtime.

    Raises:
        ModelError: the files, the signature or the scores are not those of the manifest.
    """
    description = manifest.verify(folder)
    predictor = import_runtime(runtime).load(folder, description, threads=threads)
    _try_canary(predictor, description)
    for size in (1, 2, 8, 64):  # a first call of a new shape costs more; no client should pay for it
        predictor.score(["warm up"] * size)
    return predictor


def cores(quota: Path = _QUOTA) -> int:
    """CPU cores that this process may keep busy: those that it may run on, and no more than its container's quota.

    More threads than that would use the quota up early in each period, and all would then stand still.
    """
    own = len(os.sched_getaffinity(0))
    try:
        microseconds, period = quota.read_text().split()
    except (OSError, ValueError):  # no container, or another kind
        return own
    return own if microseconds == "max" else max(1, min(own, int(microseconds) // int(period)))


def import_runtime(runtime: str) -> ModuleType:
    """The module that loads models by this runtime; the master imports it too, so that workers share its libraries.

    Raises:
        ModelError: a library of it is not installed.
    """
    try:
        return importlib.import_module(_RUNTIMES[runtime])
    except ModuleNotFoundError as error:
        lock = "requirements-light.txt" if runtime == "onnx" else "requirements.txt"
        advice = f"pip install -r serving/{lock}, or choose the other runtime"
        raise ModelError(f"SERVING_RUNTIME={runtime} needs {error.name}, which is not installed: {advice}") from None


def _try_canary(predictor: Predictor, description: Manifest) -> None:
    scores = predictor.score([item.text for item in description.canary])
    for item, score in zip(description.canary, scores, strict=True):
        if not abs(score - item.probability) <= CANARY_TOLERANCE:
            detail = f"scores its canary text {item.text[:40]!r} {score:.6f}, not {item.probability:.6f}"
            raise ModelError(f"{description.model_version} {detail}: export the run again with these versions")
