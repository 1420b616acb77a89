"""The model card of a run: what the model is for, what it is not for, and how good it is (Mitchell et al. 2019).

Its figures are those of metrics.json and of the other records of the run; one that is not there is left out.

python -m pipelines.evaluation.model_card --run 200000 --out MODEL_CARD.md     `make model-card SIZE=200000`
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import pandas as pd

from pipelines import artifacts, parameters
from pipelines.evaluation import about, baselines, calibration_wording, markdown, report, summary, wording
from pipelines.evaluation.run_facts import Facts, facts

KNOWN = ("dataset", "rows_train", "model_version", "splits", "baselines", "mcnemar_tfidf", "calibration", "parity")
KNOWN += ("slices", "slices_tested", "slice_rows", "seed", "parameters", "seconds")
TITLES = {
    "mcnemar_majority": "Beside always the commoner class (McNemar)",
    "clustered": "Test rows, the writers drawn whole",
    "clustered_tfidf": "TF-IDF + logistic regression, the writers drawn whole",
    "seeds": "Accuracy on test rows over seeds",
    "test_sets": "On other test rows",
    "sure_enough": "How sure it must be, chosen on validation, to be right that often",
    "confident_mistakes": "Its surest mistakes, in groups",
    "sure_mistakes": "Its surest mistakes together",
    "wrong_labels": "Share of labels that are wrong by themselves, three estimates",
}
HARDEST = 10  # kinds of text that are shown, as in notebook 06
FIRST = ("test", "manual", "validation")


def card(known: Facts) -> str:
    """The model card, as Markdown."""
    prose = about.KINDS.get(known.source.get("kind"), about.CUSTOM)
    dataset = known.metrics["dataset"]
    limits = "\n".join(f"- {limit}" for limit in prose.limits)
    parts = {
        f"# Model card: {known.metrics['model_version']}": _what(known),
        "## Intended use": about.USE,
        "## Not for": about.MISUSE,
        "## How good it is": _figures(known),
        "## Where it fails": _slices(known.metrics),
        "## Calibration": _calibration(known),
        "## Limits": limits,
        "## Caveats": about.CAVEATS,
        f"## Data: {dataset}": "\n\n".join(filter(None, [prose.what, _counts(known.splits.get("counts", {}))])),
        "### Licence": prose.licence,
        "### Privacy": prose.privacy,
        "## More figures": _more(known.metrics),
        "## How to make it again": _again(known),
    }
    return "\n\n".join(f"{title}\n\n{body}" for title, body in parts.items() if body) + "\n"


def _what(known: Facts) -> str:
    metrics, run = known.metrics, known.mlflow
    recorded = f", recorded as MLflow run `{run.get('name', run['id'])}` (`{run['id']}`)" if run else ""
    lines = [
        "Says whether a short text is negative or positive: text in, the probability of *positive* out. Text rules, "
        "vocabulary and calibration are inside.",
        "",
        f"Every figure on this page is copied from `metrics.json` and the records of the run `{known.run}` of "
        f"`{metrics['dataset']}`{recorded}; `make model-card DATASET={metrics['dataset']} SIZE={known.run}` writes the "
        "page.",
    ]
    architecture = metrics.get("parameters", {}).get("architecture")
    network = [architecture and f"architecture `{architecture}`", _rows(known.training.get("weights"), "weights")]
    network.append(_rows(metrics.get("rows_train"), "training rows"))
    return "\n".join([*lines, "", f"Network: {', '.join(filter(None, network))}."])


def _rows(number: int | None, of: str) -> str:
    return f"{number:,} {of}" if number else ""


def _figures(known: Facts) -> str:
    metrics = known.metrics
    names = sorted(metrics["splits"], key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    models = {"model": metrics["splits"], **metrics.get("baselines", {})}
    splits = {
        name: {report.NICE_NAMES.get(model, model): found[name] for model, found in models.items() if name in found}
        for name in names
    }
    other = report.NICE_NAMES[baselines.TFIDF]
    tests = metrics.get("mcnemar_tfidf", {})
    lines = [f"- {wording.difference(test, other=other, split=name)}" for name, test in tests.items()]
    explained = "Brackets hold 95 % bootstrap intervals. Log loss is in nats: less is better; of the others, more is."
    return "\n\n".join(filter(None, [markdown.table(markdown.evaluated(splits)), explained, "\n".join(lines)]))


def _slices(metrics: dict) -> str:
    if not (found := metrics.get("slices_tested")):
        return ""
    worst = pd.DataFrame(found[:HARDEST])
    shown = pd.DataFrame({"kind of text": worst["slice"], "rows": worst["rows"]})
    edges = zip(worst["accuracy"], worst["low"], worst["high"], strict=True)
    shown["accuracy"] = [report.cell(*values, percent=True) for values in edges]
    shown["positive labels"] = [f"{100 * share:.1f} %" for share in worst["positive"]]
    least = f", of those with {metrics['slice_rows']:,} rows or more" if "slice_rows" in metrics else ""
    title = (
        f"The {len(shown)} kinds of text with the lowest accuracy on `test`{least}. Kinds are told by patterns in the "
        "raw text, its length, its first word, the hour, and how much of it the vocabulary knows. Brackets hold 95 % "
        "intervals after Wilson (1927)."
    )
    return f"{title}\n\n{markdown.table(shown)}"


def _calibration(known: Facts) -> str:
    found = known.metrics.get("calibration", {})
    lines = []
    if "way" in found:
        lines.append(calibration_wording.calibrated(found["way"], found["points"]))
    if found.get("expected_calibration_error_interval"):
        error = calibration_wording.calibration_error(found)
        lines.append(f"{error} Bins are of equally many rows; the interval is a bootstrap's.")
    if (difference := known.metrics.get("parity", {}).get("max_difference")) is not None:
        lines.append(f"The export scores as the trained network does, to {difference:.1e}.")
    return " ".join(lines)


def _counts(counts: dict) -> str:
    read = {
        "read": "rows read",
        "rejected": "could not be used",
        "neutral": "neutral, left out",
        "conflict_rows": "left with a text that has both labels",
        "duplicates_removed": "repeats of a text, removed",
        "overlap_with_manual": "stand in the manual test set, removed",
        **{split: f"in the {split} split" for split in artifacts.SPLITS},
    }
    lines = [f"| {counts[name]:,} | {shown} |" for name, shown in read.items() if counts.get(name)]
    return "\n".join(["| rows | |", "|---:|---|", *lines]) if lines else ""


def _more(metrics: dict) -> str:
    there = {name: value for name, value in metrics.items() if name not in KNOWN and value is not None}
    parts = {TITLES.get(name, name.replace("_", " ")): markdown.anything(value, name) for name, value in there.items()}
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in parts.items() if body)


def _again(known: Facts) -> str:
    run, metrics = known.mlflow, known.metrics
    named = parameters.joined(dict(sorted(known.overrides.items())))
    params = f' PARAMS="{named}"' if named else ""
    commit = run.get("git_commit")
    lines = [
        *([f"git checkout {commit}"] if commit not in (None, "unknown") else []),
        f"make train DATASET={metrics['dataset']} SIZE={known.run.split('_')[0]}{params}",
    ]
    facts = {
        "commit": commit and f"`{commit}`" + (" with changes" if run.get("git_dirty") == "true" else ""),
        "lock file, SHA-256": run.get("lock_sha256"),
        "data as it came, SHA-256": known.source.get("sha256"),
        **{f"raw file `{name}`": one["sha256"] for name, one in known.source.get("contents", {}).items()},
        **{f"split `{name}`": digest for name, digest in known.splits.get("files", {}).items()},
        "seed of the training": metrics.get("seed"),
        "seed of the splits": known.splits.get("seed"),
        **{name: run.get(name) for name in ("python", "packages", "machine")},
        "parameters": ", ".join(f"{name} {value}" for name, value in metrics.get("parameters", {}).items()),
    }
    rows = [f"| {name} | {value} |" for name, value in facts.items() if value not in (None, "", "unknown")]
    return "\n".join(["```", *lines, "```", "", "| | |", "|---|---|", *rows])


def write(run: artifacts.Run) -> Path:
    """Write the model card of an evaluated run beside its metrics; returns where it is."""
    with artifacts.written_whole(run.model_card) as temporary:
        temporary.write_text(card(facts(run)), encoding="utf-8")
    return run.model_card


def main() -> int:
    """Write the model card of a run, and a copy of it."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.evaluation.model_card", description=main.__doc__)
    parser.add_argument("--dataset", default="")
    parser.add_argument("--run", default="", help="the newest evaluated one where it is not said")
    parser.add_argument("--out", default="", help="of the copy")
    given = parser.parse_args()
    try:
        written = write(summary.newest_evaluated(given.dataset, given.run))
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.out:
        with artifacts.written_whole(given.out) as temporary:
            shutil.copyfile(written, temporary)
    print(given.out or written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
