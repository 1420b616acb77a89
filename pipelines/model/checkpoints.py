"""Checkpoints: what a killed training needs to go on as if nothing had happened.

epoch-NNN.weights.h5   weights and optimizer after an epoch; the last one and the best one are kept
state.json             what they belong to, and the history up to there; written after them, it decides
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import keras
import numpy as np

from pipelines import artifacts
from pipelines.dataset import batches, buckets
from pipelines.model import backend, layers, naive_bayes, network, schedule


def fingerprint(run: artifacts.Run, parameters: dict, word_vectors: np.ndarray | None, *, code: list[Path]) -> str:
    """What a checkpoint belongs to: rows, parameters, word vectors, backend, precision, and the code of a training."""
    made_by = [parameters, backend.name(), backend.device().precision]
    digest = hashlib.sha256(json.dumps(made_by).encode())
    if word_vectors is not None:
        digest.update(np.ascontiguousarray(word_vectors))
    modules = (backend, layers, naive_bayes, network, schedule, batches, buckets)
    files = [run.encoded("train") / "ids.bin", run.encoded("train") / "labels.npy"]
    for path in [*files, *code, *(Path(module.__file__) for module in modules)]:
        digest.update(artifacts.sha256(path).encode())
    return digest.hexdigest()


def restore(model: keras.Model, folder: Path, belongs_to: str) -> list[dict]:
    """Bring model and optimizer to the last finished epoch; returns the history, empty where none fits."""
    state = folder / "state.json"
    if not state.exists():
        return []
    saved = artifacts.read_json(state)
    if saved["fingerprint"] != belongs_to:
        return []
    model.optimizer.build(model.trainable_variables)
    model.load_weights(_weights(folder, len(saved["history"])))
    return saved["history"]


def save(model: keras.Model, folder: Path, belongs_to: str, history: list[dict]) -> None:
    """Keep the epoch that has just finished; a kill at any moment leaves this or the one before."""
    with artifacts.written_whole(_weights(folder, len(history))) as temporary:
        model.save_weights(temporary)
    artifacts.write_json(folder / "state.json", {"fingerprint": belongs_to, "history": history})
    kept = {_weights(folder, len(history)), _weights(folder, best_epoch(history))}
    for path in set(folder.glob("epoch-*.weights.h5")) - kept:
        path.unlink()


def load_best(model: keras.Model, folder: Path, history: list[dict]) -> None:
    """Bring the model to the epoch with the least validation loss."""
    model.load_weights(_weights(folder, best_epoch(history)))


def best_epoch(history: list[dict]) -> int:
    """The epoch, from 1, with the least validation loss."""
    return int(np.argmin(losses(history))) + 1


def losses(history: list[dict]) -> list[float]:
    """The validation loss of each epoch."""
    return [epoch["validation_loss"] for epoch in history]


def _weights(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch:03d}.weights.h5"
