"""A file of labelled texts, some thousands of rows at a time: each row is one to be scored, or says why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import cleaning, own_texts, provenance, survey
from pipelines.operation import label_values, table_file, text_rows, windows
from pipelines.operation.text_rows import Description

NO_LABEL, NEUTRAL = "no label", "neutral"


@dataclass(frozen=True)
class LabelledFile:
    """A file, the column of its labels, what their values mean, and the column of its dates.

    Attributes:
        date: "" where there is none.
        meanings: value, spelt as `cleaning.label_text` does, → 0 negative, 1 positive, 2 neutral.
        counts: value → rows.
    """

    table: table_file.TableFile
    label: str
    meanings: dict[str, int]
    counts: Counter[str]
    date: str = ""


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a file.

    Attributes:
        texts: string [usable], raw.
        labels: int8 [usable], 0 negative, 1 positive.
        dates: timestamp[s] [usable], see `text_rows.Rows`.
        keys: uint64 [usable], hashes of `text.duplicate_key`.
        left_out: why the others cannot be used → how many.
        share: of the file that has been read so far, 0 … 1.
    """

    texts: pa.Array
    labels: np.ndarray
    dates: pa.Array
    keys: np.ndarray
    left_out: Counter[str]
    share: float

    @property
    def read(self) -> int:
        return len(self.labels) + self.left_out.total()


def look_at(path: Path, *, said: Description, dataset: artifacts.Dataset | None, date: str = "") -> LabelledFile:
    """Find out what a file is; reads its labels once.

    Args:
        path: CSV, TSV, JSONL (also .gz) or Parquet.
        said: what the user says of it.
        dataset: that the model learned from: its columns and label values are tried first. None: not known here.
        date: the column of the dates; "": that of the file's own layout or of the data set, where it is there.

    Raises:
        SourceError: it cannot be used; names the value and the way out.
    """
    here = dataset is not None and dataset.source.exists()
    source = provenance.Source(**artifacts.read_json(dataset.source)) if here else None
    file = text_rows.look_at(path, said=said, source=source)
    if not file.label:
        own_texts.check_column(
            own_texts.DEFAULT_COLUMNS["label"], file.table.schema.names, where=path.name, variable="LABEL"
        )
    found = with_labels(file, said=said, source=source)
    return replace(found, date=_date_column(file.table, date, source))


def _date_column(table: table_file.TableFile, said: str, source: provenance.Source | None) -> str:
    if said:
        own_texts.check_column(said, table.schema.names, where=table.path.name, variable="DATE")
    layout = provenance.OFFICIAL_ROLES if table.official else source.columns if source else {}
    column = said or layout.get("date") or ""
    if column not in table.schema.names:
        return ""
    kind = table.schema.field(column).type
    if not table_file.reads_as_text(kind):
        if said:
            raise provenance.SourceError(f"column {said!r} of {table.path.name} is {kind}, no date: say DATE=column")
        return ""
    return column


def with_labels(file: text_rows.TextFile, *, said: Description, source: provenance.Source | None) -> LabelledFile:
    """Find out what the labels of a file mean, for which all of them are read once.

    Args:
        file: with a column of labels.
        said: what the user says of it.
        source: of the data set that the model learned from; None: not known.

    Raises:
        SourceError: they cannot be told; names the values.
    """
    table, label = file.table, file.label
    label_values.check_type(table.schema.field(label).type, column=label, where=table.path.name)
    counts = _counts(table, label)
    known = text_rows.known_labels(file, source)
    return LabelledFile(
        table,
        label,
        label_values.meanings(counts, said=asdict(said), known=known, column=label, certain=table.official),
        counts,
    )


def _counts(table: table_file.TableFile, label: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tqdm(desc=f"labels of {table.path.name}", **survey.BAR) as bar:
        for window in windows.windows(table, rows=text_rows.WINDOW_ROWS):
            label_values.count(counts, text_rows.spelt(window, label), column=label, where=table.path.name)
            bar.update(window.columns.num_rows)
    return counts


def rows(file: LabelledFile, *, rows: int = text_rows.WINDOW_ROWS) -> Iterator[Rows]:
    """All rows of a file, `rows` at a time."""
    for part in text_rows.rows(text_rows.TextFile(file.table, file.label, file.date), rows=rows):
        labels = label_values.numbers(part.labels, file.meanings)
        good = np.isin(labels, (cleaning.NEGATIVE, cleaning.POSITIVE))
        left_out = part.left_out + Counter({
            NEUTRAL: int((labels == cleaning.NEUTRAL).sum()), NO_LABEL: int((labels == cleaning.UNKNOWN).sum()),
        })  # fmt: skip
        chosen = pa.array(good)
        hashes = survey.hash_keys(part.keys.filter(chosen))
        texts, dates = part.texts.filter(chosen), part.dates.filter(chosen)
        yield Rows(texts, labels[good], dates, hashes, left_out, part.share)
