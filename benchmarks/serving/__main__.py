"""How fast the service answers, beside what one would pick instead, as ratios from one run.

    MODEL_URI=data/sample/runs/50000/saved_model python -m benchmarks.serving

Contestant after contestant is started, checked, driven by wrk and ended, round after round, so that whatever else the
machine does falls on all. A run that was broken off goes on with --resume.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.environments import NotInstalledError
from benchmarks.serving import answers, load, report, texts
from benchmarks.serving.contestants import EVERYONE, MLFLOW, Contestant
from benchmarks.serving.server import Server, WrongAnswerError, versions

TEXTS = 512


def turn(contestant: Contestant, *, options: argparse.Namespace, places: dict, asked: list[str], right: list) -> dict:
    """One contestant's part of one round: its figures, or why there are none."""
    log = Path(places["scratch"]) / f"{contestant.name}.log"
    with Server(contestant, workers=options.workers, log=log, places=places) as server:
        try:
            found = {"cold_start_s": server.wait(asked[0], right[0])}
            answers.check(server, asked, right)
        except WrongAnswerError as error:
            return {"wrong": str(error)}
        loads = {}
        for each in load.LOADS:
            for seconds in (1, options.seconds):  # the first second warms up: new shapes, adaptive batch sizes
                loads[each.name] = load.drive(server.address, each, contestant=contestant, texts=asked, seconds=seconds)
        return found | server.memory() | {"loads": loads}


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help=f"some of: {','.join(EVERYONE)}")
    parser.add_argument("--workers", type=int, default=2, help="processes that hold the model")
    parser.add_argument("--seconds", type=int, default=4, help="of one load")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resume", action="store_true", help="go on with the run that was broken off")
    options = parser.parse_args(arguments)
    names = [name.strip() for name in options.only.split(",") if name.strip()] or list(EVERYONE)
    unknown = [name for name in names if name.lower() not in map(str.lower, EVERYONE)]
    if unknown:
        parser.error(f"--only={options.only} names {unknown[0]!r}; there are {', '.join(EVERYONE)}")
    options.contestants = [each for each in EVERYONE.values() if each.name.lower() in map(str.lower, names)]
    options.model = os.environ.get("MODEL_URI", "")
    if shutil.which("wrk") is None or not options.model:
        sys.exit("wrk must be installed, and MODEL_URI name the folder of an exported model (…/saved_model).")
    options.model = str(Path(options.model).resolve())
    return options


def save_for_mlflow(model: str, folder: Path) -> None:
    """The model as it is registered, without a registry."""
    import mlflow

    from pipelines.model import registry

    mlflow.pyfunc.save_model(str(folder), **registry.contents(Path(model)))


def main() -> None:
    options = parse()
    try:
        found = {each.name: versions(each) for each in options.contestants}
    except NotInstalledError as error:
        sys.exit(str(error))
    run = report.Run(options, found)
    with tempfile.TemporaryDirectory() as scratch:
        places = {"model": options.model, "scratch": scratch, "mlflow_model": f"{scratch}/mlflow_model"}
        if MLFLOW in options.contestants:
            save_for_mlflow(options.model, Path(places["mlflow_model"]))
        asked = texts.invent(TEXTS)
        right = answers.expected(options.model, asked)
        for number in range(options.rounds):
            for contestant in options.contestants:
                if not run.has(number, contestant.name):
                    found = turn(contestant, options=options, places=places, asked=asked, right=right)
                    run.add(number, contestant.name, found)
    run.finish()


if __name__ == "__main__":
    main()
