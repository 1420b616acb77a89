"""What came in since training: a table of texts, labelled or not, or the service's own log of scores.

A file is read some thousands of rows at a time and sampled on the way, so that memory does not grow with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import archives, cleaning, own_texts, provenance, tables, text
from pipelines.dataset.provenance import ROLES, SourceError
from pipelines.operation import score_log
from pipelines.operation.traits import NO_LABEL

MEANINGS = {"negative": 0, "positive": 1}


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


@dataclass(frozen=True)
class Description:
    """What a user says of a file; "": not said.

    Attributes:
        text, label: columns. Unsaid, they are those of the data set, or `text` and `label`.
        negative, positive: values of the label.
    """

    text: str = ""
    label: str = ""
    negative: str = ""
    positive: str = ""


def read(
    path: Path, *, known: provenance.Source, said: Description, model_version: str, most: int, seed: int
) -> Incoming:
    """Read a file: CSV, TSV, JSON lines or Parquet with a column of texts, or a log of scores.

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
        scores, left_out = score_log.read(path, model_version=model_version)
        chosen = np.random.default_rng(seed).permutation(len(scores))[:most]
        return Incoming(len(scores), probabilities=scores[chosen], left_out=left_out)
    format = own_texts.format_of(path, archives.kind_of(path))
    if format != "parquet":
        own_texts.check_encoding(path)
    columns = _columns(own_texts.column_names(path, format), known, said, where=path.name)
    meanings = _meanings(known, said)
    return _sampled(
        tables.read_file(path, format=format, columns=columns), meanings, labelled=bool(columns["label"]),
        most=most, seed=seed,
    )  # fmt: skip


def _columns(names: list[str], known: provenance.Source, said: Description, *, where: str) -> dict[str, str | None]:
    asked = {}
    for role, chosen in (("text", said.text), ("label", said.label)):
        usual = [known.columns.get(role), own_texts.DEFAULT_COLUMNS[role]]
        asked[role] = chosen or next((name for name in usual if name in names), None)
    if asked["text"] is None or asked["text"] not in names:
        raise SourceError(
            f"{where} has no column {asked['text'] or 'text'!r}; it has {', '.join(names)}: say text=column"
        )
    if said.label and said.label not in names:
        raise SourceError(f"{where} has no column {said.label!r}; it has {', '.join(names)}: say label=column")
    return {role: asked.get(role) for role in ROLES}


def _meanings(known: provenance.Source, said: Description) -> dict[str, int]:
    """Label value → 0 or 1: what the user says, else the values of the data set and the usual ones."""
    given = {name: value for name, value in (("negative", said.negative), ("positive", said.positive)) if value}
    if given:
        return {_spelt(value): MEANINGS[name] for name, value in given.items()}
    found = {}
    for negative, positive in own_texts.KNOWN_PAIRS:
        found |= {negative: 0, positive: 1}
    return found | {_spelt(value): MEANINGS[name] for name, value in known.labels.items()}


def _spelt(value: str) -> str:
    return cleaning.label_text(pa.array([value]))[0].as_py()


def _sampled(
    batches: Iterator[tables.Rows], meanings: dict[str, int], *, labelled: bool, most: int, seed: int
) -> Incoming:
    generator, kept, drawn = np.random.default_rng(seed), None, np.zeros(0)
    counts = {"not parsed": 0, "empty": 0}
    rows = 0
    for batch in batches:
        table = batch.table.select(["text", "label"]).combine_chunks()
        table = table.set_column(0, "text", pc.fill_null(table["text"], ""))
        filled = table.filter(pc.not_equal(pc.utf8_trim_whitespace(table["text"]), ""))
        counts["not parsed"] += len(batch.rejected)
        counts["empty"] += len(table) - len(filled)
        rows += len(filled)
        kept = filled if kept is None else pa.concat_tables([kept, filled])
        drawn = np.concatenate([drawn, generator.random(len(filled))])
        chosen = np.argsort(drawn, kind="stable")[:most]
        kept, drawn = kept.take(pa.array(chosen)), drawn[chosen]
    if kept is None or not len(kept):
        raise SourceError("the file holds no text: is it the right one?")
    texts, values = kept["text"].combine_chunks(), kept["label"].combine_chunks()
    labels = _read_labels(values, meanings) if labelled else np.full(len(texts), NO_LABEL, np.int8)
    first = first_of_each(texts)
    counts["repeats of another text in the sample"] = int((~first).sum())
    left_out = {reason: number for reason, number in counts.items() if number}
    return Incoming(rows, texts.filter(pa.array(first)), labels[first], None, left_out)


def _read_labels(values: pa.Array, meanings: dict[str, int]) -> np.ndarray:
    spelt = cleaning.label_text(pc.fill_null(values, ""))
    strange = set(pc.unique(spelt).to_pylist()) - set(meanings) - {""}
    if strange:
        shown = ", ".join(repr(value[:40]) for value in sorted(strange)[:5])
        raise SourceError(f"labels {shown}: say what they mean, negative=value positive=value, or leave such rows out")
    place = pc.index_in(spelt, value_set=pa.array(list(meanings), pa.string()))
    numbers = np.array([*meanings.values(), NO_LABEL], np.int8)
    return numbers[pc.fill_null(place, len(meanings)).to_numpy(zero_copy_only=False)]


def first_of_each(texts: pa.Array) -> np.ndarray:
    """Which rows do not repeat an earlier one, by the key of the preparation: bool [rows]."""
    places = pc.dictionary_encode(text.duplicate_key(texts)).indices.to_numpy()
    first = np.zeros(len(texts), bool)
    first[np.unique(places, return_index=True)[1]] = True
    return first
