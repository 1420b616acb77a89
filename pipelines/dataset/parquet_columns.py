"""A Parquet file to be read as it streams, and its columns as texts: which types can be read as such, which values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.dataset.provenance import SourceError


def opened(path: Path, **options: object) -> pq.ParquetFile:
    """A file whose batches are read in memory that does not grow with it.

    By itself pyarrow buffers the packed columns of every row group that it has read until the file is closed.

    Args:
        path: of the file.
        options: others of `ParquetFile`.
    """
    return pq.ParquetFile(path, pre_buffer=False, **options)


def check_types(schema: pa.Schema, names: Iterable[str], *, where: str) -> None:
    """Check that columns can be read as texts.

    Raises:
        SourceError: one cannot, such as a list.
    """
    for name in names:
        kind = schema.field(name).type
        try:
            as_strings(pa.array([], kind.value_type if pa.types.is_dictionary(kind) else kind))
        except pa.ArrowNotImplementedError as error:
            raise SourceError(
                f"column {name!r} of {where} is {kind}, neither text nor number: name another column"
            ) from error


def as_strings(values: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Values as texts, and which of them are UTF-8; nothing that writes Parquet has to check that.

    Args:
        values: [rows], of a plain type.

    Returns:
        string [rows], with U+FFFD for bytes that are no UTF-8 and null where there is no value; bool [rows].
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):  # pandas has NaN for "no value"
        values = pc.if_else(pc.is_nan(values), None, values)
    try:
        strings = values.cast(pa.string())
        strings.validate(full=True)
        return strings, np.ones(len(values), bool)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
    packed = values.cast(pa.binary()).to_pylist()
    mended = [None if value is None else value.decode("utf-8", "replace") for value in packed]
    # U+FFFD may stand in the file as well: only a change of the bytes tells.
    good = [value is None or value == text.encode() for value, text in zip(packed, mended, strict=True)]
    return pa.array(mended, pa.string()), np.array(good)
