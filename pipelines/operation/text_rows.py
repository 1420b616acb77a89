"""A file of texts, labelled or not, some thousands of usable rows at a time: what `monitor` and `evaluate-on` read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import cleaning, own_texts, provenance, text
from pipelines.dataset.provenance import SourceError
from pipelines.operation import label_values, table_file, windows

EMPTY = "empty text"
WINDOW_ROWS = 32_768


@dataclass(frozen=True)
class Description:
    """What a user says of a file; "": not said. Of a label's values several may be named, between commas.

    Attributes:
        text, label: columns. Unsaid, they are those of the data set, or `text` and `label`.
        negative, positive, neutral: values of the label.
    """

    text: str = ""
    label: str = ""
    negative: str = ""
    positive: str = ""
    neutral: str = ""


@dataclass(frozen=True)
class TextFile:
    """A file, the column of its labels and that of its dates; "" for none."""

    table: table_file.TableFile
    label: str
    date: str = ""


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a file.

    Attributes:
        texts: string [usable], raw; of Sentiment140's own CSV with its encoding repaired, as 01_prepare does.
        labels: string [usable], spelt as `cleaning.label_text` does; "" where there is none.
        dates: timestamp[s] [usable], UTC, of `clock_times`.
        keys: string [usable], of `text.duplicate_key`.
        left_out: why the others cannot be used → how many.
        share: of the file that has been read so far, 0 … 1.
    """

    texts: pa.Array
    labels: pa.Array
    dates: pa.Array
    keys: pa.Array
    left_out: Counter[str]
    share: float


def look_at(path: Path, *, said: Description, source: provenance.Source | None) -> TextFile:
    """Find out what a file is.

    Args:
        path: CSV, TSV, JSONL (also .gz) or Parquet; Sentiment140's own CSV, without a header, is known by its layout.
        said: what the user says of it.
        source: of the data set that the model learned from: its columns are tried first. None: not known.

    Raises:
        SourceError: it cannot be used; names the value and the way out.
    """
    usual = source.columns if source else {}
    table = table_file.look_at(path, text=said.text, usual=tuple(filter(None, [usual.get("text")])))
    official = [provenance.OFFICIAL_ROLES["label"]] if table.official else []
    tried = [*official, usual.get("label"), own_texts.DEFAULT_COLUMNS["label"]]
    label = said.label or next((name for name in tried if name in table.schema.names), "")
    if not label:
        return TextFile(table, "")
    own_texts.check_column(label, table.schema.names, where=path.name, variable="LABEL")
    if label == table.text:
        raise SourceError(f"{label!r} is the column of the texts: LABEL=column names that of the labels")
    label_values.check_type(table.schema.field(label).type, column=label, where=path.name)
    return TextFile(table, label)


def known_labels(file: TextFile, source: provenance.Source | None) -> dict[str, int]:
    """Label value → meaning (of `cleaning`) that needs no guess: those of the file's layout, or of the data set."""
    if file.table.official:
        return dict(zip((*provenance.OFFICIAL_LABELS.values(), provenance.OFFICIAL_NEUTRAL), (0, 1, 2), strict=True))
    if source is None:
        return {}
    values = [source.labels["negative"], source.labels["positive"]]
    return dict.fromkeys(source.ignored_labels, cleaning.NEUTRAL) | dict(zip(values, (0, 1), strict=True))


def spelt(window: windows.Window, label: str) -> pa.Array:
    """Label values in one spelling, "" where there is none: string [rows]."""
    values = window.columns[label].combine_chunks()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    return cleaning.label_text(pc.fill_null(values.cast(pa.string()), ""))


def clock_times(window: windows.Window, date: str) -> pa.Array:
    """When each row was written, as `cleaning.read_dates` reads it: timestamp[s] [rows], UTC.

    Null where that cannot be read, where only the day is given, and in all rows where `date` is "".
    """
    if not date:
        return pa.nulls(window.columns.num_rows, pa.timestamp("s"))
    given = pc.fill_null(window.columns[date].combine_chunks().cast(pa.string()), "")
    return cleaning.read_dates(pc.if_else(pc.match_substring(given, ":"), given, ""))[0]


def rows(file: TextFile, *, rows: int = WINDOW_ROWS) -> Iterator[Rows]:
    """All usable rows of a file, out of `rows` at a time."""
    for window in windows.windows(file.table, rows=rows):
        texts = pc.fill_null(window.texts, "")
        keys = text.duplicate_key(texts)
        labels = spelt(window, file.label) if file.label else pa.array([""] * len(texts), pa.string())
        reasons = np.where(pc.equal(keys, "").to_numpy(zero_copy_only=False), EMPTY, "").astype(object)
        # What follows the colon shows a piece of the row: it stays out of every record.
        errors = [(row, error.split(":")[0]) for row, error in enumerate(window.errors.to_pylist()) if error]
        reasons[[row for row, _ in errors]] = [error for _, error in errors]
        good = pa.array(reasons == "")
        left_out = Counter(reasons[reasons != ""].tolist())
        kept = (column.filter(good) for column in (texts, labels, clock_times(window, file.date), keys))
        yield Rows(*kept, left_out, window.share)


def check_encoding(file: TextFile, left_out: Counter[str]) -> None:
    """Say how a file is mended of which no row could be read, where that is for its encoding.

    Raises:
        SourceError: names the first line and byte that are no UTF-8.
    """
    if left_out[windows.NOT_UNICODE] and file.table.format != "parquet" and not file.table.packed:
        own_texts.check_encoding(file.table.path)
