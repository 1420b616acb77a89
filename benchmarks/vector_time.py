"""How long a run's word vectors took: they are made once for a data set, and every size reads them.

A run that made them says so in its executed 03_tokenize, which papermill has timed. Where none has, `measured` makes
them again in a folder that goes afterwards, and keeps the time under benchmarks/results/.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from benchmarks import machine
from pipelines import artifacts, variables
from pipelines.dataset import vectors

KEPT = Path(__file__).with_name("results") / "word_vectors.json"


def known(run: artifacts.Run) -> dict | None:
    """The "seconds" that the word vectors of a run took, and "how" that is known; None where nobody has looked."""
    if KEPT.exists():
        kept = artifacts.read_json(KEPT)
        if kept["sha256"] == artifacts.sha256(run.word_vectors):
            return kept
    for other in run.dataset.runs():
        same = other.word_vectors.exists() and other.word_vectors.samefile(run.word_vectors)
        if same and (seconds := _of_notebook(other.folder / "03_tokenize.ipynb")):
            return {"seconds": seconds, "how": f"03_tokenize of run {other.name}, which made them"}
    return None


def _of_notebook(path: Path) -> float | None:
    """Seconds of the cell that made word vectors; None where it found them made."""
    if not path.exists():
        return None
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and "vectors.learned(" in "".join(cell["source"]):
            said = "".join("".join(output.get("text", [])) for output in cell["outputs"])
            return None if "taken from" in said else cell["metadata"].get("papermill", {}).get("duration")
    return None


def measured(run: artifacts.Run) -> dict:
    """Make the word vectors of a run's data set again, from the texts on, against the clock.

    Raises:
        FileNotFoundError: nothing says from what they were made.
    """
    records = [path for path in run.dataset.pretrained.glob("*/vectors.json") if _same(path.parent, run)]
    if not records:
        raise FileNotFoundError(f"no word vectors in {run.dataset.pretrained} are those of {run.folder}")
    made_from = artifacts.read_json(records[0])["made_from"]
    measures = {name: made_from[name] for name in ("wide", "near", "maximum_size", "minimum_count")}
    with tempfile.TemporaryDirectory(dir=run.dataset.folder) as scratch:
        place = Path(scratch) / run.dataset.name
        place.mkdir()
        (place / "splits").symlink_to(run.dataset.splits)
        with variables.set_aside(DATA_FOLDER=scratch):
            started = time.perf_counter()
            vectors.learned(artifacts.Dataset(run.dataset.name), **measures)
            seconds = time.perf_counter() - started
    found = {"seconds": seconds, "how": f"measured, {machine.about()}", "sha256": artifacts.sha256(run.word_vectors)}
    artifacts.write_json(KEPT, found)
    return found


def _same(folder: Path, run: artifacts.Run) -> bool:
    return artifacts.sha256(folder / "vectors.npy") == artifacts.sha256(run.word_vectors)
