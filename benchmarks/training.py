"""Training raced in one run on the same rows, and what each lever of its speed is worth: `make bench`.

    python -m benchmarks.training --run 200000    writes TRAINING.md beside this file
    python -m benchmarks.training --vectors       the same, with the time of the word vectors measured first

The race: the recipe of most tutorials, as people write it, ours, exactly what `make train` trains, and ours without its
word vectors, for which nothing is made beforehand, until their accuracy on all validation rows first reaches each of
TARGETS. Each runs in a process of its own, one after the other.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

from benchmarks import alone, reports, training_report, vector_time
from pipelines import artifacts
from pipelines.inputs import default_dataset

REPORT = Path(__file__).with_name("TRAINING.md")
TARGETS = (79.0, 81.0)  # % of validation rows; counting n-grams alone is enough for the first
PARTS = (*training_report.CONTESTANTS, "levers")
OF_A_PART = ("dataset", "run", "rows", "rounds", "minutes", "targets")  # of the command line


def measured(part: str, run: artifacts.Run, given: argparse.Namespace) -> dict:
    """Run one part in this process; returns its figures."""
    from benchmarks import levers, race, variants

    if part == "levers":
        return levers.every(run, rows=given.rows, rounds=given.rounds)
    goal = {"target": max(given.targets) / 100, "limit": 60 * given.minutes}
    if part == "classic":
        return race.classic(run, **goal)
    changed = variants.RANDOM if part == training_report.WITHOUT_VECTORS else {}
    return race.ours(run, variant=variants.Variant(part, "", changed), **goal)


def in_turn(given: argparse.Namespace) -> dict[str, dict]:
    """Each part in a process of its own, so that the memory of one is not counted for another."""
    found = {}
    for part in PARTS:
        print(f"── {part}", flush=True)
        options = [(f"--{name}", *np.atleast_1d(getattr(given, name))) for name in OF_A_PART]
        found[part] = alone.figures("benchmarks.training", part, *itertools.chain(*options))
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="200000", help="a run whose encoded rows and word vectors are there")
    parser.add_argument("--minutes", type=float, default=6.0, help="of the race, for each, checks not counted")
    parser.add_argument(
        "--targets",
        type=float,
        nargs="+",
        default=TARGETS,
        help="validation accuracies raced to, %%; the highest ends it",
    )
    parser.add_argument("--rows", type=int, default=12_288, help="that each lever trains on in a round")
    parser.add_argument("--rounds", type=int, default=3, help="of the levers")
    parser.add_argument(
        "--vectors", action="store_true", help="make the word vectors again, to time them: minutes more"
    )
    alone.add_arguments(parser, parts=PARTS)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    run = artifacts.Dataset(given.dataset).run(given.run)
    if given.alone:
        artifacts.write_json(given.out, measured(given.alone, run, given))
        return
    if not run.word_vectors.exists():
        sys.exit(f"error: no {run.word_vectors}; make train SIZE={run.name} makes it, or name another run with --run")
    vectors = vector_time.measured(run) if given.vectors else vector_time.known(run)
    facts = training_report.Facts(
        dataset=given.dataset,
        run=given.run,
        rows=artifacts.read_json(run.encoded("train") / "encoding.json")["rows"],
        validation_rows=artifacts.read_json(run.encoded("validation") / "encoding.json")["rows"],
        targets=tuple(target / 100 for target in sorted(given.targets)),
        minutes=given.minutes,
        command=" ".join(["python -m benchmarks.training", *sys.argv[1:]]),
        vectors=vectors,
    )
    text = training_report.page(facts, in_turn(given))
    reports.write(text, REPORT)


if __name__ == "__main__":
    main()
