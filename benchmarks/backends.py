"""One epoch on each installed backend of Keras, on the same encoded rows, each in a process of its own.

    python -m benchmarks.backends --run 200000              writes BACKENDS.md beside this file
    KERAS_BACKEND=jax python -m benchmarks.backends --alone --folder DIR

The second needs Keras, that one backend and `DIR/encoded/{train,validation}`, no TensorFlow: for a machine with a GPU.
Each backend trains from the same initial weights on the same batches, once to compile and once against the clock. Then
each scores validation rows with those initial weights.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from pipelines import artifacts, stages
from pipelines.inputs import default_dataset

REPORT = Path(__file__).with_name("BACKENDS.md")
SCORED_ROWS = 2_000


def initial_weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The same for every backend, whose own random numbers differ: float32 arrays of these shapes, Glorot's spread."""
    random = np.random.default_rng(1)
    arrays = []
    for shape in shapes:
        spread = np.sqrt(2 / (shape[0] + shape[-1])) if len(shape) == 2 else 0.0
        arrays.append(random.normal(0, spread, shape).astype(np.float32))
    return arrays


def alone(folder: Path, *, rows: int, batch_size: int | None, scores: Path | None) -> dict:
    """Train one epoch of the rows in `folder` on the backend in use; returns its figures."""
    from pipelines.dataset import tokens
    from pipelines.model import backend, network, scoring

    data = {name: tokens.open_encoded(folder / "encoded" / name) for name in ("train", "validation")}
    data["train"] = data["train"].head(min(rows, len(data["train"])))
    sequence_length = artifacts.read_json(folder / "encoded" / "train" / "encoding.json")["sequence_length"]
    configuration = network.Configuration(vocabulary_size=int(max(part.ids.max() for part in data.values())) + 1)
    same = network.build_network(configuration)
    same.set_weights(initial_weights([weight.shape for weight in same.get_weights()]))
    if scores is not None:
        first_rows = data["validation"].head(min(SCORED_ROWS, len(data["validation"])))
        np.save(scores, scoring.predict(same, first_rows, sequence_length=sequence_length))
    with backend.precision():
        model = network.build_network(configuration)
    size = batch_size or backend.batch_size(1024, rows=len(data["train"]))
    figures = {"backend": backend.name(), "device": backend.device().name, "precision": backend.device().precision}
    figures |= {"rows": len(data["train"]), "batch_size": size}
    return figures | timed(model, same.get_weights(), data, batch_size=size, sequence_length=sequence_length)


def timed(model, weights: list[np.ndarray], data: dict, *, batch_size: int, sequence_length: int) -> dict:
    """Two epochs from the same weights, the first of which compiles; the second's speed and accuracy."""
    import keras

    from pipelines.dataset import batches
    from pipelines.model import backend

    train, validation = (
        batches.BucketedBatches(part, batch_size=batch_size, sequence_length=sequence_length, seed=seed)
        for part, seed in zip(data.values(), (1, None), strict=True)
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(0.003, clipnorm=1.0), loss="binary_crossentropy", metrics=["accuracy"]
    )
    seconds = []
    for _ in range(2):
        model.set_weights(weights)
        started = time.perf_counter()
        model.fit(backend.feed(train), epochs=1, shuffle=False, verbose=0)
        seconds.append(time.perf_counter() - started)
    return {
        "seconds": seconds[1],
        "compiling_seconds": seconds[0] - seconds[1],
        "tweets_per_second": len(data["train"]) / seconds[1],
        "validation_accuracy": model.evaluate(backend.feed(validation), verbose=0, return_dict=True)["accuracy"],
    }


def each(folder: Path, *, rows: int, batch_size: int | None) -> list[dict]:
    """The figures of every installed backend, TensorFlow's first, with what sets its scores apart from those."""
    found, scores = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for name in (name for name in stages.BACKENDS if find_spec(name)):
            path = Path(scratch) / f"{name}.npy"
            command = [sys.executable, "-m", "benchmarks.backends", "--alone", "--folder", str(folder)]
            command += ["--rows", str(rows), "--scores", str(path)]
            command += ["--batch-size", str(batch_size)] if batch_size else []
            environment = os.environ | {"KERAS_BACKEND": name}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
            scores.append(np.load(path))
            found[-1]["largest_difference"] = float(np.abs(scores[-1] - scores[0]).max())
            print(json.dumps(found[-1]), flush=True)
    return found


def report(found: list[dict], *, folder: Path) -> str:
    """The figures as a page of Markdown."""
    first = found[0]
    lines = [
        "# The backends of Keras, compared",
        "",
        f"`python -m benchmarks.backends`, {datetime.date.today()}, {first['device']}, {os.cpu_count()} cores, rows of",
        f"run {folder.name}: one epoch of {first['rows']:,}, batches of {first['batch_size']:,}, after one to compile.",
        f"The last column: scores of the same weights on at most {SCORED_ROWS:,} rows, held against TensorFlow's.",
        "Trained weights differ by more than dropout: for a word that stands in a batch more than once, Keras's Adam",
        "sums the squares of the parts of its gradient under TensorFlow, and squares their sum elsewhere.",
        "",
        "| backend | tweets/s | of TensorFlow's | compiling | validation accuracy | largest difference of scores |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        lines.append(
            f"| {one['backend']} | {one['tweets_per_second']:,.0f} "
            f"| {one['tweets_per_second'] / first['tweets_per_second']:.2f} × | {one['compiling_seconds']:.0f} s "
            f"| {one['validation_accuracy']:.3f} | {one['largest_difference']:.0e} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backends", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="200000", help="a run whose encoded rows are there")
    parser.add_argument("--folder", type=Path, help="instead of a run: the folder that holds encoded/")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--batch-size", type=int, help="default: what the device is given")
    parser.add_argument("--alone", action="store_true", help="only the backend of KERAS_BACKEND, figures as JSON")
    parser.add_argument("--scores", type=Path, help="with --alone: where the scores of the initial weights go")
    given = parser.parse_args()
    folder = given.folder or artifacts.Dataset(given.dataset).run(given.run).folder
    if given.alone:
        print(json.dumps(alone(folder, rows=given.rows, batch_size=given.batch_size, scores=given.scores)))
        return
    found = each(folder, rows=given.rows, batch_size=given.batch_size)
    with artifacts.written_whole(REPORT) as temporary:
        temporary.write_text(report(found, folder=folder), encoding="utf-8")
    print(f"written: {REPORT}")


if __name__ == "__main__":
    main()
