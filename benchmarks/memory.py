"""Peak memory of each part of the way with all rows, and with ten times as many: does it grow with them?

    python -m benchmarks.memory              writes MEMORY.md beside this file
    python -m benchmarks.memory --times 3    another number of times

The raw file is repeated under new ids for the part that prepares it. That part drops repeated texts, so for the others
the rows of its training split are repeated under new numbers. Each part runs in a process of its own, in a data folder
that goes afterwards; training takes the first steps of an epoch over all the rows.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import alone, machine, reports
from pipelines import artifacts, parameters, stages, variables
from pipelines.dataset import importing, parquet_columns, provenance
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import OFFICIAL_NAME
from pipelines.evaluation import markdown

REPORT = Path(__file__).with_name("MEMORY.md")
ID = re.compile(rb'^("[^"]*","\d+)(")', re.M)  # of a line of Sentiment140: label, then id
STEPS = 100
RUN = "all"
HEAD = """# Memory, with all rows and with {times} times as many

`{command}`, {machine}.

Peak resident memory of a process that does one part of the way and nothing else, its libraries included, on {dataset}
and on the same {times} times over: the raw file repeated under new ids, of which `prepare` keeps each text once, and
for the parts after it the training split repeated under new numbers. Training is the network of `make train` with all
rows, {steps} steps into an epoch over so many rows. *Its own* leaves out the files that a process maps, encoded rows
among them: they count as resident, but their pages are given up wherever another process wants the room.
"""


def prepare(dataset: artifacts.Dataset) -> int:
    """01: the raw file to splits; returns its rows."""
    from pipelines.dataset import prepare

    return prepare.prepare(dataset)["counts"]["read"]


def vectors(dataset: artifacts.Dataset) -> int:
    """03: vocabulary and word vectors from all training texts; returns how many."""
    from pipelines.dataset import vectors
    from pipelines.dataset.vocabulary import usual_minimum_count

    known = parameters.read(stages.notebooks_folder() / "03_tokenize.ipynb")
    wide, near, most = (known[name].default for name in ("wide_dimensions", "near_dimensions", "vocabulary_size"))
    rows = pq.read_metadata(dataset.split("train")).num_rows
    fewest = usual_minimum_count(rows)
    folder = vectors.learned(dataset, wide=wide, near=near, maximum_size=most, minimum_count=fewest)
    run = dataset.run(RUN)
    vectors.give(folder, run.word_vectors)
    shutil.copyfile(folder / "words.txt", run.vocabulary)
    return rows


def encode(dataset: artifacts.Dataset) -> int:
    """03: all training rows to ids; returns how many."""
    from pipelines.dataset import tokens
    from pipelines.dataset.vocabulary import read_vocabulary

    run = dataset.run(RUN)
    length = parameters.read(stages.notebooks_folder() / "03_tokenize.ipynb")["sequence_length"].default
    encoder = tokens.Encoder(read_vocabulary(run.vocabulary), sequence_length=length)
    return tokens.encode_split(dataset.split("train"), run.encoded("train"), encoder=encoder)["rows"]


def train(dataset: artifacts.Dataset) -> int:
    """04: the first steps of an epoch over all training rows; returns the rows that its batches are laid out for."""
    from benchmarks import contestant
    from pipelines.model import backend

    ready = contestant.ready(dataset.run(RUN))
    steps = min(STEPS, len(ready.train))
    ready.model.fit(backend.feed(ready.train), steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0)
    return len(ready.train.encoded)


PARTS = {"prepare": prepare, "vectors": vectors, "encode": encode, "train": train}


def repeat_raw(source: Path, target: Path, *, times: int) -> None:
    """Write a raw CSV of Sentiment140 several times over, each time under new ids: the old ones and a number."""
    with target.open("wb") as longer:
        for number in range(times):
            with source.open("rb") as file:
                while block := file.readlines(2**24):
                    longer.write(ID.sub(rb"\g<1>%03d\2" % number, b"".join(block)))


def repeat_split(path: Path, *, times: int) -> int:
    """Make a split several times as long, its rows numbered on; returns how many they are."""
    with parquet_columns.opened(path) as once, artifacts.written_whole(path) as temporary:
        rows = once.metadata.num_rows
        with pq.ParquetWriter(temporary, once.schema_arrow, compression="zstd") as longer:
            place = once.schema_arrow.get_field_index("row")
            for number in range(times):
                for batch in once.iter_batches():
                    numbered = pc.add(batch["row"], pa.scalar(number * 10**9, pa.int64()))
                    longer.write_batch(batch.set_column(place, "row", numbered))
    return times * rows


def one(folder: Path, raw: Path, *, times: int) -> list[dict]:
    """The figures of every part on a raw file that is repeated: "part", "rows", "memory_mb", "seconds".

    Args:
        folder: where the data set is made.
        raw: Sentiment140's CSV.
        times: how often it is repeated.
    """
    folder.mkdir(parents=True)
    longer = folder / raw.name
    repeat_raw(raw, longer, times=times)
    found = []
    with variables.set_aside(DATA_FOLDER=str(folder)):
        dataset = importing.import_file(str(longer), name=None, request=Request({}))
        longer.unlink()
        for part in PARTS:
            print(f"── {part}, {times} ×", flush=True)
            figures = alone.figures("benchmarks.memory", part)
            print(
                "   {rows:,} rows, {memory_mb:,.0f} MB, {own_mb:,.0f} MB its own, {seconds:.0f} s".format(**figures),
                flush=True,
            )
            found.append({"part": part} | figures)
            if part == "prepare":
                repeat_split(dataset.split("train"), times=times)
    return found


def measured(part: str) -> dict:
    """Run one part in this process; returns its figures."""
    started = time.perf_counter()
    with machine.OwnMemory() as own:
        rows = PARTS[part](artifacts.Dataset(OFFICIAL_NAME))
    seconds = time.perf_counter() - started
    return {"rows": rows, "memory_mb": machine.peak_memory(), "own_mb": own.peak, "seconds": seconds}


def page(once: list[dict], longer: list[dict], *, times: int, command: str) -> str:
    """The whole page of Markdown."""

    def more(few: dict, many: dict) -> float:
        return 2**20 * (many["own_mb"] - few["own_mb"]) / (many["rows"] - few["rows"])

    lines = [
        {
            "part": few["part"],
            "rows": f"{few['rows']:,}",
            "peak, MB": f"{few['memory_mb']:,.0f}",
            "its own, MB": f"{few['own_mb']:,.0f}",
            f"rows, {times} ×": f"{many['rows']:,}",
            f"peak, MB, {times} ×": f"{many['memory_mb']:,.0f}",
            f"its own, MB, {times} ×": f"{many['own_mb']:,.0f}",
            "bytes of its own a row more": f"{more(few, many):.0f}",
        }
        for few, many in zip(once, longer, strict=True)
    ]
    told = {"times": times, "steps": STEPS, "dataset": OFFICIAL_NAME, "command": command}
    return f"{HEAD.format(machine=machine.about(), **told)}\n{markdown.table(pd.DataFrame(lines))}\n"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=10, help="how often the rows are repeated")
    alone.add_arguments(parser, parts=PARTS)
    given = parser.parse_args()
    if given.times < 2:
        parser.error(f"--times {given.times}: at least 2, to be held against once")
    return given


def main() -> None:
    given = arguments()
    if given.alone:
        artifacts.write_json(given.out, measured(given.alone))
        return
    try:
        raw = provenance.load(artifacts.Dataset(OFFICIAL_NAME)).path("train")
    except provenance.SourceError as error:
        sys.exit(f"error: {error}")
    with tempfile.TemporaryDirectory(dir=artifacts.data_folder(), prefix=".memory-") as scratch:
        once, longer = (one(Path(scratch) / str(times), raw, times=times) for times in (1, given.times))
    text = page(once, longer, times=given.times, command=" ".join(["python -m benchmarks.memory", *sys.argv[1:]]))
    reports.write(text, REPORT)


if __name__ == "__main__":
    main()
