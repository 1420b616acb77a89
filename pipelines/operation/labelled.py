"""A file of labelled texts, some thousands of rows at a time: each row is one to be scored, or says why not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset import cleaning, own_texts, provenance, survey, text
from pipelines.dataset.provenance import SourceError
from pipelines.operation import incoming, label_values, table_file, windows

NO_LABEL, EMPTY, NEUTRAL = "no label", "empty text", "neutral"
MOST_VALUES = 1_000  # of a label; a column with more is something else
WINDOW_ROWS = 32_768


@dataclass(frozen=True)
class Said(incoming.Description):
    """What a user says of a file; "": not said. Of a label's values several may be named, between commas.

    Attributes:
        neutral: values whose rows are set aside.
    """

    neutral: str = ""


@dataclass(frozen=True)
class LabelledFile:
    """A file, the column of its labels, and what their values mean.

    Attributes:
        meanings: value, spelt as `cleaning.label_text` does, → 0 negative, 1 positive, 2 neutral.
        counts: value → rows.
    """

    table: table_file.TableFile
    label: str
    meanings: dict[str, int]
    counts: Counter[str]


@dataclass(frozen=True)
class Rows:
    """Some consecutive rows of a file.

    Attributes:
        texts: string [usable], raw.
        labels: int8 [usable], 0 negative, 1 positive.
        keys: uint64 [usable], hashes of `text.duplicate_key`.
        left_out: why the others cannot be used → how many.
        share: of the file that has been read so far, 0 … 1.
    """

    texts: pa.Array
    labels: np.ndarray
    keys: np.ndarray
    left_out: Counter[str]
    share: float

    @property
    def read(self) -> int:
        return len(self.labels) + self.left_out.total()


def look_at(path: Path, *, said: Said, dataset: artifacts.Dataset | None) -> LabelledFile:
    """Find out what a file is; reads its labels once.

    Args:
        path: CSV, TSV, JSONL (also .gz) or Parquet.
        said: what the user says of it.
        dataset: that the model learned from: its columns and label values are tried first. None: not known here.

    Raises:
        SourceError: it cannot be used; names the value and the way out.
    """
    here = dataset is not None and dataset.source.exists()
    source = provenance.Source(**artifacts.read_json(dataset.source)) if here else None
    columns = source.columns if source else {}
    table = table_file.look_at(path, text=said.text, usual=tuple(filter(None, [columns.get("text")])))
    label = said.label or _usual_label(table, columns.get("label"))
    own_texts.check_column(label, table.schema.names, where=path.name, variable="LABEL")
    if label == table.text:
        raise SourceError(f"{label!r} is the column of the texts: LABEL=column names that of the labels")
    kind = table.schema.field(label).type
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        raise SourceError(f"column {label!r} of {path.name} is {kind}, no label: say LABEL=column")
    counts = _counts(table, label)
    found = label_values.meanings(counts, said=asdict(said), known=_known(table, source), column=label)
    return LabelledFile(table, label, found, counts)


def _usual_label(table: table_file.TableFile, known: str | None) -> str:
    if table.official:
        return provenance.OFFICIAL_ROLES["label"]
    return known if known in table.schema.names else own_texts.DEFAULT_COLUMNS["label"]


def _known(table: table_file.TableFile, source: provenance.Source | None) -> dict[str, int]:
    if table.official:
        return dict(zip((*provenance.OFFICIAL_LABELS.values(), provenance.OFFICIAL_NEUTRAL), (0, 1, 2), strict=True))
    if source is None:
        return {}
    values = [source.labels["negative"], source.labels["positive"]]
    return dict.fromkeys(source.ignored_labels, cleaning.NEUTRAL) | dict(zip(values, (0, 1), strict=True))


def _counts(table: table_file.TableFile, label: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    with tqdm(desc=f"labels of {table.path.name}", **survey.BAR) as bar:
        for window in windows.windows(table, rows=WINDOW_ROWS):
            found = pc.value_counts(_spelt(window, label))
            counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
            if len(counts) > MOST_VALUES:
                raise SourceError(
                    f"column {label!r} of {table.path.name} holds more than {MOST_VALUES:,} values: is it the label? "
                    "LABEL=column names another"
                )
            bar.update(window.columns.num_rows)
    counts.pop("", None)
    return counts


def _spelt(window: windows.Window, label: str) -> pa.Array:
    """Label values in one spelling, "" where there is none: string [rows]."""
    values = window.columns[label].combine_chunks()
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    return cleaning.label_text(pc.fill_null(values.cast(pa.string()), ""))


def rows(file: LabelledFile, *, rows: int = WINDOW_ROWS) -> Iterator[Rows]:
    """All rows of a file, `rows` at a time."""
    for window in windows.windows(file.table, rows=rows):
        texts, spelt = pc.fill_null(window.texts, ""), _spelt(window, file.label)
        if file.table.official:  # as 01_prepare does
            texts, _ = cleaning.repair_encoding(texts)
        keys, found = text.duplicate_key(texts), list(file.meanings)
        place = pc.fill_null(pc.index_in(spelt, value_set=pa.array(found, pa.string())), len(found))
        labels = np.array([*file.meanings.values(), cleaning.UNKNOWN], np.int8)[place.to_numpy()]
        reasons = np.full(len(labels), "", object)
        reasons[labels == cleaning.NEUTRAL] = NEUTRAL
        reasons[labels == cleaning.UNKNOWN] = NO_LABEL
        reasons[pc.equal(keys, "").to_numpy(zero_copy_only=False)] = EMPTY
        # What follows the colon shows a piece of the row: it stays out of every record.
        errors = [(row, error.split(":")[0]) for row, error in enumerate(window.errors.to_pylist()) if error]
        reasons[[row for row, _ in errors]] = [error for _, error in errors]
        good = pa.array(reasons == "")
        left_out = Counter(reasons[reasons != ""].tolist())
        hashes = survey.hash_keys(keys.filter(good))
        yield Rows(texts.filter(good), labels[reasons == ""], hashes, left_out, window.share)
