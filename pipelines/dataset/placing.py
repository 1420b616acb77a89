"""The second pass over a raw file: each kept row to its place in its split."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines.dataset import cleaning, tables
from pipelines.dataset.examples import mask_names
from pipelines.dataset.provenance import Source
from pipelines.dataset.shuffle import BucketShuffle
from pipelines.dataset.survey import BAR
from pipelines.dataset.tokens import side_by_side


def spread(
    source: Source,
    rows: np.ndarray,
    *,
    split: np.ndarray,
    place: np.ndarray,
    named: dict[int, tuple[int, int]],
    shuffles: dict[str, BucketShuffle],
    first_row: int = 0,
) -> dict:
    """Read the raw file again and hand each kept row to the split that it belongs to.

    Args:
        rows, split, place, named: see `prepare.Plan`; `split` is a position in `shuffles`.
        shuffles: name of a split → what takes its rows in.
        first_row: the number that the first row of the file gets.

    Returns:
        {"counts": of dates that could not be read, "groups": the texts of the largest groups}.
    """
    counts, groups = Counter(), {}

    def finish(batch: tables.Rows) -> tuple[slice, dict[int, dict], pa.Table, Counter[str]]:
        numbers = batch.table["row"].to_numpy()
        first, end = np.searchsorted(rows, [numbers[0], numbers[-1] + 1]) if len(numbers) else (0, 0)
        wanted = batch.table.take(pa.array(np.searchsorted(numbers, rows[first:end])))
        return slice(first, end), _name_groups(batch.table, named, source), *cleaning.finish(wanted, source)

    with tqdm(total=len(rows), desc="writing the splits", **BAR) as progress:
        for mine, names, finished, found in side_by_side(finish, tables.read(source, "train")):
            groups |= names
            counts.update(found)
            finished = finished.set_column(0, "row", pc.add(finished["row"], first_row))
            for number, shuffle in enumerate(shuffles.values()):
                of_split = np.flatnonzero(split[mine] == number)
                shuffle.add(finished.take(pa.array(of_split)), place[mine][of_split])
            progress.update(mine.stop - mine.start)
    return {"counts": counts, "groups": sorted(groups.values(), key=lambda group: -group["rows"])}


def _name_groups(table: pa.Table, named: dict[int, tuple], source: Source) -> dict[int, dict]:
    numbers = table["row"].to_numpy()
    positions = np.flatnonzero(np.isin(numbers, list(named)))
    texts, _ = cleaning.read_texts(table.take(pa.array(positions)), source)
    return {
        int(row): {"text": example[:200], "rows": named[int(row)][0], "positive": named[int(row)][1]}
        for row, example in zip(numbers[positions], mask_names(texts), strict=True)
    }


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder for bucket files beside the splits; one that a killed run has left behind is removed."""
    for stale in folder.parent.glob(".shuffle-*"):
        shutil.rmtree(stale, ignore_errors=True)
    place = Path(tempfile.mkdtemp(prefix=".shuffle-", dir=folder.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
