"""Training: encoded rows and a configuration in, the best network of all epochs out; it survives being killed.

After every epoch a checkpoint (weights, optimizer, history, best weights) is written whole. The same command goes on
from there and ends with the same weights, because batches and dropout of an epoch depend on (seed, epoch) alone, and
early stopping is a function of the history. Keras's BackupAndRestore brings back neither of these three.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.model import backend, checkpoints, language_model, naive_bayes, network, schedule, scoring
from pipelines.model.progress import EpochBar
from pipelines.model.recipe import Recipe, stops_early

SAMPLE_ROWS = 20_000


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
        word_vectors: float16 [vocabulary_size, pretrained_dimensions], where the configuration reads some.
        on_epoch: called with the history's row of each epoch, first of those that a killed training has left.

    Returns:
        What training.json holds: rows, parameters, epochs, best epoch, seconds, speed, validation accuracy and loss.

    Raises:
        FloatingPointError: the loss of an epoch is no finite number.
    """
    with artifacts.lock(run.checkpoints):
        data = {name: tokens.open_encoded(run.encoded(name)) for name in ("train", "validation")}
        start = language_model.learned(run, configuration, word_vectors) if recipe.language_model else None
        backend.set_seed(recipe.seed)
        model = compiled(configuration, recipe, word_vectors, data["train"], start=start)
        fingerprint = made_from(run, configuration, recipe, word_vectors)
        history = checkpoints.restore(model, run.checkpoints, fingerprint)
        if history:
            print(f"going on after epoch {len(history)}, from {run.checkpoints}", flush=True)
        for figures in history:
            on_epoch(figures)
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
        feeds = {name: backend.feed(sequence) for name, sequence in sequences.items()}
        while len(history) < recipe.epochs and not stops_early(checkpoints.losses(history), patience=recipe.patience):
            sequences["train"].start_epoch(len(history))
            figures = _one_epoch(model, feeds, epoch=len(history), seed=recipe.seed, steps=len(sequences["train"]))
            if not math.isfinite(figures["loss"] + figures["validation_loss"]):
                on_epoch(figures)
                raise FloatingPointError(_diverged(figures, recipe))
            history.append(figures)
            checkpoints.save(model, run.checkpoints, fingerprint, history)
            on_epoch(figures)
        checkpoints.load_best(model, run.checkpoints, history)
        # Whatever precision was quick in training, what is kept computes in float32, as the export does.
        kept = network.build_network(configuration)
        kept.set_weights(model.get_weights())
        return _write(run, kept, data, history, configuration=configuration, recipe=recipe)


def made_from(
    run: artifacts.Run, configuration: network.Configuration, recipe: Recipe, word_vectors: np.ndarray | None
) -> str:
    """What a training's checkpoints and results belong to, as one hash; arguments as of `train`."""
    code = [Path(__file__), *([Path(language_model.__file__)] if recipe.language_model else [])]
    return checkpoints.fingerprint(run, {**configuration.as_dict(), **recipe.as_dict()}, word_vectors, code=code)


def compiled(
    configuration: network.Configuration,
    recipe: Recipe,
    word_vectors: np.ndarray | None,
    encoded: tokens.EncodedRows,
    *,
    start: Path | None = None,
) -> keras.Model:
    """An untrained network in the precision of the device, with the optimizer and loss that a recipe means.

    Args:
        configuration, recipe, word_vectors: as `train` is given them.
        encoded: training rows, which n-grams are counted in and the schedule of the learning rate is laid out for.
        start: from `language_model.learned`, where the LSTMs are to begin with that.
    """
    with backend.precision():
        model = network.build_network(configuration, word_vectors)
    if start:
        language_model.give(start, model)
    if configuration.architecture == "hybrid" and recipe.naive_bayes_start:
        odds = naive_bayes.log_odds(encoded, buckets=configuration.ngram_buckets)
        model.get_layer("ngrams").weight.embeddings.assign(recipe.naive_bayes_start * odds[:, None])
    steps = math.ceil(len(encoded) / recipe.batch_size) * recipe.epochs
    optimizer = keras.optimizers.AdamW(
        schedule.OneCycle(peak=recipe.learning_rate, steps=steps), weight_decay=recipe.weight_decay, clipnorm=1.0
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "embedding", "ngram_weight"])
    loss = keras.losses.BinaryCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def _one_epoch(model: keras.Model, feeds: dict, *, epoch: int, seed: int, steps: int) -> dict:
    started = time.monotonic()
    fitted = model.fit(
        feeds["train"],
        validation_data=feeds["validation"],
        initial_epoch=epoch,
        epochs=epoch + 1,
        shuffle=False,
        verbose=0,
        callbacks=[backend.SeedOfEpoch(seed), EpochBar(f"epoch {epoch + 1}", steps=steps)],
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


def _diverged(figures: dict, recipe: Recipe) -> str:
    losses = f"the loss is {figures['loss']} after epoch {figures['epoch']}, {figures['validation_loss']} on validation"
    return f"{losses} rows: try a learning_rate below {recipe.learning_rate:g}"


def _write(run, model, data, history, *, configuration, recipe: Recipe) -> dict:
    sequence_length = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
    best = history[checkpoints.best_epoch(history) - 1]
    seconds = sum(epoch["seconds"] for epoch in history)
    with artifacts.written_whole(run.model) as temporary:
        model.save(temporary)
    with artifacts.written_whole(run.history) as temporary:
        pd.DataFrame(history).to_csv(temporary, index=False)
    scored = {
        "validation": data["validation"],
        "train_sample": data["train"].head(min(SAMPLE_ROWS, len(data["train"]))),
    }
    for name, rows in scored.items():
        scores = scoring.predict(model, rows, sequence_length=sequence_length)
        frame = pd.DataFrame({"row": rows.rows, "label": rows.labels, "probability": scores})
        with artifacts.written_whole(run.predictions(name)) as temporary:
            frame.to_parquet(temporary, index=False)
    summary = {
        "rows_train": len(data["train"]),
        "parameters": {**configuration.as_dict(), **recipe.as_dict(), "sequence_length": sequence_length},
        "weights": model.count_params(),
        "backend": backend.name(),
        "device": backend.device().name,
        "precision": backend.device().precision,
        "epochs_run": len(history),
        "best_epoch": best["epoch"],
        "seconds": round(seconds, 2),
        "tweets_per_second": round(len(data["train"]) * len(history) / seconds, 1),
        "seed": recipe.seed,
        "validation_accuracy": best["validation_accuracy"],
        "validation_loss": best["validation_loss"],
    }
    artifacts.write_json(run.training, summary)
    return summary
