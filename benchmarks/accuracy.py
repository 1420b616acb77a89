"""Accuracy on the same test rows: ours, and what people would pick instead, fitted on the same training rows.

    python -m benchmarks.accuracy --runs 50000 200000 all    writes ACCURACY.md beside this file

fastText lives in an environment of its own (`environments`). It reads the tokens that ours reads, and its settings are
those of GRID that do best on validation rows; test rows are scored once, by what is finished.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import environments, machine, reports
from pipelines import artifacts
from pipelines.dataset import text, tokens
from pipelines.evaluation import baselines, markdown, metrics, report, results
from pipelines.inputs import default_dataset

REPORT = Path(__file__).with_name("ACCURACY.md")
WORKER = Path(__file__).with_name("fasttext_worker.py")
# Its tutorial's way to better figures: word pairs, and a rate and epochs that are tried.
GRID = tuple({"wordNgrams": 2, "lr": rate, "epoch": epochs} for rate in (0.1, 0.5) for epochs in (2, 5))
HEAD = """# Accuracy, on the same rows

`{command}`, {machine}.

All were fitted on the first so many training rows of {dataset} and scored the same {test_rows:,} test rows. Brackets
hold 95 % bootstrap intervals over test rows; the difference is ours less theirs, on the same rows, with McNemar's
interval. *fastText* (supervised, word pairs) reads the tokens that ours reads, with the best of {tried} settings by
validation accuracy, on {cores} threads, so that its figures move by a tenth or two from run to run. Seconds are those
of the last fit, on {cores} cores, with other work beside where the load average says so; ours are those of its epochs.
"""


def rows_of(run: artifacts.Run) -> int:
    """How many training rows a finished run has.

    Raises:
        FileNotFoundError: it has not come to its evaluation; says how it does.
    """
    if not (run.saved_model / "manifest.json").exists():
        raise FileNotFoundError(f"no finished run {run.name} of {run.dataset.name}: make train SIZE={run.name}")
    return artifacts.read_json(run.training)["rows_train"]


def write_texts(split: Path, path: Path, *, rows: int | None = None, labelled: bool = False) -> None:
    """Normalised texts of a split's first rows, one a line, as fastText reads them."""
    with path.open("w", encoding="utf-8") as file:
        for batch in tokens.batches(split, columns=["text", "label"], size=rows):
            # The text rules leave no line feed and put spaces around "_", so that no word passes for a label.
            for label, words in zip(batch["label"], text.normalise(batch["text"]).to_pylist(), strict=True):
                file.write(f"__label__{label} {words}\n" if labelled else f"{words}\n")


def fasttext(dataset: artifacts.Dataset, *, rows: int, scratch: Path) -> tuple[np.ndarray, float, dict]:
    """P(positive) of the test rows, seconds of the fit, and its settings, chosen on validation.

    Raises:
        environments.NotInstalledError: fastText cannot be had.
    """
    python = environments.python_of("fasttext")
    files = {name: scratch / f"{name}.txt" for name in ("train", "validation", "test")}
    for name, path in files.items():
        training = name == "train"
        write_texts(dataset.split(name), path, rows=rows if training else None, labelled=training)
    labels = pd.read_parquet(dataset.split("validation"), columns=["label"])["label"].to_numpy()

    def fitted(settings: dict, split: str) -> tuple[np.ndarray, float]:
        task = {"train": str(files["train"]), "score": {split: str(files[split])}, "out": str(scratch)}
        task["settings"] = settings | {"thread": os.cpu_count()}
        (scratch / "task.json").write_text(json.dumps(task))
        subprocess.run([python, WORKER, scratch / "task.json"], check=True)
        return np.load(scratch / f"{split}.npy"), artifacts.read_json(scratch / "seconds.json")

    def on_validation(settings: dict) -> float:
        right = float(metrics.correct(labels, fitted(settings, "validation")[0]).mean())
        print(f"  fastText {settings}: {right:.2%} of validation rows", flush=True)
        return right

    best = max(GRID, key=on_validation)
    return *fitted(best, "test"), best


def compared(run: artifacts.Run) -> list[dict]:
    """The lines of one size, one a model: "name", "evaluated" (of `metrics.evaluate`), "difference", "seconds"."""
    from pipelines.model import export

    rows, test = rows_of(run), run.dataset.split("test")
    print(f"── {run.name}: {rows:,} training rows", flush=True)
    ours = results.scored(test, export.score(run.saved_model, export.texts_of(test)))
    baseline = baselines.fitted(run, rows=rows)
    with tempfile.TemporaryDirectory(dir=run.dataset.folder, prefix=".accuracy-") as scratch:
        probabilities, seconds, settings = fasttext(run.dataset, rows=rows, scratch=Path(scratch))
    guessed = results.guessed(test, results.training_labels(run.dataset, rows=rows))
    tfidf = results.scored(test, baselines.score(baseline, test))
    chosen = ", ".join(f"{name} {value}" for name, value in settings.items())
    found = [
        (report.NICE_NAMES[baselines.MAJORITY], guessed, None),
        (report.NICE_NAMES[baselines.TFIDF], tfidf, baseline.record["seconds"]),
        (f"fastText ({chosen})", results.scored(test, probabilities), seconds),
        ("ours", ours, artifacts.read_json(run.training)["seconds"]),
    ]
    return [
        {
            "rows": rows,
            "name": name,
            "evaluated": metrics.evaluate(scores.labels, scores.probabilities),
            "difference": None if scores is ours else metrics.mcnemar(ours.correct, scores.correct),
            "seconds": seconds,
        }
        for name, scores, seconds in found
    ]


def line(one: dict) -> dict[str, str]:
    """A line of the table."""
    accuracy, (low, high) = one["evaluated"]["accuracy"], one["evaluated"]["accuracy_interval"]
    difference = "–"
    if one["difference"]:
        edges = ", ".join(f"{100 * edge:+.2f}" for edge in one["difference"]["difference_interval"])
        difference = f"{100 * one['difference']['difference']:+.2f} [{edges}]"
    return {
        "training rows": f"{one['rows']:,}",
        "model": one["name"],
        "accuracy, % [95 %]": f"{100 * accuracy:.2f} [{100 * low:.2f}, {100 * high:.2f}]",
        "ours less it, points": difference,
        "log loss": f"{one['evaluated']['log_loss']:.3f}",
        "fitting, s": "–" if one["seconds"] is None else f"{one['seconds']:,.0f}",
    }


def page(lines: list[dict], *, dataset: str, command: str) -> str:
    """The whole page of Markdown."""
    told = {"dataset": dataset, "command": command, "tried": len(GRID), "cores": os.cpu_count()}
    head = HEAD.format(**told, machine=machine.about(), test_rows=lines[0]["evaluated"]["rows"])
    return f"{head}\n{markdown.table(pd.DataFrame([line(one) for one in lines]))}\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--runs", nargs="+", default=["50000", "200000", "all"], help="finished runs, by name")
    given = parser.parse_args()
    dataset = artifacts.Dataset(given.dataset)
    try:
        for name in given.runs:
            rows_of(dataset.run(name))
        lines = list(itertools.chain(*(compared(dataset.run(name)) for name in given.runs)))
    except (FileNotFoundError, environments.NotInstalledError) as error:
        sys.exit(f"error: {error}")
    command = " ".join(["python -m benchmarks.accuracy", *sys.argv[1:]])
    reports.write(page(lines, dataset=given.dataset, command=command), REPORT)


if __name__ == "__main__":
    main()
