"""What came in since training: a table of texts, labelled or not, or the service's own log of scores.

A file is read some thousands of rows at a time and sampled on the way, so that memory does not grow with it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import cleaning, provenance, text
from pipelines.dataset.provenance import SourceError
from pipelines.operation import label_values, score_log, text_rows
from pipelines.operation.text_rows import Description
from pipelines.operation.traits import NO_LABEL


@dataclass(frozen=True)
class Incoming:
    """A sample of a file's rows.

    Attributes:
        rows: usable rows in the file.
        texts: string [sampled], raw; None for a log of scores.
        labels: int8 [sampled], 0 negative, 1 positive, -1 unknown.
        probabilities: float32 [scores], of a log; None for texts.
        left_out: reason → rows that were not used.
    """

    rows: int
    texts: pa.Array | None = None
    labels: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    left_out: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.probabilities if self.texts is None else self.texts)


def read(
    path: Path, *, known: provenance.Source, said: Description, model_version: str, most: int, seed: int
) -> Incoming:
    """Read a file that `text_rows` can read, or a log of scores.

    Args:
        path: the file.
        known: the source of the data set that the model learned from: its columns and label values are tried first.
        said: what the user says of the file.
        model_version: whose scores are read of a log; those of other models are left out.
        most: rows that are kept, drawn by `seed`; of them, repeats of a text are dropped as in training.

    Raises:
        SourceError: the file cannot be used; says what was found and what to do.
    """
    if not path.is_file():
        raise SourceError(f"no file {path}: NEW=path of new texts (CSV, TSV, JSONL, Parquet) or of the service's log")
    if score_log.is_log(path):
        scores, rows, left_out = score_log.read(path, model_version=model_version, most=most, seed=seed)
        return Incoming(rows, probabilities=scores, left_out=left_out)
    file = text_rows.look_at(path, said=said, source=known)
    return _sampled(file, known=known, said=said, most=most, seed=seed)


def _sampled(
    file: text_rows.TextFile, *, known: provenance.Source, said: Description, most: int, seed: int
) -> Incoming:
    generator, kept, drawn = np.random.default_rng(seed), None, np.zeros(0)
    rows, left_out, values = 0, Counter(), Counter()
    for part in text_rows.rows(file, rows=text_rows.WINDOW_ROWS):
        left_out += part.left_out
        rows += len(part.texts)
        label_values.count(values, part.labels, column=file.label, where=file.table.path.name)
        table = pa.table({"text": part.texts, "label": part.labels, "key": part.keys})
        kept = table if kept is None else pa.concat_tables([kept, table])
        drawn = np.concatenate([drawn, generator.random(len(table))])
        chosen = np.argsort(drawn, kind="stable")[:most]
        kept, drawn = kept.take(pa.array(chosen)), drawn[chosen]
    if kept is None or not len(kept):
        raise SourceError("the file holds no text: is it the right one?")
    labels = _labels(kept["label"].combine_chunks(), values, file=file, known=known, said=said)
    first = _first(kept["key"].combine_chunks())
    left_out["repeats of another text in the sample"] = int((~first).sum())
    texts = kept["text"].combine_chunks().filter(pa.array(first))
    return Incoming(rows, texts, labels[first], None, {reason: number for reason, number in left_out.items() if number})


def _labels(
    spelt: pa.Array, values: Counter[str], *, file: text_rows.TextFile, known: provenance.Source, said: Description
) -> np.ndarray:
    """What labels mean; a neutral row is one without a label here: int8 [rows]."""
    if not values:
        return np.full(len(spelt), NO_LABEL, np.int8)
    scale = text_rows.known_labels(file, known)
    labels = label_values.numbers(
        spelt, label_values.meanings(values, said=asdict(said), known=scale, column=file.label)
    )
    return np.where(labels == cleaning.NEUTRAL, NO_LABEL, labels).astype(np.int8)


def first_of_each(texts: pa.Array) -> np.ndarray:
    """Which rows do not repeat an earlier one, by the key of the preparation: bool [rows]."""
    return _first(text.duplicate_key(texts))


def _first(keys: pa.Array) -> np.ndarray:
    places = pc.dictionary_encode(keys).indices.to_numpy()
    first = np.zeros(len(keys), bool)
    first[np.unique(places, return_index=True)[1]] = True
    return first
