"""What a file to be scored is: its format, its columns, and which of them holds the texts."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.dataset import archives, own_texts
from pipelines.dataset.provenance import OFFICIAL_COLUMNS, SourceError
from pipelines.operation import records


@dataclass(frozen=True)
class TableFile:
    """A file, its layout, and which column holds the texts.

    Attributes:
        format: "csv", "tsv", "jsonl" or "parquet".
        packed: whether it is gzipped.
        schema: its columns. Of CSV and TSV they are strings, as they stand in the file; JSON values keep their type
            where all rows agree on one, and are JSON texts otherwise.
        text: the column of the texts.
        official: Sentiment140's own CSV, which has no header and is latin-1.
    """

    path: Path
    format: str
    packed: bool
    schema: pa.Schema
    text: str
    official: bool = False

    @contextmanager
    def opened(self) -> Iterator[tuple[TextIO, Callable[[], int]]]:
        """The unpacked text, and how many bytes of the file have been read.

        Bytes that are no UTF-8 become lone surrogates.
        """
        encoding = "latin-1" if self.official else "utf-8-sig"
        with (
            self.path.open("rb") as raw,
            gzip.open(raw) if self.packed else nullcontext(raw) as unpacked,
            io.TextIOWrapper(unpacked, encoding=encoding, errors="surrogateescape", newline="") as file,
        ):
            yield file, raw.tell

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Hold that the file stays as it is.

        Raises:
            RuntimeError: at the end, when it did not.
        """
        before = self._state()
        yield
        if self._state() != before:
            raise RuntimeError(f"{self.path} changed while it was read: run the same command again")

    def _state(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns

    @property
    def delimiter(self) -> str:
        return "\t" if self.format == "tsv" else ","


def holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column of this type holds bytes, which may be no text."""
    of_bytes = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    return any(is_one(kind) for is_one in of_bytes)


def reads_as_text(kind: pa.DataType) -> bool:
    """Whether each value of a column of this type can be spelt as a text."""
    return not (pa.types.is_nested(kind) or holds_bytes(kind))


def look_at(path: Path, *, text: str = "", usual: tuple[str, ...] = ()) -> TableFile:
    """Find out what a file is.

    Args:
        path: its name's ending says the format; a bare Sentiment140 CSV is known by its layout.
        text: the column of the texts; "" is the first of `usual` that the file has, or else `text`.

    Raises:
        SourceError: it is not there, broken or empty, of another format, or has no such column.
    """
    kind = archives.kind_of(path)
    if kind == "zip":
        raise SourceError(f"{path} is a zip: unpack it and name the file in it")
    if kind == "gzip":
        _check_gzip(path)
    format = own_texts.format_of(path.with_suffix("") if kind == "gzip" else path, kind)
    official = format == "csv" and kind == "text" and archives.is_official(path)
    bare = TableFile(path, format, kind == "gzip", pa.schema([]), text, official)
    try:
        schema = _schema(bare)
    except UnicodeEncodeError:  # in the names of the columns
        own_texts.check_encoding(path)
        raise SourceError(f"the columns of {path.name} have names that are not UTF-8: iconv -t UTF-8") from None
    text = text or next((name for name in usual if name in schema.names), own_texts.DEFAULT_COLUMNS["text"])
    source = replace(bare, schema=schema, text=text)
    _check_columns(source)
    return source


def _check_gzip(path: Path) -> None:
    try:
        with gzip.open(path) as file:
            if not file.read(1):
                raise SourceError(f"{path} is empty (0 bytes, gzipped)")
            while file.read(archives.BLOCK_BYTES):
                pass
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise SourceError(f"{path} is a broken gzip file ({error}): fetch it again") from error


def _check_columns(source: TableFile) -> None:
    names, where = source.schema.names, source.path.name
    if any("\0" in name for name in names):
        raise SourceError(f"{where} is no text: its first line holds zero bytes; is it what its name says?")
    own_texts.check_column(source.text, names, where=where, variable="TEXT")
    if twice := [name for name in names if names.count(name) > 1]:
        raise SourceError(f"{where} has {len(twice)} columns named {twice[0]!r}: rename them")
    found = source.schema.field(source.text).type
    if found not in (pa.string(), pa.large_string(), pa.string_view()):
        raise SourceError(f"column {source.text!r} of {where} is {found}, not text: say TEXT=column")


def _schema(source: TableFile) -> pa.Schema:
    if source.format == "parquet":
        own_texts.column_names(source.path, "parquet")  # says what is broken
        return pa.schema([(field.name, _decoded(field.type)) for field in pq.read_schema(source.path)])
    if source.official:
        return pa.schema([(name, pa.string()) for name in OFFICIAL_COLUMNS])
    with source.opened() as (file, _):
        if source.format == "jsonl":
            return _json_schema(record for record, _ in records.json_lines(file))
        names = next(records.delimited(file, delimiter=source.delimiter), ([], ""))[0] or []
    if names.count("") > 1:  # as spreadsheets write columns that hold nothing
        names = [name or f"column {number}" for number, name in enumerate(names, 1)]
    return pa.schema([(name, pa.string()) for name in names])


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _json_schema(found: Iterable[dict | None]) -> pa.Schema:
    """The fields of all records, in order of appearance, with the type that holds every value."""
    kinds: dict[str, set[str]] = {}
    for record in filter(None, found):
        for name, value in record.items():
            kinds.setdefault(name, set()).add(_kind(value))
    typed = {
        frozenset({"bool"}): pa.bool_(),
        frozenset({"int"}): pa.int64(),
        frozenset({"wide"}): pa.int64(),
        frozenset({"int", "wide"}): pa.int64(),
        frozenset({"int", "float"}): pa.float64(),
        frozenset({"float"}): pa.float64(),
    }
    return pa.schema([(name, typed.get(frozenset(kind - {"NoneType"}), pa.string())) for name, kind in kinds.items()])


def _kind(value: object) -> str:
    """ "wide": an int that float64 may not hold, "big": one that int64 does not hold; else the name of the type."""
    if type(value) is not int or abs(value) <= 2**53:
        return type(value).__name__
    return "wide" if -(2**63) <= value < 2**63 else "big"
