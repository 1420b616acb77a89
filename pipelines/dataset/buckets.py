"""Which rows share a batch: rows of about one length, each batch padded to the edge of its bucket.

Small padding keeps the cores on real tokens, and a batch that holds no fully padded row meets cuDNN's conditions. The
rows that fill no batch of their bucket go into the next one: all batches but one are full, and JAX, which compiles each
shape anew, has one shape a bucket to compile.
The order is a function of (seed, epoch) alone, so that training that was killed goes on with the same batches.
"""

from __future__ import annotations

import numpy as np

from pipelines.dataset.tokens import EncodedRows

BUCKET_EDGES = (8, 12, 16, 20, 24, 28, 32, 40, 48, 64)


def bucket_edges(sequence_length: int) -> tuple[int, ...]:
    """The padded lengths in use: the standard edges below `sequence_length`, and it."""
    return (*(edge for edge in BUCKET_EDGES if edge < sequence_length), sequence_length)


class Buckets:
    """The batches of an epoch, as numbers of rows.

    Args:
        encoded: the rows.
        batch_size: rows in a batch; one of all may be smaller.
        sequence_length: the longest row.
        seed: None keeps the rows in order of length (for scoring); a number shuffles, anew in each epoch.

    Raises:
        ValueError: the batch size is less than 1.
    """

    def __init__(self, encoded: EncodedRows, *, batch_size: int, sequence_length: int, seed: int | None = None) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size {batch_size}: at least 1")
        self.encoded, self.batch_size, self.seed = encoded, batch_size, seed
        self.edges = np.array(bucket_edges(sequence_length))
        self.bucket = np.searchsorted(self.edges, encoded.lengths).astype(np.int8)
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Lay out the batches of an epoch; the same (seed, epoch) gives the same batches."""
        shuffle = None if self.seed is None else np.random.default_rng((self.seed, epoch))
        self._batches: list[tuple[np.ndarray, int]] = []
        left = np.zeros(0, np.int32)  # four bytes a row: these numbers are what grows in memory with the rows
        for number, edge in enumerate(self.edges):
            members = np.concatenate([left, np.flatnonzero(self.bucket == number).astype(np.int32)])
            if shuffle is not None:
                shuffle.shuffle(members)
            full = len(members) - len(members) % self.batch_size
            self._batches += [(piece, int(edge)) for piece in members[:full].reshape(-1, self.batch_size)]
            left = members[full:]
        if len(left):
            self._batches.append((left, int(self.edges[self.bucket[left].max()])))
        if shuffle is not None:
            order = shuffle.permutation(len(self._batches))
            self._batches = [self._batches[position] for position in order]

    def __len__(self) -> int:
        return len(self._batches)

    @property
    def order(self) -> np.ndarray:
        """int32 [rows]: the row that stands at each place when all batches of this epoch are read in turn."""
        return np.concatenate([indices for indices, _ in self._batches])

    @property
    def padding_share(self) -> float:
        """Share of padding among all ids of this epoch's batches."""
        cells = sum(len(indices) * edge for indices, edge in self._batches)
        return 1 - float(self.encoded.offsets[-1]) / cells
