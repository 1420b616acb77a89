"""Columns of a Parquet file: what reads them streams, however long the file is."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset import tables, tokens
from pipelines.operation import table_file, windows

GROUPS, GROUP_ROWS = 12, 32_768


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    """A file of texts that cannot be packed: 12 groups of 1.7 megabytes."""
    path = tmp_path_factory.mktemp("long") / "long.parquet"
    schema = pa.schema({"text": pa.string(), "label": pa.int8(), "row": pa.int64()})
    chance = random.Random(1)
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for group in range(GROUPS):
            texts = [chance.randbytes(50).hex() for _ in range(GROUP_ROWS)]
            numbers = range(group * GROUP_ROWS, (group + 1) * GROUP_ROWS)
            columns = {"text": texts, "label": [0] * GROUP_ROWS, "row": numbers}
            file.write_table(pa.table(columns, schema=schema))
    return path


READERS = {
    "splits": lambda path: tokens.batches(path, columns=["text", "row"]),
    "own texts": lambda path: tables.read_file(path, format="parquet", columns={"text": "text"}),
    "any table": lambda path: windows.windows(table_file.look_at(path), rows=GROUP_ROWS),
}


@pytest.mark.parametrize("reader", READERS)
def test_reading_takes_no_more_memory_the_longer_the_file_is(long, reader):
    before, held = pa.total_allocated_bytes(), []
    for _ in READERS[reader](long):
        held.append(pa.total_allocated_bytes())
    assert len(held) == GROUPS
    # Its batches are 8 to 15 MB; buffered, the 21 MB of the packed file would come on top.
    assert max(held) - before < long.stat().st_size
