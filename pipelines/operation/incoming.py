"""What came in since training: a table of texts, labelled or not, or the service's own log of scores.

A file is read some thousands of rows at a time and sampled on the way, so that memory does not grow with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import cleaning, provenance, text
from pipelines.dataset.provenance import SourceError
from pipelines.operation import label_values, labelled, score_log, table_file, text_rows
from pipelines.operation.labelled import LabelledFile
from pipelines.operation.text_rows import Description
from pipelines.operation.traits import NO_LABEL


@dataclass(frozen=True)
class Incoming:
    """A sample of a file's rows, and one of its labelled rows: where few are labelled, the first holds hardly any.

    Attributes:
        rows: usable rows in the file.
        texts: string [sampled], raw; None for a log of scores.
        labels: int8 [sampled], 0 negative, 1 positive, -1 unknown.
        at_random: bool [sampled], the sample of all rows; the others are there for their labels only.
        probabilities: float32 [scores], of a log; None for texts.
        left_out: reason → rows that were not used.
        note: which column was not read as labels, and what to do; "" for none. It holds no value of the file.
    """

    rows: int
    texts: pa.Array | None = None
    labels: np.ndarray | None = None
    at_random: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    left_out: dict[str, int] = field(default_factory=dict)
    note: str = ""

    def __len__(self) -> int:
        return len(self.probabilities) if self.texts is None else int(self.at_random.sum())


def read(
    path: Path, *, known: provenance.Source, said: Description, model_version: str, most: int, seed: int
) -> Incoming:
    """Read a file that `text_rows` can read, or a log of scores.

    Args:
        path: the file.
        known: the source of the data set that the model learned from: its columns and label values are tried first.
        said: what the user says of the file.
        model_version: whose scores are read of a log; those of other models are left out.
        most: rows that are kept, and as many labelled ones, drawn by `seed`; of them, repeats of a text are dropped as
            in training.

    Raises:
        SourceError: the file cannot be used; says what was found and what to do.
    """
    if not path.is_file():
        raise SourceError(f"no file {path}: NEW=path of new texts (CSV, TSV, JSONL, Parquet) or of the service's log")
    if score_log.is_log(path):
        scores, rows, left_out = score_log.read(path, model_version=model_version, most=most, seed=seed)
        return Incoming(rows, probabilities=scores, left_out=left_out)
    file, labels, note = _looked_at(path, known=known, said=said)
    return _sampled(file, labels.meanings if labels else {}, note=note, most=most, seed=seed)


def _looked_at(
    path: Path, *, known: provenance.Source, said: Description
) -> tuple[text_rows.TextFile, LabelledFile | None, str]:
    """The file, its labels where it has some, and the note on a column that is not read as labels.

    A column that only goes by the name of the labels may hold something else, which must not prevent a look at the
    texts. One that the user speaks of, or that Sentiment140's own layout has, is read or refused.
    """
    spoken_of = said.label or said.negative or said.positive or said.neutral
    try:
        file = text_rows.look_at(path, said=said, source=known)
    except SourceError as error:
        if spoken_of:
            raise
        # Whatever is wrong with the file itself is raised again; what is left is wrong with the labels.
        table = table_file.look_at(path, text=said.text, usual=tuple(filter(None, [known.columns.get("text")])))
        return text_rows.TextFile(table, ""), None, f"no labels are read: {error}"
    if not file.label:
        return file, None, ""
    try:
        return file, labelled.with_labels(file, said=said, source=known), ""
    except SourceError:
        if spoken_of or file.table.official:
            raise
    note = f"column {file.label!r} is not read as labels: what it holds cannot be told; LABEL={file.label} says why"
    return text_rows.TextFile(file.table, ""), None, note


def _sampled(file: text_rows.TextFile, meanings: dict[str, int], *, note: str, most: int, seed: int) -> Incoming:
    generator, kept, rows, left_out = np.random.default_rng(seed), None, 0, Counter()
    for part in text_rows.rows(file, rows=text_rows.WINDOW_ROWS):
        left_out += part.left_out
        rows += len(part.texts)
        labels = label_values.numbers(part.labels, meanings)
        labels[labels == cleaning.NEUTRAL] = NO_LABEL
        columns = {"text": part.texts, "key": part.keys, "label": labels, "drawn": generator.random(len(labels))}
        table = pa.table(columns)
        kept = _drawn(table if kept is None else pa.concat_tables([kept, table]), most=most)
    if kept is None or not len(kept):
        text_rows.check_encoding(file, left_out)
        raise SourceError("the file holds no text: is it the right one?")
    keys, labels = kept["key"].combine_chunks(), kept["label"].to_numpy()
    at_random = _first(keys, among=np.arange(len(kept)) < most)
    used = at_random | _first(keys, among=labels != NO_LABEL)
    left_out["repeats of another text in the sample"] = int((~used).sum())
    texts = kept["text"].combine_chunks().filter(pa.array(used))
    left_out = {reason: number for reason, number in left_out.items() if number}
    return Incoming(rows, texts, labels[used], at_random[used], left_out=left_out, note=note)


def _drawn(table: pa.Table, *, most: int) -> pa.Table:
    """The `most` rows with the lowest draws, then those among the `most` lowest labelled ones that are not in it."""
    table = table.sort_by("drawn")
    has_label = table["label"].to_numpy() != NO_LABEL
    return table.filter(pa.array((np.arange(len(table)) < most) | (has_label & (np.cumsum(has_label) <= most))))


def first_of_each(texts: pa.Array) -> np.ndarray:
    """Which rows do not repeat an earlier one, by the key of the preparation: bool [rows]."""
    return _first(text.duplicate_key(texts), among=np.ones(len(texts), bool))


def _first(keys: pa.Array, *, among: np.ndarray) -> np.ndarray:
    """Which rows are the first with their key among some rows (bool [rows]): bool [rows]."""
    rows, first = np.flatnonzero(among), np.zeros(len(keys), bool)
    places = pc.dictionary_encode(keys.take(pa.array(rows))).indices.to_numpy()
    first[rows[np.unique(places, return_index=True)[1]]] = True
    return first
