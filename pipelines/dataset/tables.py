"""Raw files as a stream of rows: CSV, TSV, JSON lines and Parquet in, batches with the same six columns out.

Some thousands of rows are in memory at a time. A row that does not fit the layout is handed on as rejected, with its
number and its text; the other rows keep the numbers that they have in the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from pipelines.dataset import json_records, parquet_columns
from pipelines.dataset.provenance import OFFICIAL_COLUMNS, ROLES, Source, SourceError

BATCH_ROWS = 32_768
BLOCK_BYTES = 4 << 20  # also the longest row that can be read


@dataclass(frozen=True)
class Rejected:
    """A row that cannot be used: its 0-based number in the file, why, and its content."""

    row: int
    reason: str
    line: str


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a raw file.

    Attributes:
        table: columns row int64, text, label, id, date, user (strings; null where the data set has no such column).
        rejected: rows of about this place in the file that could not be parsed.
    """

    table: pa.Table
    rejected: list[Rejected]


def read(source: Source, role: str) -> Iterator[Rows]:
    """Stream the rows of the "train" or "manual" file of a source."""
    return read_file(
        source.path(role), format=source.format, columns=source.columns, encoding=source.encoding, header=source.header
    )


def read_file(
    path: Path, *, format: str, columns: dict[str, str | None], encoding: str = "utf-8", header: bool = True
) -> Iterator[Rows]:
    """Stream the rows of a file.

    Args:
        path: the file.
        format: "csv", "tsv", "jsonl" or "parquet".
        columns: role → column name, see `provenance.Source`.
        encoding: "utf-8" or "latin-1", of CSV and TSV.
        header: whether the first line of a CSV or TSV names the columns; without, the layout is Sentiment140's.

    Raises:
        SourceError: the file as a whole cannot be read.
    """
    wanted = {role: name for role, name in columns.items() if name is not None}
    try:
        if format == "parquet":
            yield from _read_parquet(path, wanted)
        elif format == "jsonl":
            yield from _read_json_lines(path, wanted)
        else:
            yield from _read_delimited(
                path, wanted, delimiter="\t" if format == "tsv" else ",", encoding=encoding, header=header
            )
    except pa.ArrowInvalid as error:
        hint = "a quote that is never closed?" if "straddl" in str(error) else "is it what its name says?"
        raise SourceError(f"{path.name} cannot be read as {format}: {error} ({hint})") from error


def _as_rows(numbers: np.ndarray, columns: dict[str, pa.Array]) -> pa.Table:
    missing = pa.nulls(len(numbers), pa.string())
    return pa.table({"row": pa.array(numbers, pa.int64()), **{role: columns.get(role, missing) for role in ROLES}})


def _read_delimited(
    path: Path, wanted: dict[str, str], *, delimiter: str, encoding: str, header: bool
) -> Iterator[Rows]:
    invalid: list[pacsv.InvalidRow] = []

    def keep_aside(row: pacsv.InvalidRow) -> str:
        invalid.append(row)
        return "skip"

    options = _csv_options(wanted, delimiter=delimiter, encoding=encoding, header=header, keep_aside=keep_aside)
    reader = pacsv.open_csv(path, **options)
    next_row, first_line, seen = 0, 2 if header else 1, np.zeros(0, np.int64)
    last, last_rejected = [""], Rejected(-1, "", "")
    for batch in reader:
        last = [str(batch[name][-1]) for name in wanted.values()] if batch.num_rows else last
        rejected, invalid[:] = _as_rejected(invalid, first_line), []
        last_rejected = rejected[-1] if rejected else last_rejected
        seen = np.r_[seen[seen >= next_row], [one.row for one in rejected]].astype(np.int64)
        numbers = _number(batch.num_rows, start=next_row, rejected=seen)
        next_row = int(numbers[-1]) + 1 if len(numbers) else next_row
        yield Rows(_as_rows(numbers, {role: batch[name] for role, name in wanted.items()}), rejected)
    if invalid:
        last_rejected = _as_rejected(invalid, first_line)[-1]
        yield Rows(_as_rows(np.zeros(0, np.int64), {}), _as_rejected(invalid, first_line))
    _check_quotes(path, [last_rejected.line] if last_rejected.row >= next_row else last)


def _check_quotes(path: Path, last: list[str]) -> None:
    """Refuse a file whose last row, of which this was read, takes in lines behind a quote that is never closed."""
    long = max(last, key=lambda value: value.count("\n"))
    if (lines := long.count("\n")) < 2:
        return
    with path.open("rb") as file:
        quotes = sum(block.count(b'"') for block in iter(lambda: file.read(BLOCK_BYTES), b""))
    if quotes % 2:
        raise SourceError(
            f"{path.name} has a quote that is never closed: its last row takes in {lines:,} lines, from "
            f"{long.strip()[:40]!r} on; close the quote there, or double it"
        )


def _as_rejected(rows: list[pacsv.InvalidRow], first_line: int) -> list[Rejected]:
    return [
        Rejected(row.number - first_line, f"{row.actual_columns} columns instead of {row.expected_columns}", row.text)
        for row in rows
    ]


def _csv_options(
    wanted: dict[str, str], *, delimiter: str, encoding: str, header: bool, keep_aside: Callable
) -> dict[str, object]:
    return {
        # One thread: only then does pyarrow know the number of a row that it cannot parse.
        "read_options": pacsv.ReadOptions(
            encoding=encoding.replace("-", ""),
            column_names=None if header else OFFICIAL_COLUMNS,
            block_size=BLOCK_BYTES,
            use_threads=False,
        ),
        "parse_options": pacsv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, invalid_row_handler=keep_aside
        ),
        "convert_options": pacsv.ConvertOptions(
            column_types={name: pa.string() for name in wanted.values()},
            include_columns=list(dict.fromkeys(wanted.values())),
        ),
    }


def _number(rows: int, *, start: int, rejected: np.ndarray) -> np.ndarray:
    """Numbers of a block's valid rows. The parser is ahead of the blocks: rejected rows may belong to later ones."""
    candidates = np.arange(start, start + rows + len(rejected))
    return np.setdiff1d(candidates, rejected, assume_unique=True)[:rows]


def _read_parquet(path: Path, wanted: dict[str, str]) -> Iterator[Rows]:
    start = 0
    with parquet_columns.opened(path) as file:
        parquet_columns.check_types(file.schema_arrow, wanted.values(), where=path.name)
        for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=list(dict.fromkeys(wanted.values()))):
            read = {role: parquet_columns.as_strings(batch[name]) for role, name in wanted.items()}
            good = np.logical_and.reduce([decoded for _, decoded in read.values()])
            table = _as_rows(start + np.arange(batch.num_rows), {role: strings for role, (strings, _) in read.items()})
            strange = table.filter(pa.array(~good)).to_pylist()
            rejected = [Rejected(row["row"], "not valid UTF-8", json.dumps(row, ensure_ascii=False)) for row in strange]
            yield Rows(table.filter(pa.array(good)), rejected)
            start += batch.num_rows


def _read_json_lines(path: Path, wanted: dict[str, str]) -> Iterator[Rows]:
    numbers, values, rejected, row = [], {role: [] for role in wanted}, [], -1
    with path.open(encoding="utf-8-sig") as file:
        for line in filter(str.strip, file):
            row += 1
            try:
                record = json_records.read(line, wanted)
            except json_records.ERRORS as error:
                rejected.append(Rejected(row, json_records.why_not(error), line.rstrip("\n")))
                continue
            numbers.append(row)
            for role, value in record.items():
                values[role].append(value)
            if len(numbers) == BATCH_ROWS:
                yield _json_rows(numbers, values, rejected)
                numbers, values, rejected = [], {role: [] for role in wanted}, []
    yield _json_rows(numbers, values, rejected)


def _json_rows(numbers: list[int], values: dict[str, list], rejected: list[Rejected]) -> Rows:
    columns = {role: pa.array(column, pa.string()) for role, column in values.items()}
    return Rows(_as_rows(np.array(numbers, np.int64), columns), rejected)
