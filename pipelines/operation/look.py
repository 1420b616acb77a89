"""The parts of one look at new rows: the reference, the rows that came in, and the record of what was found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from pipelines import artifacts, calibrator
from pipelines.dataset import provenance
from pipelines.operation import drift, incoming, judgement, text_rows, traits, wording

STATUS = {judgement.STEADY: 0, judgement.WATCH: 3, judgement.RETRAIN: 4}


def reference(run: artifacts.Run, *, seed: int) -> traits.Traits:
    """Rows that the model of a run was not trained on: at most `drift.MOST_ROWS` of validation, drawn by `seed`.

    The test split is not touched: 06 alone reads it.
    """
    table = pq.read_table(run.dataset.split("validation"), columns=["text", "label"])
    table = table.take(_drawn(len(table), seed)).combine_chunks()
    return traits.of_texts(run, table["text"].combine_chunks(), table["label"].to_numpy())


def difference_from_record(run: artifacts.Run, rows: traits.Traits, *, seed: int) -> float:
    """Largest difference between the probabilities of the reference and those that the training kept of its rows."""
    kept = pd.read_parquet(run.predictions("validation"), columns=["probability"])["probability"].to_numpy()
    expected = calibrator.apply(kept[_drawn(len(kept), seed)], calibrator.of_run(run))
    return float(np.abs(expected - rows.probabilities).max())


def _drawn(rows: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(rows)[: drift.MOST_ROWS]


def rehearsal(rows: traits.Traits) -> tuple[traits.Traits, traits.Traits]:
    """Reference rows dealt to both sides, as if one half had come in: a look that should end steady."""
    half = len(rows) // 2
    return rows.take(np.arange(half)), rows.take(np.arange(half, len(rows)))


def read(run: artifacts.Run, path: Path, *, said: text_rows.Description, seed: int) -> incoming.Incoming:
    """A sample of a file's rows, for the model of a run.

    Raises:
        SourceError: the file cannot be used, or holds too few rows.
    """
    found = incoming.read(
        path,
        known=provenance.Source(**artifacts.read_json(run.dataset.source)),
        said=said,
        model_version=artifacts.read_json(run.saved_model / "manifest.json")["model_version"],
        most=drift.MOST_ROWS,
        seed=seed,
    )
    if len(found) < drift.LEAST_ROWS:
        raise provenance.SourceError(f"{path.name}: {len(found)} rows can be used, {drift.LEAST_ROWS} are needed")
    return found


def seen(run: artifacts.Run, found: incoming.Incoming) -> tuple[traits.Traits, traits.Traits | None]:
    """The traits of what came in, and those of its labelled rows; None for a log of scores."""
    if found.texts is None:
        return traits.of_scores(found.probabilities), None
    rows = traits.of_texts(run, found.texts, found.labels)
    return rows.take(np.flatnonzero(found.at_random)), rows.take(np.flatnonzero(rows.labelled))


def record(found: drift.Comparison, facts: dict) -> dict:
    """The content of drift.json: facts, verdict, every test. Of texts it holds single words, names of users masked."""
    return {
        **facts,
        "verdict": found.verdict,
        "status": STATUS[found.verdict],
        "rows": found.rows,
        "population_stability_index": found.stability,
        "quality": found.quality,
        "level": judgement.LEVEL,
        "tests": [dataclasses.asdict(one) | {"stands": one.stands} for one in found.findings],
        "commoner_words": found.words.to_dict("records"),
        "next_steps": wording.next_steps(found),
    }


def figures_of(found: drift.Comparison) -> dict[str, float]:
    """The figures of a look under flat names, as MLflow wants them.

    The status is 0, 3 or 4; `p_…` are corrected p-values; accuracy and calibration error, of new rows with labels, have
    the edges of their 95 % intervals beside them.
    """
    tests = {f"p_{one.test.replace(' ', '_').replace(',', '')}": one.adjusted for one in found.findings}
    named = {"status": STATUS[found.verdict], "population_stability_index": found.stability}
    for figure in ("accuracy", "calibration_error") if found.quality else ():
        value, (low, high) = (found.quality["new"][name] for name in (figure, f"{figure}_interval"))
        named |= {figure: value, f"{figure}_low": low, f"{figure}_high": high}
    return named | {f"rows_{side}": rows for side, rows in found.rows.items()} | tests
