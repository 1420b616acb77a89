"""Learn from new labelled rows: `python -m pipelines.operation.retrain june.csv`, or `make retrain NEW=june.csv`.

The rows that are new become the next version of the data set; a challenger is trained on it by the ordinary stages and
compared with the champion on old and new test rows (notebook 08); `promotion` is the rule.

    0  promoted: the challenger is the champion now
    3  not promoted, and why; or the file holds nothing new
    1  it could not be done (a stage failed, MLflow does not answer): the same command goes on from there
    2  the wish was wrong (no such file, column or run)

Make has a status of its own, 2, for all but 0; the line that it prints names the one of this module.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from dataclasses import dataclass

from pipelines import artifacts, inputs, parameters, run, stages
from pipelines.dataset import addition, extension, importing, lineage, own_texts, provenance
from pipelines.dataset.own_texts import Request
from pipelines.dataset.provenance import SourceError
from pipelines.ending import ended
from pipelines.evaluation import run_facts
from pipelines.operation import champions
from pipelines.operation.champions import Version

NOTEBOOK = "08_promote"
PROMOTED, STAYS = 0, 3
OF_THE_STAGE = ("dataset", "size", "run")  # parameters that are not what a user turned


@dataclass(frozen=True)
class Wish:
    """What was asked for: the file and what is said of it, training rows, overrides of parameters."""

    new: str
    request: Request
    size: str
    overrides: dict[str, str]


def retrain(dataset: artifacts.Dataset, wish: Wish) -> int:
    """Add the rows, train, compare, promote; returns the exit status. Two at once follow one another.

    Raises:
        ValueError: the wish cannot be granted; nothing was changed.
        subprocess.CalledProcessError: a stage failed, and has said why.
    """
    begun, size = lineage.first(dataset), wish.size and parameters.spelt_size(wish.size)
    asked = size and size + stages.name_of_overrides(wish.overrides)
    if asked and not begun.run(asked).metrics.exists():  # what is asked for is asked of the challenger only
        asked = size
    with artifacts.lock(begun.folder / "retrain", waiting=f"another retraining of {begun.name} is under way: waiting"):
        before = lineage.newest(begun)
        champion, first = champions.first_or_current(begun, asked if before == begun else "")
        version = _with_new_rows(before, wish)
        if first:  # not before the file has been read: what is refused changes nothing
            champions.promote(champion, over=None)
        which = "the newest evaluated run" if not wish.size else "that of SIZE"
        say(f"champion: {champion}" + (f", {which}, is the first" if first else ""))
        if version == before == begun:
            say(f"{wish.new} adds nothing: no usable row of it is new to {begun.name}; the champion stays")
            return STAYS
        try:
            challenger = _trained(version, wish, champions.manifest(champion))
        except ValueError:  # SIZE or PARAMS cannot be had, as is known once the rows are counted
            if version != before:
                shutil.rmtree(version.folder, ignore_errors=True)
            raise
        return _contest(challenger, champion)


def _with_new_rows(before: artifacts.Dataset, wish: Wish) -> artifacts.Dataset:
    """The next version, imported; or the newest one, where the file adds nothing to it."""
    version = lineage.following(before)
    try:
        importing.import_file(wish.new, name=version.name, request=wish.request, extends=provenance.load(before))
        found = addition.look(version)
        if found.rows:
            extension.sizes(found.labels)
    except Exception:
        shutil.rmtree(version.folder, ignore_errors=True)
        raise
    said = f"{found.counts['repeats_of_old']:,} repeat old ones, {found.counts['conflicts_with_old']:,} contradict them"
    say(f"{found.rows:,} new rows of {found.survey.counts['read']:,}; {said} or have a text of both labels")
    if found.rows:
        return version
    shutil.rmtree(version.folder)
    if lineage.extended(before):
        say(f"nothing new: going on with {before.name}, where the last file was added")
    return before


def _trained(version: artifacts.Dataset, wish: Wish, champion: dict) -> artifacts.Run:
    """The challenger: the champion's parameters, its rows and the new ones, where the user says nothing else."""
    inputs.make("before-03_tokenize", version)
    learned = artifacts.Dataset(champion["dataset"]).run(champion["run"])
    overrides = _turned(learned) | wish.overrides
    size = wish.size or _size(version, champion)
    name = stages.run_name(dataset=version, size=size, overrides=overrides)
    say(f"challenger: {version.name}, {name}")
    inputs.make(f"before-{NOTEBOOK}", version, f"RUN={name}", f"PARAMS={parameters.joined(overrides)}")
    return version.run(name)


def _turned(champion: artifacts.Run) -> dict[str, str]:
    """The parameters that a run was given, by the records of its stages, and those that were usual then and are not
    now; none where the run is not on this machine."""
    trained = artifacts.read_json(champion.training) if champion.training.exists() else {}
    turned = run_facts.departures(trained.get("parameters", {}))
    for path in sorted(champion.folder.glob("0[3-6]_*.manifest.json")):
        turned |= artifacts.read_json(path)["parameters"]
    return {name: str(value) for name, value in turned.items() if name not in OF_THE_STAGE}


def _size(version: artifacts.Dataset, champion: dict) -> str:
    """The rows of the champion, and all those that came to the training split since."""
    of_champion = artifacts.Dataset(champion["dataset"])
    known, now = (artifacts.read_json(one.manifest)["counts"]["train"] for one in (of_champion, version))
    wanted = champion["rows_train"] + now - known
    return "all" if champion["rows_train"] >= known or wanted >= now else str(wanted)


def _contest(challenger: artifacts.Run, champion: Version) -> int:
    version = champions.registered(challenger)
    if version.model_version == champion.model_version:  # by any number: a repeated evaluation registers it again
        if champions.DECISION not in champion.tags and champions.PREDECESSOR in champion.tags:
            champions.decided(champion, f"promoted over version {champion.tags[champions.PREDECESSOR]}")
        say(f"{champion} is the champion already: it has learned from these rows")
        return PROMOTED
    if {champions.DECISION, champions.LEFT} & version.tags.keys():  # what was promoted may have died before it said so
        left = f", rolled back {version.tags[champions.LEFT]}" if champions.LEFT in version.tags else ""
        say(f"decided before: {version}: {version.tags.get(champions.DECISION, 'promoted')}{left}; {champion} stays")
        return STAYS
    stage, values = run.plan(
        NOTEBOOK,
        {"dataset": challenger.dataset.name, "run": challenger.name, "champion": champion.number},
        {},
    )
    run.execute(stage, values, inputs=[], made=True)
    found = artifacts.read_json(challenger.promotion)
    if found["promote"] and champions.current(champion.name).number != champion.number:
        raise ValueError(f"{champion} is no longer the champion: the same command compares again")
    return _act(version, champion, found, report=stage.output.with_suffix(".html"))


def _act(version: Version, champion: Version, found: dict, *, report: os.PathLike) -> int:
    if found["promote"]:
        champions.promote(version, over=champion)
    verdict = f"promoted over {champion}" if found["promote"] else f"not promoted, {champion} stays"
    champions.decided(version, "; ".join([verdict, *found["reasons"]]))
    status = PROMOTED if found["promote"] else STAYS
    say(f"\n{version}: {verdict} (status {status})")
    for one in found["gains"]:
        if "," not in one["where"]:
            say("  - {where} ({rows:,}): {champion:.2%} → {challenger:.2%} [{low:+.2%}, {high:+.2%}]".format(**one))
    for reason in found["reasons"]:
        say(f"  - because {reason}")
    say(f"  report: {os.path.relpath(report)}")
    return status


def say(line: str) -> None:
    """A line for people, at once: the stages print between them."""
    print(line, flush=True)


def main() -> int:
    """Command line; see the top of this module for the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.operation.retrain",
        description=__doc__.split("\n")[0],
        epilog="exit status: 0 promoted, 3 not promoted; 1 failed, 2 refused",
    )
    parser.add_argument("new", help="labelled rows: CSV, TSV, JSONL or Parquet, or a path or address of such")
    parser.add_argument("--dataset", default="")
    parser.add_argument("--size", default="", help="training rows; unsaid, the champion's and all that came since")
    parser.add_argument("--params", default="", help="'epochs=3 units=64'; unsaid ones are the champion's")
    own_texts.add_arguments(parser)
    given = parser.parse_args()

    def work() -> int:
        if not given.new:
            raise SourceError("say which rows: make retrain NEW=labelled.csv TEXT=column LABEL=column")
        wish = Wish(given.new, own_texts.requested(given), given.size, parameters.split_overrides(given.params))
        return retrain(artifacts.Dataset(given.dataset or inputs.default_dataset()), wish)

    return ended(work)


if __name__ == "__main__":
    sys.exit(main())
