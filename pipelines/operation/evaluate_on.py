"""The figures of a model on any labelled file: `make evaluate-on FILE=tweets.csv [TEXT=column] [LABEL=column]`.

The metrics, intervals and kinds of text are those of notebook 06: kinds by the hour of day where the file has dates
with a time, and first words are those that the model knows. An export without a light form shows no vocabulary, and so
has no kinds by unknown or first words. Rows without a usable text or label, and neutral ones, are counted and set
aside. Where the data set that the model learned from is on this machine, texts that stand in its training split are
counted, and the figures without them given beside.

Written are a table on the terminal, a JSON file and a record in MLflow; none of them holds a text of the file.

Exit status: 0 figures were made, 1 refused or failed, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pipelines import artifacts, tracking
from pipelines.dataset.provenance import SourceError
from pipelines.model import light_model
from pipelines.operation import file_figures, labelled, scorecard, text_rows
from pipelines.record import own_run


def record(result: dict, path: Path) -> str:
    """Record a result in MLflow, in a run of its own; returns its id."""
    file, model = result["file"], result["model"]
    tags = {"stage": "evaluate_on", "file": file["name"], "file_sha256": file["sha256"]}
    tags |= {name: str(model[name]) for name in ("dataset", "run", "model_version")}
    name = f"{model['dataset']}/{model['run']} evaluate_on {file['name']}"
    with own_run(name=name, tags=tags) as run_id:
        rows = result["figures"]["rows"]
        tracking.log_dataset(
            name=file["name"][:250], digest=file["sha256"], source=file["name"], rows=rows, context="evaluation"
        )
        tracking.log_metrics(scorecard.flat(result))
        tracking.log_file(path)
    return run_id


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m pipelines.operation.evaluate_on", description=__doc__, formatter_class=layout
    )
    parser.add_argument("file", metavar="FILE", help="CSV, TSV, JSONL (also .gz) or Parquet")
    parser.add_argument("--text", default="", help="the column of the texts (text)")
    parser.add_argument("--label", default="", help="the column of the labels (label)")
    parser.add_argument("--date", default="", help="the column of the dates, for the hour of day")
    for name in ("negative", "positive", "neutral"):
        parser.add_argument(f"--{name}", default="", help="label values that mean this, between commas")
    parser.add_argument("--model", default=os.environ.get("MODEL_URI", ""), help="…/saved_model, models:/… (MODEL_URI)")
    parser.add_argument("--out", default="", help="a .json (data/D/runs/S/evaluate_on/FILE-….json)")
    return parser


def run(given: argparse.Namespace) -> None:
    """Do what the command line says.

    Raises:
        SourceError, ModelError, ConnectionError, RuntimeError: it cannot be done; nothing was written.
    """
    from pipelines.operation import exported

    if not given.file:
        raise SourceError("say which file: make evaluate-on FILE=tweets.csv TEXT=column LABEL=column")
    if given.out and (Path(given.out).suffix != ".json" or not Path(given.out).parent.is_dir()):
        raise SourceError(f"OUT={given.out}: expected a name that ends in .json, in a folder that is there")
    if given.out and Path(given.out).exists() and not _is_a_result(Path(given.out)):
        raise SourceError(f"OUT={given.out} is there, and no earlier result of this command: choose another name")
    said = text_rows.Description(given.text, given.label, given.negative, given.positive, given.neutral)
    with exported.fetched(given.model) as folder:
        # Whatever is wrong with the file or with MLflow is told before the model is loaded.
        dataset = artifacts.Dataset(exported.verified_manifest(folder)["dataset"])
        file = labelled.look_at(Path(given.file), said=said, dataset=dataset, date=given.date)
        tracking.client()
        model, vocabulary = exported.load(folder), light_model.vocabulary(folder)
    result = file_figures.evaluate(file, model, vocabulary=vocabulary)
    place = Path(given.out or dataset.run(model.manifest["run"]).evaluation(str(file.table.path)))
    artifacts.write_json(place, result)
    print(scorecard.text(result))
    shown = os.path.relpath(place) if place.is_relative_to(Path.cwd()) else place
    print(f"\n{shown}; MLflow run {record(result, place)}")


def _is_a_result(path: Path) -> bool:
    try:
        found = artifacts.read_json(path)
    except (ValueError, OSError):
        return False
    return isinstance(found, dict) and "model_version" in (found.get("model") or {})


def main(given: argparse.Namespace) -> int:
    """Score a file; returns the exit status."""
    try:
        run(given)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(arguments().parse_args()))
