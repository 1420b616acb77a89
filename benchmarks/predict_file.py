"""`make predict-file` on a CSV of tweets that the model has not seen: its speed and memory, in a process of its own.

    python -m benchmarks.predict_file --run 200000        writes PREDICT_FILE.md beside this file
    python -m benchmarks.predict_file --rows 40000        another number of rows

The texts are those of the training split beyond the rows that the run was trained on, then those of the validation
split, then both again until there are enough; the test split is left alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, repeat
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from benchmarks import machine, reports
from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.evaluation import markdown
from pipelines.inputs import default_dataset
from pipelines.model import light_model

REPORT = Path(__file__).with_name("PREDICT_FILE.md")
SCORING = ("-m", "pipelines.operation.scoring")
SPEED = re.compile(r"^[\d,]+ rows in [\d.]+ s, ([\d,]+) a second$", re.M)  # of `scoring.speed`
BAR = 8_000  # tweets a second that are to be reached on two cores, the whole process counted
HEAD = """# Scoring a file

`{command}`, {machine}.

`make predict-file` from a CSV of {rows:,} tweets of {dataset}, none of which run {run} was trained on, to Parquet. The
whole process counts Python, the loading of the model, and the joining of the parts; *scoring* is from the first row
read to the last one scored, as the command says it. The share is that of the LSTMs' matrix products
({operations:.2f} MFLOP a token, {tokens:.1f} tokens a tweet) in what the processor does in a large one, {peak:.0f}
GFLOP/s, while scoring.

The bar is {bar:,} tweets a second, the whole process counted: {verdict}.
"""


def unseen(run: artifacts.Run) -> Iterator[pa.Array]:
    """Texts that a run was not trained on, some thousands at a time, without end: string [some]."""
    dataset, trained = run.dataset, artifacts.read_json(run.training)["rows_train"]
    for name, skipped in chain.from_iterable(repeat((("train", trained), ("validation", 0)))):
        for batch in tokens.batches(dataset.split(name), columns=["text"]):
            yield batch["text"].slice(min(skipped, len(batch)))
            skipped -= min(skipped, len(batch))


def write_csv(texts: Iterator[pa.Array], path: Path, *, rows: int) -> None:
    """Write the first `rows` texts as a CSV with the columns id and text."""
    schema, written = pa.schema([("id", pa.int64()), ("text", pa.string())]), 0
    with pacsv.CSVWriter(path, schema) as file:
        while written < rows:
            some = next(texts)[: rows - written]
            file.write_table(pa.table([pa.array(range(written, written + len(some))), some], schema=schema))
            written += len(some)


def scored(source: Path, out: Path, *, model: Path) -> dict:
    """Score a file by the command, in a process of its own; returns its figures.

    Raises:
        CalledProcessError: it failed; what it said stands above.
    """
    command, started = [sys.executable, *SCORING, str(source), str(out), "--model", str(model)], time.perf_counter()
    with subprocess.Popen(command, cwd=artifacts.ROOT, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read()
        # Its own peak: that of `RUSAGE_CHILDREN` is the largest of all children there were.
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    print(said, end="", flush=True)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    scoring = float(SPEED.search(said)[1].replace(",", ""))
    return {"seconds": seconds, "scoring_per_second": scoring, "memory_mb": used.ru_maxrss / 1024}


def tokens_per_row(scores: Path, *, model: Path) -> float:
    """The mean number of tokens that an exported model reads of a text.

    Args:
        scores: Parquet with a column text.
        model: folder of the export.
    """
    encoder = light_model.encoder(model)
    lengths = (encoder.encode(batch["text"])[1] for batch in tokens.batches(scores, columns=["text"]))
    return sum(int(some.sum()) for some in lengths) / pq.read_metadata(scores).num_rows


def forward_flops(run: artifacts.Run) -> float:
    """Floating-point operations of one token in an exported network: its LSTMs, whose word vectors are projected."""
    from benchmarks import race
    from pipelines.model.network import Configuration

    known = artifacts.read_json(run.training)["parameters"]
    names = [field.name for field in dataclasses.fields(Configuration)]
    measures = {name: known[name] for name in names if name in known} | {"pretrained_dimensions": 0}
    return race.flops_per_token(Configuration(**measures)) / 3  # forward is one of the three products of training


def measured(run: artifacts.Run, *, rows: int) -> dict:
    """The figures of scoring so many rows."""
    with tempfile.TemporaryDirectory() as scratch:
        source, out = Path(scratch) / "tweets.csv", Path(scratch) / "scores.parquet"
        write_csv(unseen(run), source, rows=rows)
        found = scored(source, out, model=run.saved_model)
        found |= {"rows": pq.read_metadata(out).num_rows, "tokens": tokens_per_row(out, model=run.saved_model)}
    return found | {"operations": forward_flops(run), "peak_flops": machine.matrix_product_peak()}


def page(found: dict, *, run: artifacts.Run, command: str) -> str:
    """The figures as a page of Markdown."""
    import pandas as pd

    whole, scoring = found["rows"] / found["seconds"], found["scoring_per_second"]
    share = scoring * found["tokens"] * found["operations"] / found["peak_flops"]
    line = {
        "rows": f"{found['rows']:,}",
        "whole process, s": f"{found['seconds']:.1f}",
        "tweets/s, whole": f"{whole:,.0f}",
        "tweets/s, scoring": f"{scoring:,.0f}",
        "peak memory, MB": f"{found['memory_mb']:,.0f}",
        "of a matrix product's peak": f"{share:.0%}",
    }
    head = HEAD.format(
        command=command,
        machine=machine.about(),
        rows=found["rows"],
        dataset=run.dataset.name,
        run=run.name,
        operations=found["operations"] / 1e6,
        tokens=found["tokens"],
        peak=found["peak_flops"] / 1e9,
        bar=BAR,
        verdict="reached" if whole >= BAR else "missed",
    )
    return f"{head}\n{markdown.table(pd.DataFrame([line]))}\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict_file", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="200000", help="a run with an exported model")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--report", type=Path, default=REPORT, help="default: %(default)s")
    given = parser.parse_args()
    if given.rows < 1:
        parser.error(f"--rows {given.rows}: at least 1")
    run = artifacts.Dataset(given.dataset).run(given.run)
    if not (run.saved_model / "manifest.json").exists():
        sys.exit(f"error: no {run.saved_model}; make evaluate SIZE={run.name} makes it, or name another run with --run")
    command = " ".join(["python -m benchmarks.predict_file", *sys.argv[1:]])
    text = page(measured(run, rows=given.rows), run=run, command=command)
    reports.write(text, given.report)


if __name__ == "__main__":
    main()
