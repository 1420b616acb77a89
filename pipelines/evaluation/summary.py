"""What `make train` ends with: figures beside the baselines, where everything lies, what to run next.

python -m pipelines.evaluation.summary sentiment140 200000     the summary of a run
python -m pipelines.evaluation.summary --model                 the folder of the newest evaluated model
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path

from pipelines import artifacts
from pipelines.dataset import derived, lineage


def newest_evaluated(dataset: str = "", run: str = "") -> artifacts.Run:
    """The run that was evaluated last, of all data sets or the given one, or the given run.

    Runs of derived data sets (`dataset.derived`) are for comparison, and those of later versions of a data set
    (`dataset.lineage`) are challengers until they are promoted: both count only where theirs is the given one. A
    rollback leaves no file, only MLflow knows of it: what was promoted once counts here for good.

    Raises:
        FileNotFoundError: there is none.
    """
    run = re.sub(r"(?<=\d)_(?=\d)", "", run)  # 200_000 is 200000
    folders = [folder.name for folder in artifacts.data_folder().glob("*") if folder.is_dir()]
    names = [dataset] if dataset else [name for name in folders if not derived.is_derived(artifacts.Dataset(name))]
    runs = [found for name in names for found in artifacts.Dataset(name).runs()]
    every = [
        found
        for found in runs
        if found.metrics.exists()
        and (found.saved_model / "manifest.json").exists()
        and (dataset or not _is_challenger(found))
    ]
    evaluated = [found for found in every if run in ("", found.name)]
    if not evaluated:
        wanted = " ".join(filter(None, [dataset and f"DATASET={dataset}", run and f"SIZE={run}"]))
        of = f" of {wanted}" if wanted else ""
        there = f" (there are SIZE={', '.join(sorted(found.name for found in every))})" if every else ""
        size, _, overrides = run.partition("_")
        known = filter(None, [dataset and f"DATASET={dataset}", run and f"SIZE={size}", overrides and "PARAMS=…"])
        raise FileNotFoundError(f"no evaluated run{of} yet{there}: {' '.join(['make train', *known])}")
    return max(evaluated, key=lambda found: found.metrics.stat().st_mtime)


def _is_challenger(run: artifacts.Run) -> bool:
    """Whether a run learned from rows that were added to a data set, and was not promoted."""
    if lineage.extended(run.dataset) is None:
        return False
    return not (run.promotion.exists() and artifacts.read_json(run.promotion)["promote"])


def _percent(figures: dict) -> str:
    low, high = figures["accuracy_interval"]
    return f"{100 * figures['accuracy']:6.2f} %  [{100 * low:.2f}, {100 * high:.2f}]"


def lines(run: artifacts.Run) -> list[str]:
    """The summary of an evaluated run, a line each."""
    metrics = artifacts.read_json(run.metrics)
    shown = [f"{metrics['dataset']}, {metrics['rows_train']:,} training rows, model {metrics['model_version']}", ""]
    if metrics["dataset"] == "sample":
        shown.insert(0, "These are the embedded brand tweets, not Sentiment140: make data, then make train.")
    for split in ("test", "manual"):
        if split not in metrics["splits"]:
            continue
        shown.append(f"  accuracy, {split} ({metrics['splits'][split]['rows']:,} rows; 95 % interval)")
        shown.append(f"    this model                    {_percent(metrics['splits'][split])}")
        for name, figures in metrics["baselines"].items():
            if split in figures:
                shown.append(f"    {name.replace('_', ' '):<29} {_percent(figures[split])}")
    record = artifacts.read_json(run.folder / "mlflow_run.json")["id"]
    seconds = {stage: f"{value:.0f} s" for stage, value in metrics["seconds"].items()}
    return [
        *shown,
        "",
        "  seconds by stage     " + ", ".join(f"{stage} {value}" for stage, value in seconds.items()),
        f"  model                {_short(run.saved_model)}",
        f"  executed notebooks   {_short(run.folder)}/*.ipynb, {_short(run.dataset.folder)}/*.ipynb",
        f"  MLflow run           {record}   (make ui)",
        f"  next                 make serve DATASET={run.dataset.name} SIZE={run.name}  ·  "
        "make predict TEXT='python is great'  ·  make ui",
    ]


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def main() -> int:
    """Print a summary, or the path of a model for `make serve`."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.evaluation.summary", description=main.__doc__)
    parser.add_argument("which", nargs="*", metavar="DATASET RUN")
    parser.add_argument("--model", action="store_true", help="print the folder of the newest evaluated model")
    parser.add_argument("--dataset", default="")
    parser.add_argument("--run", default="")
    given = parser.parse_args()
    try:
        if given.model:
            print(newest_evaluated(given.dataset, given.run).saved_model)
        else:
            print("\n".join(lines(newest_evaluated(*given.which))))
    except FileNotFoundError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
