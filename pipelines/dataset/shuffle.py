"""Write rows in a given order without holding them: an external bucket shuffle.

Rows arrive in the order of the raw file, each with its place. They are spread over bucket files by place; at the end
each bucket, which fits into memory, is sorted and appended to the Parquet file.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 32_768
BUCKET_ROWS = 8 * ROW_GROUP_ROWS


class BucketShuffle:
    """Collects rows and writes them in the order of their places.

    Args:
        folder: for the bucket files; the caller removes it.
        schema: of the rows.
        rows: how many will come in all; their places are 0 … rows - 1.
        bucket_rows: rows in a bucket, which is what is in memory at a time.
    """

    def __init__(self, folder: Path, schema: pa.Schema, rows: int, *, bucket_rows: int = BUCKET_ROWS) -> None:
        self.folder, self.bucket_rows, self.rows = folder, bucket_rows, rows
        self.schema = schema
        self._schema = schema.append(pa.field("place", pa.int64()))
        folder.mkdir(parents=True)
        self._paths = [folder / f"{number}.arrow" for number in range(-(-rows // bucket_rows))]
        self._writers = [pa.ipc.new_stream(path, self._schema) for path in self._paths]

    def add(self, table: pa.Table, places: np.ndarray) -> None:
        """Take rows in.

        Args:
            table: of the schema.
            places: int64 [rows of table].
        """
        order = np.argsort(places, kind="stable")
        ordered = table.append_column("place", pa.array(places, pa.int64())).take(pa.array(order))
        buckets = places[order] // self.bucket_rows
        edges = np.flatnonzero(np.r_[True, buckets[1:] != buckets[:-1], True]) if len(buckets) else []
        for start, end in itertools.pairwise(edges):
            self._writers[buckets[start]].write_table(ordered.slice(start, end - start))

    def write(self, path: Path) -> None:
        """Write all rows to a Parquet file, in order.

        Raises:
            RuntimeError: places are missing or occur twice.
        """
        with pq.ParquetWriter(path, self.schema, compression="zstd") as parquet:
            for number, (bucket, writer) in enumerate(zip(self._paths, self._writers, strict=True)):
                writer.close()
                with pa.ipc.open_stream(bucket) as stream:
                    table = stream.read_all()
                places = table["place"].to_numpy()
                order = np.argsort(places, kind="stable")
                first = number * self.bucket_rows
                if not np.array_equal(places[order], np.arange(first, min(first + self.bucket_rows, self.rows))):
                    raise RuntimeError(f"{path.name}: {len(places)} rows came for bucket {number}, not each place once")
                ordered = table.drop_columns("place").take(pa.array(order)).combine_chunks()
                parquet.write_table(ordered, row_group_size=ROW_GROUP_ROWS)
                bucket.unlink()
