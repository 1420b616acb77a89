"""Training batches: what `buckets` lays out, as Keras reads it on any backend."""

from __future__ import annotations

import keras
import numpy as np

from pipelines.dataset.buckets import Buckets
from pipelines.dataset.tokens import EncodedRows


class BucketedBatches(Buckets, keras.utils.PyDataset):
    """Batches of (ids int32 [batch, edge], labels float32 [batch, 1]), each padded to the edge of a bucket.

    Args:
        encoded: the rows.
        layout: other arguments of `Buckets`.
    """

    def __init__(self, encoded: EncodedRows, **layout: int | None) -> None:
        keras.utils.PyDataset.__init__(self, workers=1, use_multiprocessing=False)
        Buckets.__init__(self, encoded, **layout)

    def __getitem__(self, position: int) -> tuple[np.ndarray, np.ndarray]:
        indices, edge = self._batches[position]
        labels = self.encoded.labels[indices].astype(np.float32)[:, None]
        return self.encoded.padded(indices, length=edge), labels
