"""Search parameters: `python -m pipelines.search.sweep --size 50000 --trials 20`, or `make sweep SIZE=50000 TRIALS=20`.

Runs trials until so many of the study are finished, then executes notebook 09 on them. The same command goes on where
one was stopped; the same command in a second terminal, at the same time, helps the first.
"""

from __future__ import annotations

import argparse
import os
import sys

from pipelines import artifacts, inputs, parameters, run, stages
from pipelines.ending import ended
from pipelines.search import findings, space, study, worker

NOTEBOOK = "09_sweep"
TRIALS = 20


def execute_notebook(sweep: study.Sweep, *, search: str, trials: int) -> stages.Stage:
    """Execute notebook 09 in the search's folder, unless that is done and nothing has changed since."""
    stage = stages.Stage(NOTEBOOK, sweep.folder)
    given = {
        "dataset": sweep.run.dataset.name,
        "run": sweep.run.name,
        "params": parameters.joined(sweep.fixed),
        "search": search,
        "trials": str(trials),
    }
    values = parameters.check(given, parameters.read(stage.notebook), where=NOTEBOOK)
    made_from = [sweep.folder / "trials.csv", stage.notebook, *stages.imported_modules(stage.notebook)]
    run.execute(stage, values, inputs=made_from, made=True)
    return stage


def search(sweep: study.Sweep, *, names: str, trials: int) -> None:
    """Run the trials that are missing, execute the notebook, print what was found."""
    print(f"study {sweep.name}, shared through {study.shown(study.storage_address())}", flush=True)
    found = worker.work(sweep, wanted=trials)
    findings.write_table(findings.table(found, sweep), sweep)
    stage = execute_notebook(sweep, search=names, trials=trials)
    said = artifacts.read_json(sweep.folder / "sweep.json")
    print(f"\n{said['verdict']}\n{said['mattered']}")
    print(f"  the best: {said['command']}")
    print(f"  report: {os.path.relpath(stage.output.with_suffix('.html'))}")


def number_of(trials: str) -> int:
    """TRIALS as a number; unset it is 20.

    Raises:
        ParameterError: it is none, or less than 1.
    """
    if trials and not (trials.isdecimal() and int(trials)):
        raise parameters.ParameterError(f"TRIALS={trials}: expected a number of finished trials, 1 or more")
    return int(trials or TRIALS)


def main() -> int:
    """Command line; the exit status is 0 only when all trials are finished and the notebook has run."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.search.sweep",
        description=__doc__.split("\n")[0],
        epilog="exit status: 1 failed, 2 refused, 130 stopped",
    )
    parser.add_argument("--dataset", default="")
    parser.add_argument("--size", default="")
    parser.add_argument("--params", default="", help="'epochs=3 architecture=pooled': fixed for all trials")
    parser.add_argument("--search", default="", help=f"names out of {', '.join(space.SPACE)}")
    parser.add_argument("--trials", default="", help=f"finished ones wanted in all ({TRIALS})")
    given = parser.parse_args()

    def work() -> int:
        trials, fixed = number_of(given.trials), parameters.split_overrides(given.params)
        space.chosen(given.search, fixed)
        here = inputs.ensure(before=NOTEBOOK, dataset=given.dataset, size=given.size, overrides=fixed)
        search(study.sweep_of(here, search=given.search, fixed=fixed), names=given.search, trials=trials)
        return 0

    return ended(work, interrupted="that trial counts as failed, and the same command goes on")


if __name__ == "__main__":
    sys.exit(main())
