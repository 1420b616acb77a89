"""Speed of training, as ratios taken in one run on the same rows: `make bench`.

Beside ours stands the recipe as most tutorials write it: Keras, two LSTM layers of 20, batches of 32, rows padded to
40 tokens and masked. Both are given the same encoded rows; each is timed after a warm-up, in turn, three times.
The machine's peak is that of its float32 matrix product, measured here too.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np

from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.inputs import default_dataset
from pipelines.model import backend, network

ROUNDS = 3
CLASSIC_LENGTH, CLASSIC_BATCH = 40, 32


def matrix_product_peak() -> float:
    """GFLOP/s of a float32 matrix product on all cores: the best of ten."""
    side = 4096
    left, right = (np.random.default_rng(n).random((side, side), np.float32) for n in range(2))
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds) / 1e9


def compiled(vocabulary_size: int, **measures) -> keras.Model:
    model = network.build_network(network.Configuration(vocabulary_size=vocabulary_size, **measures))
    model.compile(optimizer=keras.optimizers.AdamW(0.003, clipnorm=1.0), loss="binary_crossentropy", jit_compile=False)
    return model


class Padded(keras.utils.PyDataset):
    """Rows in order, all padded to one length: the classic recipe's batches."""

    def __init__(self, encoded: tokens.EncodedRows) -> None:
        super().__init__()
        self.encoded = encoded

    def __len__(self) -> int:
        return len(self.encoded) // CLASSIC_BATCH

    def __getitem__(self, position: int):
        rows = np.arange(position * CLASSIC_BATCH, (position + 1) * CLASSIC_BATCH)
        return self.encoded.padded(rows, length=CLASSIC_LENGTH), self.encoded.labels[rows].astype(np.float32)[:, None]


def tweets_per_second(model: keras.Model, data: keras.utils.PyDataset, rows: int) -> float:
    started = time.perf_counter()
    model.fit(backend.feed(data), epochs=1, verbose=0, shuffle=False)
    return rows / (time.perf_counter() - started)


def lstm_flops(encoded: tokens.EncodedRows, *, dimensions: int = 128, units: int = 128) -> float:
    """Floating-point operations of one pass over the rows: both LSTMs, forward and backward (three times forward)."""
    per_token = 2 * 4 * units * (dimensions + units) * 2
    return 3.0 * per_token * float(encoded.offsets[-1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="200000", help="a run whose encoded rows are there")
    parser.add_argument("--rows", type=int, default=50_000)
    given = parser.parse_args()
    run = artifacts.Dataset(given.dataset).run(given.run)
    encoded = tokens.open_encoded(run.encoded("train")).head(given.rows)
    vocabulary_size = len(run.vocabulary.read_text(encoding="utf-8").splitlines())
    bucketed = batches.BucketedBatches(encoded, batch_size=1024, sequence_length=64, seed=1)
    classic_rows = encoded.head(len(encoded) // 5)
    contestants = {
        "classic recipe": (
            compiled(vocabulary_size, architecture="classic", units=20, embedding_dimensions=128),
            Padded(classic_rows),
            len(classic_rows),
        ),
        "ours": (compiled(vocabulary_size), bucketed, len(encoded)),
    }
    for model, data, rows in contestants.values():
        tweets_per_second(model, data, rows)
    speeds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, contestant in contestants.items():
            speeds[name].append(tweets_per_second(*contestant))
    peak = matrix_product_peak()
    ours = statistics.median(speeds["ours"])
    for name, found in speeds.items():
        print(f"{name:<16} {statistics.median(found):8,.0f} tweets/s   [{min(found):,.0f}, {max(found):,.0f}]")
    ratios = [fast / slow for fast, slow in zip(speeds["ours"], speeds["classic recipe"], strict=True)]
    print(f"ours / classic   {statistics.median(ratios):8.2f} ×          [{min(ratios):.2f}, {max(ratios):.2f}]")
    used = ours * lstm_flops(encoded) / len(encoded) / 1e9
    print(f"matrix product   {peak:8,.0f} GFLOP/s; the LSTMs of ours use {used:,.0f} of them, {used / peak:.0%}")
    print(f"peak memory      {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8,.0f} MB")


if __name__ == "__main__":
    main()
