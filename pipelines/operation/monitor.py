"""Watch what comes in: `python -m pipelines.operation.monitor tweets.csv`, or `make monitor NEW=tweets.csv`.

Executes notebook 07 for a run and a file, prints the verdict, and leaves with a status that a script can act on:

    0  steady
    3  watch: the texts changed
    4  retrain: what was learned no longer holds
    1  it could not be told (a cell failed, MLflow does not answer); 2 the wish was wrong (no such file, column or run)

Make has a status of its own, 2, for all but 0; the line that it prints names the one of this module.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from pipelines import artifacts, parameters, run
from pipelines.dataset.provenance import SourceError
from pipelines.ending import ended
from pipelines.evaluation import summary
from pipelines.operation import look, text_rows

NOTEBOOK = "07_monitor"
DESCRIBED = tuple(field.name for field in dataclasses.fields(text_rows.Description))


def watch(watched: artifacts.Run, path: Path, given: dict[str, str]) -> dict:
    """Execute the notebook for a run and a file; returns the content of drift.json.

    Args:
        watched: an evaluated run.
        path: the file.
        given: more parameters of the notebook, as text.

    Raises:
        ValueError: the file or a parameter cannot be used; no kernel was started.
    """
    ours = {"dataset": watched.dataset.name, "run": watched.name, "new": str(path.resolve())}
    stage, values = run.plan(NOTEBOOK, given | ours, {})
    said = text_rows.Description(**{name: text for name, text in given.items() if name in DESCRIBED})
    look.read(watched, path, said=said, seed=0)
    # The run is watched as it is: a look at new texts must never train a model anew.
    run.execute(stage, values, inputs=[], made=True)
    return artifacts.read_json(stage.folder / "drift.json")


def main() -> int:
    """Command line; see the top of this module for the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.operation.monitor",
        description=__doc__.split("\n")[0],
        epilog="exit status: 0 steady, 3 watch, 4 retrain; 1 failed, 2 refused",
    )
    parser.add_argument("new", help="texts (CSV, TSV, JSONL, Parquet), labelled or not, or the service's log of scores")
    parser.add_argument("--dataset", default="")
    parser.add_argument("--run", default="", help="the newest evaluated one where it is not said")
    parser.add_argument("--params", default="", help="'seed=3': parameters of the notebook")
    for name in DESCRIBED:
        parser.add_argument(
            f"--{name}", help="a column" if name in ("text", "label") else "label values that mean this"
        )
    given = parser.parse_args()
    return ended(lambda: tell(given))


def tell(given: argparse.Namespace) -> int:
    """Watch, and print the verdict; returns its status."""
    if not given.new:
        raise SourceError("say which texts: make monitor NEW=tweets.csv, or the service's log of scores")
    watched = summary.newest_evaluated(given.dataset, given.run)
    said = {name: value for name in DESCRIBED if (value := getattr(given, name))}
    found = watch(watched, Path(given.new), parameters.split_overrides(given.params) | said)
    tests, rows = len(found["tests"]), found["rows"]["new"]
    print(f"\n{found['verdict']} (status {found['status']}), by {tests} tests on {rows:,} new rows")
    if note := found.get("note"):
        print(f"  {note}")
    print("\n".join(f"  - {step}" for step in found["next_steps"]))
    print(f"  report: {os.path.relpath(watched.monitor(given.new) / f'{NOTEBOOK}.html')}")
    return found["status"]


if __name__ == "__main__":
    sys.exit(main())
