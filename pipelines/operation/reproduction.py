"""A recorded run, made again: `python -m pipelines.operation.reproduction`, or `make reproduce SIZE=50000`.

The records are those of `mlruns/examples/`, which the figures of the README are from. The run is trained afresh, in
`data/D/reproduced/`, a data folder of its own with a store of MLflow's of its own: your run of that size, and what is
registered, stay as they are. The prepared rows are yours. `reproduction.json` beside the run holds what was found.

    0  every figure is inside its recorded 95 % interval
    3  one is not, and which
    1  a stage failed, or the data cannot be had: the same command goes on from there
    2  the wish was wrong: no such record, or data other than the record's

Make has a status of its own, 2, for all but 0; the line that it prints names the one of this module.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import artifacts, examples, inputs, parameters, stages, variables
from pipelines.dataset import provenance, sources
from pipelines.ending import ended
from pipelines.evaluation import run_facts
from pipelines.operation import likeness

SHARED = ("raw", "splits", "01_prepare.ipynb", "01_prepare.manifest.json")  # of a data set: what all its runs read


@contextmanager
def apart(dataset: artifacts.Dataset) -> Iterator[None]:
    """Within, DATA_FOLDER is the folder of reproductions, in which the data set shares what was prepared; so is the
    store of MLflow's."""
    folder, shared = dataset.folder / "reproduced", dataset.folder
    place = folder / dataset.name
    place.mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        (place / name).unlink(missing_ok=True)
        (place / name).symlink_to(shared / name)
    # Make knows no names with spaces: below the checkout, a name begins there.
    named = folder.relative_to(artifacts.ROOT) if folder.is_relative_to(artifacts.ROOT) else folder
    elsewhere = {"DATA_FOLDER": str(named), "MLRUNS_FOLDER": str(folder / "mlruns"), "MLFLOW_TRACKING_URI": None}
    with variables.set_aside(**elsewhere):
        yield


def train(run: artifacts.Run, overrides: dict[str, str]) -> dict:
    """Train and evaluate afresh, or go on with what was killed; returns the content of metrics.json.

    Raises:
        subprocess.CalledProcessError: a stage failed, and has said why.
    """
    if (run.folder / "reproduction.json").exists():  # of an earlier reproduction, which has ended
        shutil.rmtree(run.folder)
        shutil.rmtree(run.dataset.pretrained, ignore_errors=True)
    inputs.make("before-07_monitor", run.dataset, f"RUN={run.name}", f"PARAMS={parameters.joined(overrides)}")
    return artifacts.read_json(run.metrics)


def reproduce(dataset: artifacts.Dataset, size: str, overrides: dict[str, str], *, records: Path) -> int:
    """Make the run of a record again; returns the exit status.

    Raises:
        ValueError, FileNotFoundError: the wish cannot be granted; nothing was trained.
        OSError, subprocess.CalledProcessError: the data cannot be had, or a stage failed.
    """
    name = parameters.spelt_size(size or stages.DEFAULT_SIZE) + stages.name_of_overrides(overrides)
    record = examples.find(dataset.name, name, records)
    sources.ensure(dataset.name)
    inputs.make("before-03_tokenize", dataset)
    origin = likeness.made_from(record, dataset)
    seed = record["parameters"].get("seed", "unknown")
    print(
        f"the record of {record['name']}, seed {seed}, is made from", *likeness.lines_of(origin), sep="\n", flush=True
    )
    used = run_facts.departures(record["parameters"]) | overrides
    if turned := {name: value for name, value in used.items() if name not in overrides}:
        print(f"trained as recorded, with {parameters.joined(turned)}, which is not usual any more", flush=True)
    lock = artifacts.lock(dataset.folder / "reproduced", waiting="another reproduction is under way: waiting")
    with lock, apart(dataset):
        run = dataset.run(name)
        found = {"dataset": dataset.name, "run": name, "seed": seed, "record": record.get("id", "unknown")}
        found |= likeness.judged(record, train(run, used)) | {"made_from": origin}
        place = run.folder / "reproduction.json"
        artifacts.write_json(place, found)
    print(f"\n{likeness.table(found)}\n\n{found['verdict']} (status {found['status']})")
    print(f"  written: {os.path.relpath(place)}")
    return found["status"]


def main() -> int:
    """Command line; see the top of this module for the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.operation.reproduction", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--dataset", default="")
    parser.add_argument("--size", default="", help="training rows of the record; 50000 where it is not said")
    parser.add_argument("--params", default="", help="'epochs=3 units=64', where the record has them in its name")
    parser.add_argument("--records", type=Path, default=examples.EXAMPLES, help="folder of the records")
    given = parser.parse_args()

    def work() -> int:
        dataset = artifacts.Dataset(given.dataset or provenance.OFFICIAL_NAME)
        return reproduce(dataset, given.size, parameters.split_overrides(given.params), records=given.records)

    return ended(work)


if __name__ == "__main__":
    sys.exit(main())
