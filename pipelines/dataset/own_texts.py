"""A user's own table: what the user says of it, and which columns it has."""

from __future__ import annotations

import argparse
import csv
import difflib
import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.dataset import archives
from pipelines.dataset.provenance import ROLES, Source, SourceError

FORMATS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
DEFAULT_COLUMNS = {"text": "text", "label": "label"}
KNOWN_PAIRS = (
    ("negative", "positive"),
    ("neg", "pos"),
    ("0", "1"),
    ("0", "4"),
    ("-1", "1"),
    ("false", "true"),
    ("no", "yes"),
    ("bad", "good"),
)
MOST_NAMED = 8


@dataclass(frozen=True)
class Request:
    """What a user says of a table; None: not said.

    Attributes:
        columns: role → column.
        negative, positive: the label value that means this.
        neutral: values, between commas, of rows to be set aside.
    """

    columns: dict[str, str | None]
    negative: str | None = None
    positive: str | None = None
    neutral: str | None = None

    @property
    def is_given(self) -> bool:
        return any((*self.columns.values(), self.negative, self.positive, self.neutral))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a command line that say what a table is."""
    for role in ROLES:
        parser.add_argument(f"--{role}", help="a column")
    for meaning in ("negative", "positive"):
        parser.add_argument(f"--{meaning}", help="the label value that means this")
    parser.add_argument("--neutral", help="label values of rows to be set aside, between commas")


def requested(given: argparse.Namespace) -> Request:
    """What those options say."""
    return Request({role: getattr(given, role) for role in ROLES}, given.negative, given.positive, given.neutral)


def as_before(said: Request, known: Source, *, names: list[str]) -> Request:
    """A request, filled up with the columns of an earlier file of the data set, where this one has them.

    Args:
        said: what the user says, which comes first; names: the columns of this file.
    """
    usual = {role: column if column in names else None for role, column in known.columns.items()}
    return replace(said, columns={role: said.columns.get(role) or usual.get(role) for role in ROLES})


def format_of(path: Path, kind: str) -> str:
    """ "csv", "tsv", "jsonl" or "parquet", by the content where that tells and by the suffix otherwise."""
    if kind == "parquet":
        return "parquet"
    suffix = path.suffix.lower()
    if FORMATS.get(suffix) in (None, "parquet"):
        raise SourceError(f"{path.name}: expected a file that ends in {', '.join(FORMATS)} (or that and .gz)")
    return FORMATS[suffix]


def check_encoding(path: Path) -> None:
    """Check that a text file, gzipped or not, is UTF-8.

    Raises:
        SourceError: it is not; names the first line and byte that show it.
    """
    packed = archives.kind_of(path) == "gzip"

    def convert(coding: str) -> str:
        if packed:
            return f"gzip -dc {path.name} | iconv -f {coding} -t UTF-8 > utf8-{path.name.removesuffix('.gz')}"
        return f"iconv -f {coding} -t UTF-8 {path.name} > utf8-{path.name}"

    with gzip.open(path) if packed else path.open("rb") as file:
        begins = file.read(4)
        if begins in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
            raise SourceError(f"{path.name} is UTF-32: {convert('UTF-32')}")
        if begins[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceError(f"{path.name} is UTF-16; make it UTF-8: {convert('UTF-16')}")
        file.seek(0)
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                shown = line[max(error.start - 20, 0) : error.start + 20].decode("latin-1")
                raise SourceError(
                    f"{path.name} is not UTF-8: byte 0x{line[error.start]:02x} in line {number} ({shown!r}); if it "
                    f"comes from Windows: {convert('WINDOWS-1252')}"
                ) from error


def column_names(path: Path, format: str) -> list[str]:
    """Columns of a table: of its first line, its schema, or all its records, since each may leave out what is null."""
    if format == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_schema(path).names
        except pa.ArrowInvalid as error:
            raise SourceError(f"{path.name} is a broken Parquet file ({error}): fetch it again") from error
    with path.open(encoding="utf-8-sig", newline="") as file:
        if format == "jsonl":
            return _fields(filter(str.strip, file), path)
        try:
            return next((row for row in csv.reader(file, delimiter="\t" if format == "tsv" else ",") if row), [])
        except csv.Error as error:
            raise SourceError(f"{path.name}: its first line cannot be read ({error}): is a quote left open?") from error


def _fields(lines: Iterable[str], path: Path) -> list[str]:
    names, first, found = {}, "", False
    for line in lines:
        first = first or line
        try:
            names |= dict.fromkeys(json.loads(line).keys())
            found = True
        except (ValueError, AttributeError, RecursionError):
            continue  # the row will be rejected, with its number
    if first and not found:
        raise SourceError(f"{path.name}: none of its lines is a JSON object; the first one: {first[:60]!r}")
    return list(names)


def choose_columns(names: list[str], request: Request, *, where: str) -> dict[str, str | None]:
    """The column of each role.

    Raises:
        SourceError: a column that is not there, or there twice.
    """
    chosen = {role: request.columns.get(role) or DEFAULT_COLUMNS.get(role) for role in ROLES}
    for role, name in chosen.items():
        if name is not None:
            check_column(name, names, where=where, variable=_variable(role))
    if chosen["text"] == chosen["label"]:
        raise SourceError(f"{chosen['text']!r} cannot be both: TEXT=column names the texts, LABEL=column their labels")
    return chosen


def check_column(name: str, names: list[str], *, where: str, variable: str) -> None:
    """Check that a table has a column, once; `variable` is how a user names another.

    Raises:
        SourceError: it has not; names the nearest column, and those that there are.
    """
    if name not in names:
        if len(names) == 1 and (delimiter := next((one for one in ";|\t" if one in names[0]), None)):
            raise SourceError(
                f"{where} has {delimiter!r} between its columns: save it with commas, or with tabs as .tsv"
            )
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        found = ", ".join(repr(one[:40]) for one in _masked(names)) or "none"
        raise SourceError(f"{where} has no column {name!r}{hint} It has {found}: say {variable}=column")
    if names.count(name) > 1:
        raise SourceError(f"{where} has {names.count(name)} columns named {name!r}: rename the ones you do not mean")


def _masked(names: list[str]) -> list[str]:
    """Names of columns to show: where a header is missing, they are the fields of a row."""
    import pyarrow as pa

    from pipelines.dataset import examples

    return examples.mask_names(pa.array(names, pa.string()))


def _variable(role: str) -> str:
    return "USER_COLUMN" if role == "user" else role.upper()
