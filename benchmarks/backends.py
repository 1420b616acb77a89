"""The same training on each installed backend of Keras, on the same encoded rows, each in a process of its own.

    python -m benchmarks.backends --run 200000                        writes BACKENDS.md beside this file
    KERAS_BACKEND=jax python -m benchmarks.backends --alone jax --run all

The second needs Keras, that one backend and a run's encoded rows and word vectors, no TensorFlow: for a machine with a
GPU. All train what `make train` trains, from the same initial weights on the same batches: two epochs of the first rows
of a run, the first of which compiles. Before it, each scores validation rows with the initial weights.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from benchmarks import alone, machine, reports
from pipelines import artifacts, stages
from pipelines.evaluation import markdown
from pipelines.inputs import default_dataset

REPORT = Path(__file__).with_name("BACKENDS.md")
SCORED_ROWS = 2_000
EPOCHS = 2
HEAD = """# The backends of Keras, compared

`{command}`, {machine}.

What `make train` trains, from the same initial weights on the same batches of {batch_size:,}: {epochs} epochs of the
first {rows:,} training rows of run {run} of {dataset}, the first of which compiles. Speed is that of the last epoch,
accuracy that on {validation_rows:,} validation rows after it. The last column holds each backend's scores of
{scored_rows:,} validation rows, by the initial weights, against TensorFlow's.

Trained weights differ by more than dropout: for a pair of words that stands in a batch more than once, Keras's Adam
sums the squares of the parts of its gradient under TensorFlow, and squares their sum elsewhere.
"""


def initial_weights(variables: list) -> list[np.ndarray]:
    """The same for every backend, whose own random numbers differ: float32, Glorot's spread; what is fixed is kept.

    Args:
        variables: of a model.
    """
    random, arrays = np.random.default_rng(1), []
    for variable in variables:
        shape = tuple(variable.shape)
        spread = np.sqrt(2 / (shape[0] + shape[-1])) if len(shape) == 2 else 0.0
        drawn = random.normal(0, spread, shape).astype(np.float32)
        arrays.append(drawn if variable.trainable else variable.numpy())
    return arrays


def measured(run: artifacts.Run, *, rows: int, scores: Path | None = None) -> dict:
    """Train on the backend in use; returns its figures.

    Args:
        run: with encoded rows and word vectors.
        rows: training rows, the first ones.
        scores: where the scores of the initial weights go, float32 [SCORED_ROWS] (.npy).
    """
    from benchmarks import contestant
    from pipelines.dataset import tokens
    from pipelines.evaluation import metrics
    from pipelines.model import backend, network, scoring

    ready = contestant.ready(run, rows=rows, epochs=EPOCHS)
    model, validation = ready.model, tokens.open_encoded(run.encoded("validation"))
    model.set_weights(initial_weights(model.weights))
    if scores is not None:
        # What is kept of a training computes in float32, whatever precision is quick on the device.
        same = network.build_network(ready.configuration)
        same.set_weights(model.get_weights())
        first = validation.head(min(SCORED_ROWS, len(validation)))
        np.save(scores, scoring.predict(same, first, sequence_length=ready.sequence_length))
    seconds, feed = [], backend.feed(ready.train)
    for epoch in range(EPOCHS):
        ready.train.start_epoch(epoch)
        started = time.perf_counter()
        callbacks = [backend.SeedOfEpoch(ready.recipe.seed)]
        model.fit(feed, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0, callbacks=callbacks)
        seconds.append(time.perf_counter() - started)
    found = scoring.predict(model, validation, sequence_length=ready.sequence_length)
    rows = len(ready.train.encoded)
    return {
        "backend": backend.name(),
        "device": backend.device().name,
        "precision": backend.device().precision,
        "rows": rows,
        "batch_size": ready.recipe.batch_size,
        "seconds": seconds,
        "tweets_per_second": rows / seconds[-1],
        "validation_rows": len(validation),
        "validation_accuracy": float(metrics.correct(validation.labels, found).mean()),
        "memory_mb": machine.peak_memory(),
    }


def each(run: artifacts.Run, *, rows: int) -> list[dict]:
    """The figures of every installed backend, TensorFlow's first, with what sets its scores apart from those."""
    found, scores = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in (name for name in stages.BACKENDS if find_spec(name)):
            path = Path(scratch) / f"{name}.npy"
            options = ("--dataset", run.dataset.name, "--run", run.name, "--rows", rows, "--scores", path)
            found.append(alone.figures("benchmarks.backends", name, *options, KERAS_BACKEND=name))
            scores.append(np.load(path))
            found[-1]["largest_difference"] = float(np.abs(scores[-1] - scores[0]).max())
            print(
                "{backend}: {tweets_per_second:,.0f} tweets/s, {validation_accuracy:.2%}".format(**found[-1]),
                flush=True,
            )
    return found


def page(found: list[dict], *, run: artifacts.Run, command: str) -> str:
    """The figures as a page of Markdown."""
    import pandas as pd

    first = found[0]
    lines = [
        {
            "backend": one["backend"],
            "tweets/s": f"{one['tweets_per_second']:,.0f}",
            "of TensorFlow's": f"{one['tweets_per_second'] / first['tweets_per_second']:.2f} ×",
            "compiling": f"{max(0.0, one['seconds'][0] - one['seconds'][-1]):.0f} s",
            "peak memory, MB": f"{one['memory_mb']:,.0f}",
            "validation accuracy, %": f"{100 * one['validation_accuracy']:.2f}",
            "largest difference of scores": f"{one['largest_difference']:.0e}",
        }
        for one in found
    ]
    head = HEAD.format(
        command=command,
        machine=machine.about(),
        epochs=EPOCHS,
        run=run.name,
        dataset=run.dataset.name,
        scored_rows=min(SCORED_ROWS, first["validation_rows"]),
        **{name: first[name] for name in ("rows", "batch_size", "validation_rows")},
    )
    return f"{head}\n{markdown.table(pd.DataFrame(lines))}\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backends", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="200000", help="a run whose encoded rows and word vectors are there")
    parser.add_argument("--rows", type=int, default=20_000)
    alone.add_arguments(parser, parts=stages.BACKENDS)
    parser.add_argument("--scores", type=Path, help="with --alone: where the scores of the initial weights go")
    given = parser.parse_args()
    run = artifacts.Dataset(given.dataset).run(given.run)
    if given.alone:
        artifacts.write_json(given.out, measured(run, rows=given.rows, scores=given.scores))
        return
    if not run.word_vectors.exists():
        sys.exit(f"error: no {run.word_vectors}; make train SIZE={run.name} makes it, or name another run with --run")
    text = page(each(run, rows=given.rows), run=run, command=" ".join(["python -m benchmarks.backends", *sys.argv[1:]]))
    reports.write(text, REPORT)


if __name__ == "__main__":
    main()
