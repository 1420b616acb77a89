"""Training: encoded rows and a configuration in, the best network of all epochs out; it survives being killed.

After every epoch a checkpoint (weights, optimizer, history, best weights) is written whole. The same command goes on
from there and ends with the same weights, because batches and dropout of an epoch depend on (seed, epoch) alone, and
early stopping is a function of the history. Keras's BackupAndRestore brings back neither of these three.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.model import network, schedule

SAMPLE_ROWS = 20_000


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training rows, at most.
        batch_size: rows a step.
        learning_rate: the highest one of the schedule (see `schedule.OneCycle`).
        patience: epochs without a better validation loss before training stops.
        label_smoothing: how far a target is drawn from 0 or 1 towards one half, against noisy emoticon labels.
        weight_decay: of AdamW, on all weights but biases and word tables.
        seed: of initial weights, dropout and batches.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int = 2
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: at least 1")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate {self.learning_rate}: above 0")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class EpochBar(keras.callbacks.Callback):
    """A progress bar over the steps of an epoch, and one line of figures at its end."""

    def __init__(self, title: str, *, steps: int) -> None:
        super().__init__()
        self.bar = tqdm(total=steps, desc=title, unit=" steps", mininterval=1)

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.bar.set_postfix({name: f"{value:.4f}" for name, value in (logs or {}).items()})
        self.bar.close()


def stops_early(validation_loss: list[float], *, patience: int) -> bool:
    """Whether the best epoch lies `patience` or more epochs back: [0.5, 0.4, 0.41, 0.42], 2 → True."""
    return bool(validation_loss) and len(validation_loss) - 1 - int(np.argmin(validation_loss)) >= patience


def train(
    run: artifacts.Run,
    configuration: network.Configuration,
    recipe: Recipe,
    *,
    word_vectors: np.ndarray | None = None,
    on_epoch: Callable[[dict], None] = lambda figures: None,
) -> dict:
    """Train on the encoded rows of a run; write model, history, predictions and training.json.

    Args:
        run: holds encoded/train and encoded/validation.
        configuration: the network.
        recipe: the training.
        word_vectors: float32 [vocabulary_size, embedding_dimensions] to start from.
        on_epoch: called after each epoch with its row of the history.

    Returns:
        What training.json holds: rows, parameters, epochs, best epoch, seconds, speed, validation accuracy and loss.
    """
    with artifacts.lock(run.checkpoints):
        keras.utils.set_random_seed(recipe.seed)
        data = {name: tokens.open_encoded(run.encoded(name)) for name in ("train", "validation")}
        model = _compiled(configuration, recipe, word_vectors, rows=len(data["train"]))
        fingerprint = _fingerprint(run, configuration, recipe, word_vectors)
        history = _restore(model, run.checkpoints, fingerprint)
        if history:
            print(f"going on after epoch {len(history)}, from {run.checkpoints}", flush=True)
        sequence_length = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
        sequences = {
            name: batches.BucketedBatches(
                rows,
                batch_size=recipe.batch_size,
                sequence_length=sequence_length,
                seed=recipe.seed if name == "train" else None,
            )
            for name, rows in data.items()
        }
        while len(history) < recipe.epochs and not stops_early(_losses(history), patience=recipe.patience):
            history.append(_one_epoch(model, sequences, epoch=len(history), seed=recipe.seed))
            _save_checkpoint(model, run.checkpoints, fingerprint, history)
            on_epoch(history[-1])
        model.load_weights(run.checkpoints / "best.weights.h5")
        return _write(run, model, data, history, configuration=configuration, recipe=recipe)


def _compiled(configuration, recipe: Recipe, word_vectors, *, rows: int) -> keras.Model:
    model = network.build_network(configuration, word_vectors)
    steps = math.ceil(rows / recipe.batch_size) * recipe.epochs
    optimizer = keras.optimizers.AdamW(
        schedule.OneCycle(peak=recipe.learning_rate, steps=steps), weight_decay=recipe.weight_decay, clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "embedding", "pair_weight"])
    loss = keras.losses.BinaryCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"], jit_compile=False)
    return model


def _fingerprint(run: artifacts.Run, configuration, recipe: Recipe, word_vectors) -> str:
    """What a checkpoint belongs to: rows, vocabulary, configuration, recipe, word vectors and this code."""
    digest = hashlib.sha256(json.dumps([configuration.as_dict(), recipe.as_dict(), keras.backend.backend()]).encode())
    if word_vectors is not None:
        digest.update(np.ascontiguousarray(word_vectors))
    files = [run.encoded("train") / "ids.bin", run.encoded("train") / "labels.npy"]
    for path in [*files, Path(__file__), Path(network.__file__), Path(batches.__file__)]:
        digest.update(artifacts.sha256(path).encode())
    return digest.hexdigest()


def _restore(model: keras.Model, folder: Path, fingerprint: str) -> list[dict]:
    state = folder / "state.json"
    if not state.exists():
        return []
    saved = artifacts.read_json(state)
    if saved["fingerprint"] != fingerprint:
        return []
    model.optimizer.build(model.trainable_variables)
    model.load_weights(folder / "last.weights.h5")
    return saved["history"]


def _save_checkpoint(model: keras.Model, folder: Path, fingerprint: str, history: list[dict]) -> None:
    losses = _losses(history)
    with artifacts.folder_written_whole(folder) as temporary:
        model.save_weights(temporary / "last.weights.h5")
        newest_is_best = int(np.argmin(losses)) == len(losses) - 1
        best = temporary / "last.weights.h5" if newest_is_best else folder / "best.weights.h5"
        shutil.copyfile(best, temporary / "best.weights.h5")
        artifacts.write_json(temporary / "state.json", {"fingerprint": fingerprint, "history": history})


def _losses(history: list[dict]) -> list[float]:
    return [epoch["validation_loss"] for epoch in history]


def _one_epoch(model: keras.Model, sequences: dict, *, epoch: int, seed: int) -> dict:
    sequences["train"].start_epoch(epoch)
    for variable in model.variables:
        if "seed_generator_state" in variable.path:
            variable.assign(np.array([seed, epoch], dtype=keras.backend.standardize_dtype(variable.dtype)))
    started = time.monotonic()
    fitted = model.fit(
        sequences["train"],
        validation_data=sequences["validation"],
        initial_epoch=epoch,
        epochs=epoch + 1,
        shuffle=False,
        verbose=0,
        callbacks=[EpochBar(f"epoch {epoch + 1}", steps=len(sequences["train"]))],
    ).history
    return {
        "epoch": epoch + 1,
        "seconds": round(time.monotonic() - started, 3),
        "loss": fitted["loss"][0],
        "accuracy": fitted["accuracy"][0],
        "validation_loss": fitted["val_loss"][0],
        "validation_accuracy": fitted["val_accuracy"][0],
        "learning_rate": float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)),
    }


def predict(model: keras.Model, rows: tokens.EncodedRows, *, sequence_length: int, batch_size: int = 1024) -> np.ndarray:
    """Probability of positive for each row, in the order of the rows: float32 [rows]."""
    sequence = batches.BucketedBatches(rows, batch_size=batch_size, sequence_length=sequence_length)
    scores = np.empty(len(rows), np.float32)
    scores[sequence.order] = model.predict(sequence, verbose=0)[:, 0]
    return scores


def _write(run, model, data, history, *, configuration, recipe: Recipe) -> dict:
    sequence_length = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
    best = int(np.argmin(_losses(history)))
    seconds = sum(epoch["seconds"] for epoch in history)
    with artifacts.written_whole(run.model) as temporary:
        model.save(temporary)
    with artifacts.written_whole(run.history) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    scored = {"validation": data["validation"], "train_sample": data["train"].head(min(SAMPLE_ROWS, len(data["train"])))}
    for name, rows in scored.items():
        scores = predict(model, rows, sequence_length=sequence_length)
        frame = pd.DataFrame({"row": rows.rows, "label": rows.labels, "probability": scores})
        with artifacts.written_whole(run.predictions(name)) as temporary:
            frame.to_parquet(temporary, index=False)
    summary = {
        "rows_train": len(data["train"]),
        "parameters": {**configuration.as_dict(), **recipe.as_dict(), "sequence_length": sequence_length},
        "weights": model.count_params(),
        "backend": keras.backend.backend(),
        "epochs_run": len(history),
        "best_epoch": best + 1,
        "seconds": round(seconds, 2),
        "tweets_per_second": round(len(data["train"]) * len(history) / seconds, 1),
        "seed": recipe.seed,
        "validation_accuracy": history[best]["validation_accuracy"],
        "validation_loss": history[best]["validation_loss"],
    }
    artifacts.write_json(run.training, summary)
    return summary
