"""Who reaches an accuracy first: ours and the classic recipe, each in a process of its own, on the same rows.

The clock starts before the network is built, so that what ours counts beforehand and building the graph count, and
stands still while validation rows are scored. All are looked at by one rule: before the first step, and then a second,
or a twentieth of the time so far, after the last look. What is found is a series of (seconds, rows trained, accuracy).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import keras
import numpy as np

from benchmarks import contestant, machine, variants
from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.evaluation import metrics
from pipelines.model import backend, network, scoring

LEAST_SECONDS, GROWTH = 1.0, 0.05  # between two looks; the share of the time so far
LONGEST = 1_000  # epochs: the clock ends a training, not their number


def next_look(seconds: float) -> float:
    """The time of the look after one at `seconds`."""
    return seconds + max(LEAST_SECONDS, GROWTH * seconds)


def reached(series: list[dict], target: float) -> dict | None:
    """The first look that found `target` or more; None where none did."""
    return next((look for look in series if look["accuracy"] >= target), None)


def time_to(series: list[dict], target: float) -> float | None:
    """Seconds at the look that `reached` finds."""
    look = reached(series, target)
    return look and look["seconds"]


def speed(series: list[dict]) -> float:
    """Rows a second from the first look after a step to the last one, so that building the graph is left out."""
    trained = [look for look in series if look["rows"]]
    if not trained:
        return 0.0
    first, last = trained[0], trained[-1]
    if len(trained) == 1:
        return last["rows"] / last["seconds"]
    return (last["rows"] - first["rows"]) / (last["seconds"] - first["seconds"])


def different(train: batches.BucketedBatches) -> float:
    """Ids that a batch holds at least once, padding among them, as a share of its tokens: those are projected."""
    found = sum(len(np.unique(train[position][0])) for position in range(len(train)))
    return found / int(train.encoded.lengths.sum())


def flops_per_token(configuration: network.Configuration, *, projected: float = 1.0) -> float:
    """Floating-point operations of one token in training: LSTMs and the projection of fixed vectors.

    A product forward costs two more backward, one for its weights and one for what came in; fixed vectors want none.

    Args:
        configuration: of the network.
        projected: share of the tokens whose vector is projected; see `different`.
    """
    units, dimensions = configuration.units, configuration.embedding_dimensions
    if configuration.architecture == "classic":
        widths = [dimensions, units]
    else:
        widths = [dimensions, dimensions] + [2 * units, 2 * units] * (configuration.layers - 1)
    lstms = sum(2 * 4 * units * (width + units) for width in widths)
    projection = 2 * configuration.pretrained_dimensions * dimensions  # once, for both directions
    return 3.0 * lstms + 2.0 * projected * projection


def flops(configuration: network.Configuration, train: batches.BucketedBatches) -> float:
    """Floating-point operations of a pass over the batches of training."""
    return int(train.encoded.lengths.sum()) * flops_per_token(configuration, projected=different(train))


class Race(keras.callbacks.Callback):
    """Looks at the accuracy from time to time, and ends the training at `target` or after `limit` seconds.

    Args:
        score: the accuracy of the model as it is.
        batch_size: rows a step.
        total: rows of an epoch; the last step of one may be smaller.
        started: when the clock was started, by `time.perf_counter`.
    """

    def __init__(
        self,
        score: Callable[[], float],
        *,
        batch_size: int,
        total: int,
        target: float,
        limit: float,
        started: float,
    ) -> None:
        super().__init__()
        self.score, self.batch_size, self.total, self.target, self.limit = score, batch_size, total, target, limit
        self.series: list[dict] = []
        self.rows_before, self.stood_still, self.due = 0, 0.0, LEAST_SECONDS
        self.started = started
        self.over = False

    def on_train_begin(self, logs=None) -> None:
        if not self.series:  # `ours` calls `fit` for each epoch
            self.look(0)

    def on_train_batch_end(self, batch, logs=None) -> None:
        seconds = time.perf_counter() - self.started - self.stood_still
        if not self.over and seconds >= min(self.due, self.limit):
            self.look(self.rows_before + min((batch + 1) * self.batch_size, self.total))

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.rows_before += self.total

    def look(self, rows: int) -> None:
        """Score the model after so many rows; the clock stands still."""
        now = time.perf_counter()
        seconds, accuracy = now - self.started - self.stood_still, self.score()
        self.series.append({"seconds": seconds, "rows": rows, "accuracy": accuracy})
        self.due = next_look(seconds)
        print(f"  {seconds:6.1f} s  {rows:9,} rows  validation accuracy {accuracy:.2%}", flush=True)
        if accuracy >= self.target or seconds >= self.limit:
            self.over = self.model.stop_training = True
        self.stood_still += time.perf_counter() - now


def ours(run: artifacts.Run, *, target: float, limit: float, variant: variants.Variant = variants.OURS) -> dict:
    """Train what `make train` trains, or a variant, to the end of its schedule if need be; returns its figures."""
    started = time.perf_counter()
    ready = contestant.ready(run, variant)
    model, train, validation = ready.model, ready.train, tokens.open_encoded(run.encoded("validation"))

    def score() -> float:
        found = scoring.predict(model, validation, sequence_length=ready.sequence_length)
        return float(metrics.correct(validation.labels, found).mean())

    measures = {"batch_size": train.batch_size, "total": len(train.encoded)}
    race = Race(score, **measures, target=target, limit=limit, started=started)
    feed = backend.feed(train)
    for epoch in range(ready.recipe.epochs):
        if not race.over:
            train.start_epoch(epoch)
            callbacks = [backend.SeedOfEpoch(ready.recipe.seed), race]
            model.fit(feed, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0, callbacks=callbacks)
    if not race.over:
        race.look(race.rows_before)
    return _figures(race, flops_per_row=flops(ready.configuration, train) / len(train.encoded))


def classic(run: artifacts.Run, *, target: float, limit: float) -> dict:
    """Train the classic recipe as people write it: arrays padded to one length, Keras's Adam, Keras's `fit`."""
    variant = variants.Variant("classic", "", variants.CLASSIC)
    configuration, recipe, _ = variants.settings_of(run, variant)
    data = {name: tokens.open_encoded(run.encoded(name)) for name in ("train", "validation")}
    length = variants.CLASSIC_LENGTH
    padded = {name: rows.padded(np.arange(len(rows)), length=length) for name, rows in data.items()}
    labels = {name: np.asarray(rows.labels, np.float32)[:, None] for name, rows in data.items()}
    started = time.perf_counter()
    backend.set_seed(recipe.seed)
    model = network.build_network(configuration)
    model.compile(keras.optimizers.Adam(recipe.learning_rate), loss="binary_crossentropy", metrics=["accuracy"])

    def score() -> float:
        found = model.predict(padded["validation"], batch_size=1024, verbose=0)[:, 0]
        return float(metrics.correct(labels["validation"][:, 0], found).mean())

    measures = {"batch_size": recipe.batch_size, "total": len(padded["train"])}
    race = Race(score, **measures, target=target, limit=limit, started=started)
    batch_size = recipe.batch_size
    model.fit(padded["train"], labels["train"], batch_size=batch_size, epochs=LONGEST, verbose=0, callbacks=[race])
    read = np.minimum(data["train"].lengths, length)
    return _figures(race, flops_per_row=flops_per_token(configuration) * float(read.mean()))


def _figures(race: Race, *, flops_per_row: float) -> dict:
    memory = machine.peak_memory()  # before the peak's own matrices
    return {
        "series": race.series,
        "batch_size": race.batch_size,
        "tweets_per_second": speed(race.series),
        "memory_mb": memory,
        "flops": speed(race.series) * flops_per_row,
        "peak_flops": machine.matrix_product_peak(),
        "device": backend.device().name,
    }
