"""What each lever of training speed is worth: ours, and ours with one of them off or changed, in tweets a second.

All are built first, and each makes one pass over the rows to trace its graph and compile. Then all make a pass in turn,
round after round, so that whatever else the machine does meets all of them.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np

from benchmarks import contestant, machine, race, variants
from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.model import backend

MOST_SECONDS = 360  # no round begins later
BATCH_SIZES = (32, 256, 1024)


class OneLength(batches.BucketedBatches):
    """The same rows in batches that are all padded to the longest row there may be."""

    def start_epoch(self, epoch: int) -> None:
        self.edges = self.edges[-1:]
        self.bucket = np.zeros_like(self.bucket)
        super().start_epoch(epoch)


@dataclasses.dataclass(frozen=True)
class Lever:
    """One thing that is off or changed; the defaults are ours.

    Attributes:
        name: for a reader.
        parameters: of 04_train that differ.
        sequence: what lays out the batches.
        feed: what makes of them what `fit` is given.
        compiling: options of `compile` that differ.
        precision: a dtype policy, or None for that of the device.
        masked: whether the LSTMs are given a mask.
    """

    name: str
    parameters: dict[str, object] = dataclasses.field(default_factory=dict)
    sequence: type[batches.BucketedBatches] = batches.BucketedBatches
    feed: Callable = backend.feed
    compiling: dict[str, object] = dataclasses.field(default_factory=dict)
    precision: str | None = None
    masked: bool = False

    @property
    def variant(self) -> variants.Variant:
        """What of it lies in parameters."""
        return variants.Variant(self.name, "", self.parameters)


def levers(*, batch_size: int) -> list[Lever]:
    """Ours, and every lever.

    Args:
        batch_size: of ours; it is none of the other ones.
    """
    others = [size for size in BATCH_SIZES if size != batch_size]
    return [
        Lever("ours"),
        Lever("no length buckets: all rows padded to the longest", sequence=OneLength),
        *(Lever(f"batches of {size:,} instead of {batch_size:,}", {"batch_size": size}) for size in others),
        Lever("the LSTMs are given a mask", masked=True),
        Lever("a trained embedding instead of fixed vectors and a projection", variants.RANDOM),
        Lever("LSTMs of 128, as from 300,000 rows on", {"units": 128}),
        Lever("`jit_compile=True` (XLA)", compiling={"jit_compile": True}),
        Lever("`steps_per_execution=8`", compiling={"steps_per_execution": 8}),
        Lever("`mixed_bfloat16`", precision="mixed_bfloat16"),
        Lever("Keras's own adapter of a PyDataset instead of `backend.feed`", feed=lambda sequence: sequence),
    ]


def one_pass(run: artifacts.Run, lever: Lever, *, rows: int) -> Callable[[], float]:
    """A function that trains on the first rows of a run once and returns the seconds that it took."""
    device = backend.device()
    device = dataclasses.replace(device, precision=lever.precision or device.precision)
    with mock.patch.object(backend, "device", return_value=device):
        ready = contestant.ready(run, lever.variant, rows=rows, layout=lever.sequence)
    model = ready.model
    if lever.masked:
        give_masks(model)
    if lever.compiling:
        model.compile(optimizer=model.optimizer, loss=model.loss, metrics=["accuracy"], **lever.compiling)
    feed = lever.feed(ready.train)

    def timed() -> float:
        started = time.perf_counter()
        model.fit(feed, epochs=1, shuffle=False, verbose=0)
        return time.perf_counter() - started

    return timed


def give_masks(model: keras.Model) -> None:
    """Let the embedding of a network say which ids are padding, so that its LSTMs step over them."""
    embedding = model.get_layer("embedding")
    embedding.supports_masking = True
    embedding.compute_mask = lambda ids, mask=None: ids != 0


def measure(passes: dict[str, Callable[[], float]], *, rounds: int, most_seconds: float = MOST_SECONDS) -> list[dict]:
    """Seconds of each pass: one to warm up, then `rounds` in turn, or fewer where `most_seconds` are over.

    Returns:
        For each "name" the "seconds" [rounds], or what went wrong as "error"; what goes wrong in the first is raised.
    """
    started, errors, seconds = time.perf_counter(), {}, {name: [] for name in passes}
    for name, one in passes.items():
        try:
            print(f"  warming up {name}: {one():.1f} s", flush=True)
        except Exception as error:  # whatever a compiler says is its line of the table
            if name == next(iter(passes)):
                raise  # without ours there is nothing to hold the others against
            errors[name] = f"{type(error).__name__}: {error}".splitlines()[0][:120]
            print(f"  {name}: {errors[name]}", flush=True)
    for number in range(rounds):
        if number and time.perf_counter() - started > most_seconds:
            print(f"  {number} rounds of {rounds}: {most_seconds:.0f} s are over", flush=True)
            break
        for name, one in passes.items():
            if name not in errors:
                seconds[name].append(one())
        print(f"  round {number + 1} of {rounds}", flush=True)
    return [{"name": name, "seconds": seconds[name], "error": errors.get(name)} for name in passes]


def compared(measured: list[dict], *, rows: int, seconds_at_peak: dict[str, float] | None) -> list[dict]:
    """Medians: "tweets_per_second", and "of_ours" with "low" and "high", ratios to the first one in the same round.

    Also "of_peak": the share of its seconds in which the machine, at its peak, would do the arithmetic of each "name";
    None where that is not known.
    """
    ours, found = measured[0]["seconds"], []
    for one in measured:
        if one["error"] is None:
            ratios = [mine / other for mine, other in zip(ours, one["seconds"], strict=True)]
            seconds = statistics.median(one["seconds"])
            figures = {"of_ours": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
            of_peak = seconds_at_peak and seconds_at_peak[one["name"]] / seconds
            one = one | figures | {"tweets_per_second": rows / seconds, "of_peak": of_peak}
        found.append(one)
    return found


def every(run: artifacts.Run, *, rows: int, rounds: int) -> dict:
    """Measure every lever on the first rows of a run; how many rows, and a figure of each."""
    rows = min(rows, len(tokens.open_encoded(run.encoded("train"))))
    _, recipe, _ = variants.settings_of(run)
    tried = levers(batch_size=recipe.batch_size)
    measured = measure({lever.name: one_pass(run, lever, rows=rows) for lever in tried}, rounds=rounds)
    return {"rows": rows, "levers": compared(measured, rows=rows, seconds_at_peak=_at_peak(run, tried, rows=rows))}


def _at_peak(run: artifacts.Run, tried: list[Lever], *, rows: int) -> dict[str, float] | None:
    if backend.device().gpu:
        return None
    peak, seconds = machine.matrix_product_peak(), {}
    for lever in tried:
        configuration, recipe, _ = variants.settings_of(run, lever.variant)
        train = contestant.laid_out(run, recipe, rows=rows, layout=lever.sequence)
        seconds[lever.name] = race.flops(configuration, train) / peak
    return seconds
