"""Score a file of texts: `make predict-file FILE=tweets.csv OUT=scores.parquet [TEXT=column]`.

All columns are kept, and so is the order; label, probability, model_version and error are added. A row that cannot be
scored says why in `error`. Memory holds three windows of rows; a killed run goes on where it was.

Exit status: 0 every row is in OUT (with its error where it has one), 1 refused, failed, or not one row could be scored,
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from pipelines import artifacts
from pipelines.operation import windows
from pipelines.operation.outgoing import Counts, OutputError, Parts, check_out
from pipelines.operation.table_file import TableFile, look_at

if TYPE_CHECKING:
    from pipelines.operation.exported import ExportedModel

WINDOW_ROWS = 32_768
BAR = {"unit": " tweets", "unit_scale": True, "mininterval": 1}
ADDED = {"label": pa.string(), "probability": pa.float32(), "model_version": pa.string(), "error": pa.string()}
Item = TypeVar("Item")


def output_schema(columns: pa.Schema) -> pa.Schema:
    """The columns of the file and those that are added; one of the file's with such a name becomes NAME_in_file."""
    taken = {*columns.names, *ADDED}
    fields = []
    for column in columns:
        name = column.name
        if name in ADDED:
            while name in taken:
                name += "_in_file"
            taken.add(name)
            print(f"the file has a column {column.name!r} of its own: kept as {name!r}", flush=True)
        fields.append(column.with_name(name))
    return pa.schema([*fields, *ADDED.items()])


def score_file(
    source: TableFile, out: Path, *, model: ExportedModel, overwrite: bool = False, rows: int = WINDOW_ROWS
) -> Counts | None:
    """Score a file.

    Args:
        source: the file, from `table_file.look_at`.
        out: .parquet, .csv, .tsv or .jsonl; written whole.
        model: scores.
        overwrite: whether `out` may be a file that this function did not write.
        rows: in a window.

    Returns:
        What became of the rows; None where `out` was made from the same file and model before.

    Raises:
        OutputError: `out` cannot be written, or must not be replaced.
        RuntimeError: the file changed while it was read.
    """
    columns = windows.schema_of(source)
    check_out(out, columns)
    if out.exists() and out.samefile(source.path):
        raise OutputError(f"OUT={out} is the FILE itself: name another")
    with artifacts.lock(out):
        plan = {
            "input": artifacts.sha256(source.path),
            "text column": source.text,
            "model": model.sha256,
            "model_version": model.version,
            "rows in a window": rows,
        }
        parts = Parts(out, plan)
        if parts.is_done():
            return None
        if not overwrite:
            parts.check_overwrite()
        schema = output_schema(columns)
        return parts.join(schema, _write_parts(parts, source, model=model, schema=schema, rows=rows))


def _write_parts(parts: Parts, source: TableFile, *, model: ExportedModel, schema: pa.Schema, rows: int) -> int:
    """Score what is not yet in parts; returns their number."""
    done = parts.begin()
    if done:
        print(f"going on after {done * rows:,} rows", flush=True)
    number, scored, started = done, 0, time.monotonic()
    with source.unchanged(), tqdm(initial=done * rows, desc=source.path.name, **BAR) as bar:
        found = islice(windows.windows(source, rows=rows), done, None)
        for window, prepared in ahead((window, model.prepare(window.texts)) for window in found):
            parts.write(number, _scored(window, model.score(prepared), model=model, schema=schema))
            number += 1
            scored += window.columns.num_rows
            bar.update(window.columns.num_rows)
            bar.total = round(bar.n / window.share)
    print(speed(scored, time.monotonic() - started), flush=True)
    return number


def speed(rows: int, seconds: float) -> str:
    """What is said of the scoring itself, without the loading of the model and the joining of the parts."""
    return f"{rows:,} rows in {seconds:.1f} s, {rows / seconds:,.0f} a second"


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; a thread makes the next one while this one is in use."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, None)
        while (item := following.result()) is not None:
            following = thread.submit(next, items, None)
            yield item


def _scored(window: windows.Window, scores: np.ndarray, *, model: ExportedModel, schema: pa.Schema) -> pa.Table:
    fine = pc.is_null(window.errors)
    added = [
        pc.if_else(fine, model.labels(scores), None),
        pc.if_else(fine, pa.array(scores), None),
        pa.array([model.version] * len(scores)),
        window.errors,
    ]
    return pa.table([*window.columns.columns, *added], schema=schema)


def report(counts: Counts, out: Path) -> str:
    """The last lines of a run."""
    labels = ", ".join(f"{rows:,} {label}" for label, rows in sorted(counts.labels.items()))
    lines = [f"{out}: {counts.rows:,} rows, {counts.labels.total():,} scored" + (f" ({labels})" if labels else "")]
    lines += [f"  {rows:,} not scored: {error}" for error, rows in counts.errors.most_common()]
    if any(error.startswith(windows.NOT_UNICODE) for error in counts.errors):
        lines.append("  rows that are not UTF-8 are scored after: iconv -f WINDOWS-1252 -t UTF-8 FILE >other.csv")
    return "\n".join(lines)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m pipelines.operation.scoring", description=__doc__, formatter_class=layout
    )
    parser.add_argument("file", metavar="FILE", help="CSV, TSV, JSONL (also .gz) or Parquet")
    parser.add_argument("out", metavar="OUT", help="ends in .parquet, .csv, .tsv or .jsonl")
    parser.add_argument("--text", default="", help="the column of the texts (text)")
    parser.add_argument("--model", default=os.environ.get("MODEL_URI", ""), help="…/saved_model, models:/… (MODEL_URI)")
    parser.add_argument("--overwrite", action="store_true", help="replace an OUT that this command did not write")
    parser.add_argument("--rows", type=int, default=WINDOW_ROWS, help="rows in memory at a time")
    return parser


def main(given: argparse.Namespace) -> int:
    """Score a file; returns the exit status."""
    from pipelines.operation import exported

    try:
        if not given.file or not given.out:
            raise ValueError("say which file and where to: make predict-file FILE=tweets.csv OUT=scores.parquet")
        source = look_at(Path(given.file), text=given.text)  # a wrong name is told before the model is loaded
        with exported.fetched(given.model) as folder:
            model = exported.load(folder)
        out = Path(given.out)
        counts = score_file(source, out, model=model, overwrite=given.overwrite, rows=given.rows)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    print(report(counts, out) if counts else f"{out}: nothing has changed since it was made")
    return 1 if counts and counts.rows and not counts.labels else 0  # not one row could be scored


if __name__ == "__main__":
    sys.exit(main(arguments().parse_args()))
