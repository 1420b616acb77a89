"""The rows of a file to be scored, some thousands at a time, in order: a row that cannot be scored says why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.dataset import cleaning, parquet_columns
from pipelines.operation import records
from pipelines.operation.table_file import TableFile

MAX_CHARACTERS = 10_000  # as the service's default
NO_TEXT, NOT_UNICODE = "no text", "not valid UTF-8"
TOO_LONG = f"a text of more than {MAX_CHARACTERS:,} characters"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Window:
    """Some consecutive rows.

    Attributes:
        columns: every column of the file, in its order; nulls in a row that could not be read.
        errors: string [rows]; null where the row can be scored.
        share: of the file that has been read so far, 0 … 1.
        text: the column of the texts.
    """

    columns: pa.Table
    errors: pa.Array
    share: float
    text: str

    @property
    def texts(self) -> pa.Array:
        """string [rows], valid UTF-8; null where there is an error."""
        texts = self.columns[self.text].combine_chunks()
        return pc.if_else(pc.is_null(self.errors), texts, None).cast(pa.string())


def schema_of(source: TableFile) -> pa.Schema:
    """The columns of a file's windows: those of the file, but views, for which pyarrow has few kernels, are copied."""
    copied = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return pa.schema([column.with_type(copied.get(column.type, column.type)) for column in source.schema])


def windows(source: TableFile, *, rows: int) -> Iterator[Window]:
    """All rows of a file, `rows` at a time; the same file gives the same windows."""
    if source.format == "parquet":
        yield from _parquet_windows(source, rows)
        return
    size = source.path.stat().st_size
    with source.opened() as (file, position):
        found = _json_rows(source, file) if source.format == "jsonl" else _delimited_rows(source, file)
        while some := list(islice(found, rows)):
            values, errors = zip(*some, strict=True)
            errors = list(errors)
            arrays = [
                _array(list(column), field, errors)
                for column, field in zip(zip(*values, strict=True), source.schema, strict=True)
            ]
            yield _window(source, pa.table(arrays, schema=source.schema), errors, share=position() / size)


def _delimited_rows(source: TableFile, file: TextIO) -> Iterator[tuple[list, str]]:
    """Each row as (a value for each column, its error or "")."""
    width = len(source.schema)
    found = records.delimited(file, delimiter=source.delimiter)
    for fields, error in islice(found, 0 if source.official else 1, None):
        if fields is not None and len(fields) != width:
            shown = source.delimiter.join(fields)[: records.SHOWN]
            yield [None] * width, f"{len(fields)} fields instead of {width}: {shown!r}"
        else:
            yield fields or [None] * width, error


def _json_rows(source: TableFile, file: TextIO) -> Iterator[tuple[list, str]]:
    columns = list(zip(source.schema.names, source.schema.types, strict=True))
    for record, error in records.json_lines(file):
        record = record or {}
        if not isinstance(words := record.get(source.text), str | None):
            error = f"the text is no string: {type(words).__name__}"
        yield [_json_value(record.get(name), kind) for name, kind in columns], error


def _json_value(value: object, kind: pa.DataType) -> object:
    if value is None or isinstance(value, str) or kind != pa.string():
        return float(value) if kind == pa.float64() and value is not None else value
    return json.dumps(value, ensure_ascii=False)


def _array(values: list, field: pa.Field, errors: list[str]) -> pa.Array:
    """Values as an array; what is no Unicode text is mended by U+FFFD and noted in `errors`."""
    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:
        for row, value in enumerate(values):
            if value is not None and LONE_SURROGATE.search(value):
                values[row] = LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
                errors[row] = errors[row] or f"{NOT_UNICODE}: in column {field.name!r}"
        return pa.array(values, field.type)


def _parquet_windows(source: TableFile, rows: int) -> Iterator[Window]:
    schema = schema_of(source)
    # Asked for, a dictionary comes as it is stored; else pyarrow casts it where its indices are not int32, as those of
    # a pandas category are not, and that cast refuses all rows for one text that is no UTF-8.
    packed = [column.name for column in pq.read_schema(source.path) if pa.types.is_dictionary(column.type)]
    with parquet_columns.opened(source.path, read_dictionary=packed) as file:
        total, read = max(file.metadata.num_rows, 1), 0
        for table in _rewindowed(file.iter_batches(batch_size=rows), rows):
            errors = [""] * table.num_rows
            columns = [_checked(_plain(table[field.name], field.type), field, errors) for field in schema]
            read += table.num_rows
            yield _window(source, pa.table(columns, schema=schema), errors, share=read / total)


def _rewindowed(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Tables of `rows` rows (the last one of fewer), however small the file's own groups are."""
    waiting = None
    for batch in batches:
        table = pa.Table.from_batches([batch])
        waiting = table if waiting is None else pa.concat_tables([waiting, table])
        while waiting.num_rows >= rows:
            yield waiting.slice(0, rows)
            waiting = waiting.slice(rows)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _plain(column: pa.ChunkedArray, kind: pa.DataType) -> pa.Array:
    """A Parquet column as an array of a type, without its dictionary.

    The dictionary is not cast but looked up, as a cast refuses all rows where one of its texts is no UTF-8.
    """
    if pa.types.is_dictionary(column.type):
        chunks = [chunk.dictionary_decode() for chunk in column.chunks]
        column = pa.chunked_array(chunks, column.type.value_type)
    return column.combine_chunks().cast(kind)


def _checked(array: pa.Array, field: pa.Field, errors: list[str]) -> pa.Array:
    """A Parquet column; nothing has checked yet that its strings are UTF-8."""
    if field.type not in (pa.string(), pa.large_string()):
        return array
    try:
        array.validate(full=True)
        return array
    except pa.ArrowInvalid:
        packed = array.cast(pa.binary()).to_pylist()
        values = [None if value is None else value.decode("utf-8", "surrogateescape") for value in packed]
        return _array(values, field, errors)


def _window(source: TableFile, columns: pa.Table, errors: list[str], *, share: float) -> Window:
    noted = pa.array([error or None for error in errors], pa.string())
    texts = columns[source.text].combine_chunks()
    if source.official:  # as training reads that layout
        mended, _ = cleaning.repair_encoding(pc.fill_null(texts, ""))
        texts = pc.if_else(pc.is_null(texts), texts, mended)
        place = columns.schema.get_field_index(source.text)
        columns = columns.set_column(place, columns.schema.field(place), texts)
    found = pc.if_else(pc.greater(pc.utf8_length(texts), MAX_CHARACTERS), TOO_LONG, pa.scalar(None, pa.string()))
    found = pc.if_else(pc.is_null(texts), NO_TEXT, found)
    return Window(columns, pc.coalesce(noted, found), min(share, 1.0), source.text)
