"""How good a model is on a labelled file: its rows scored as they come, then figures, intervals, kinds of text.

Memory holds some 13 bytes for each row, and the window under way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset.provenance import SourceError
from pipelines.evaluation import calibration, kinds, metrics, slices
from pipelines.operation import labelled, overlap, scorecard, scoring, text_rows

if TYPE_CHECKING:
    from pipelines.operation.exported import ExportedModel

SEED = 1  # of the resampling, as in notebook 06


@dataclass(frozen=True)
class Scored:
    """What is kept of a file's rows.

    Attributes:
        labels: int8 [usable]; probabilities: float32 [usable]; keys: uint64 [usable], see `labelled.Rows`.
        kinds: `slices.counts` of all of them, those of `kinds` too.
        dated: rows whose hour of day is known.
        left_out: reason → rows that were set aside.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    keys: np.ndarray
    kinds: pd.DataFrame
    dated: int
    left_out: Counter[str]


def score(
    file: labelled.LabelledFile,
    model: ExportedModel,
    *,
    vocabulary: list[str] | None,
    rows: int = text_rows.WINDOW_ROWS,
) -> Scored:
    """Score the usable rows of a file, `rows` at a time.

    Args:
        file, model, vocabulary: see `evaluate`.
        rows: in memory at a time.

    Raises:
        SourceError: there are none.
        RuntimeError: the file changed while it was read.
    """
    parts, by_kind, by_word, dated, left_out = [], 0, None, 0, Counter()
    with file.table.unchanged(), tqdm(desc=file.table.path.name, **scoring.BAR) as bar:
        windows = (_prepared(window, model, vocabulary) for window in labelled.rows(file, rows=rows))
        for window, prepared, more, first in scoring.ahead(windows):
            if len(window.labels):
                found = model.score(prepared)
                parts.append((window.labels, found, window.keys))
                by_kind += slices.counts(window.texts, window.labels, found, more=more)
                counted = kinds.counts_by_first_word(first, window.labels, found, vocabulary=vocabulary or [])
                by_word = pd.concat([by_word, counted]).groupby(level=0).sum()
                dated += len(window.dates) - window.dates.null_count
            left_out += window.left_out
            bar.update(window.read)
            bar.total = round(bar.n / window.share)
    if not parts:
        text_rows.check_encoding(file, left_out)
        why = ", ".join(f"{number:,} {reason}" for reason, number in left_out.most_common()) or "it has no rows"
        raise SourceError(f"{file.table.path} holds no row that can be scored ({why}): TEXT= and LABEL= name columns")
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Scored(*columns, pd.concat([by_kind, kinds.commonest(by_word)]), dated, left_out)


def _prepared(window: labelled.Rows, model: ExportedModel, vocabulary: list[str] | None) -> tuple:
    """What a thread can make of a window ahead: the model's input, kinds by unknown tokens and hour, first words."""
    more = kinds.by_hour(window.dates)
    if vocabulary is not None:
        more |= kinds.by_unknown(kinds.unknown_shares(window.texts, vocabulary))
    return window, model.prepare(window.texts), more, kinds.first_words(window.texts)


def figures(
    labels: np.ndarray, probabilities: np.ndarray, keys: np.ndarray, *, resamples: int = metrics.RESAMPLES
) -> dict:
    """`metrics.evaluate`, with the calibration error, its interval, the confusion, and the commoner class's share.

    Rows of one text are no news of one another: where `keys` repeat they are drawn together.
    """
    bootstrap = {"resamples": resamples, "seed": SEED}
    groups = keys if len(np.unique(keys)) < len(keys) else None
    found = metrics.evaluate(labels, probabilities, groups=groups, **bootstrap)
    found["calibration_error"] = calibration.expected_calibration_error(labels, probabilities)
    found["calibration_error_interval"] = calibration.error_interval(labels, probabilities, **bootstrap)
    found["confusion"] = metrics.confusion(labels, probabilities).tolist()
    return found | {"majority_accuracy": float(max(np.mean(labels), 1 - np.mean(labels)))}


def evaluate(
    file: labelled.LabelledFile,
    model: ExportedModel,
    *,
    vocabulary: list[str] | None = None,
    resamples: int = metrics.RESAMPLES,
    rows: int | None = None,
) -> dict:
    """All that is found out about a model on a file: the content of the JSON file.

    Args:
        file: from `labelled.look_at`.
        model: scores.
        vocabulary: of the model, tells kinds by unknown tokens and by first word; None: there are no such kinds.
        resamples: bootstrap resamples of each interval.
        rows: in memory at a time.

    Raises:
        SourceError, RuntimeError: see `score`.
    """
    digest = artifacts.sha256(file.table.path)
    found = score(file, model, vocabulary=vocabulary, rows=rows or text_rows.WINDOW_ROWS)
    shown = {name: model.manifest[name] for name in ("dataset", "run", "rows_train")}
    total = len(found.labels)
    both = np.intersect1d(found.keys[found.labels == 0], found.keys[found.labels == 1])
    return {
        "file": {"name": file.table.path.name, "sha256": digest, "rows": total + found.left_out.total()},
        "columns": {"text": file.table.text, "label": file.label, "date": file.date},
        "labels": [
            {"value": value, "means": scorecard.MEANINGS[meaning], "rows": file.counts[value]}
            for value, meaning in file.meanings.items()
        ],
        "model": {"model_version": model.version, "manifest_sha256": model.sha256, **shown},
        "rows_with_hour": found.dated,
        "left_out": dict(found.left_out.most_common()),
        "repeats": total - len(np.unique(found.keys)),
        "rows_of_both_labels": int(np.isin(found.keys, both).sum()),
        "figures": figures(found.labels, found.probabilities, found.keys, resamples=resamples),
        "training": _training(found, model, resamples=resamples),
        "slices": slices.rates(found.kinds, rows=total).to_dict("records"),
        "bootstrap": {"resamples": resamples, "seed": SEED},
    }


def _training(found: Scored, model: ExportedModel, *, resamples: int) -> dict | None:
    """Rows that stand in the training split, and the figures without them; None where that split is not here."""
    dataset = artifacts.Dataset(model.manifest["dataset"])
    same = overlap.with_training(found.keys, dataset, rows_train=model.manifest["rows_train"])
    if same is None:
        return None
    other = ~same.in_split
    without = None
    if same.in_split.any() and other.any():
        without = figures(found.labels[other], found.probabilities[other], found.keys[other], resamples=resamples)
    return {"rows": int(same.in_split.sum()), "learned": int(same.learned.sum()), "figures_without": without}
