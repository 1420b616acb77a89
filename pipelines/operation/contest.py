"""A champion and a challenger, asked the same test rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipelines import artifacts
from pipelines.evaluation import kinds, results, slices
from pipelines.model import export, registry
from pipelines.operation import champions, promotion
from pipelines.operation.exported import ExportedModel, folder_of
from pipelines.operation.promotion import Asked, Decision

SPLITS = {promotion.OLD: "test", promotion.NEW: "new_test"}


def opponent(run: artifacts.Run, version: str = "") -> champions.Version | None:
    """The version that a run's model is compared with: the given one, else the champion; None where there is none."""
    name = registry.registered_name(run.dataset)
    return champions.get(name, version) if version else champions.current(name)


def tests(run: artifacts.Run, against: champions.Version | None) -> dict[str, Asked]:
    """What both models say of the test rows of the run's data set: `promotion.OLD`, and `NEW` where it has some.

    Args:
        run: the challenger's, evaluated.
        against: the champion; None for a rehearsal, in which the challenger is its own opponent.
    """
    paths = {where: run.dataset.split(name) for where, name in SPLITS.items() if run.dataset.split(name).exists()}
    challenger = {where: _right(path, run.saved_model) for where, path in paths.items()}
    champion = challenger
    if against is not None:
        with tempfile.TemporaryDirectory() as cache:
            folder = folder_of(against.uri, cache=Path(cache))
            champion = {where: _right(path, folder) for where, path in paths.items()}
    return {where: Asked(champion[where], challenger[where], _kinds(run, path)) for where, path in paths.items()}


def _kinds(run: artifacts.Run, split: Path) -> dict[str, np.ndarray]:
    """The kinds of text of notebook 06: bool [rows] each; what is unknown tells the vocabulary of `run`."""
    table = pq.read_table(split, columns=["text", "date"])
    return slices.masks(table["text"].combine_chunks()) | kinds.further(run, table)


def _right(split: Path, folder: Path) -> np.ndarray:
    model = ExportedModel(folder)
    scores = [model.score(model.prepare(texts)) for texts in export.texts_of(split)]
    return results.scored(split, np.concatenate(scores)).correct


def difference_from_record(run: artifacts.Run, asked: dict[str, Asked]) -> float:
    """How far the challenger's accuracy on old test rows is from that which 06_evaluate found."""
    known = artifacts.read_json(run.metrics)["splits"]["test"]["accuracy"]
    return abs(float(asked[promotion.OLD].challenger.mean()) - known)


def table(decision: Decision) -> pd.DataFrame:
    """All rows and every kind of text: columns where, rows, champion, challenger, difference, low, high."""
    columns = ("where", "rows", "champion", "challenger", "difference", "low", "high")
    found = [*decision.gains, *decision.slices]
    return pd.DataFrame([{name: getattr(one, name) for name in columns} for one in found], columns=columns)


def record(decision: Decision, *, challenger: str, champion: champions.Version | None) -> dict:
    """The content of promotion.json. It holds no text."""
    return {
        "challenger": challenger,
        "champion": champion and {"version": champion.number, "model_version": champion.model_version},
        "promote": decision.promote,
        "reasons": decision.reasons,
        "gains": table(decision).to_dict("records"),
        "rule": {
            "interval_above": -promotion.MOST_LOSS,
            "slice_rows": promotion.LEAST_ROWS,
            "slice_fall": promotion.MOST_FALL,
        },
    }


def figures_of(decision: Decision) -> dict[str, float]:
    """The figures under flat names, as MLflow wants them."""
    found = {"promotion.promote": float(decision.promote)}
    for one in decision.gains:
        name = one.where.split()[0]
        for figure in ("champion", "challenger", "difference", "low", "high"):
            found[f"promotion.{name}.{figure}"] = getattr(one, figure)
    return found
