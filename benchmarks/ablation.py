"""What each part of the model adds: ours, and ours with one thing changed, trained and held against it.

    python -m benchmarks.ablation --rows 50000    writes ABLATION.md beside this file

All train by `training.train`, on the encoded rows and word vectors of the run of that size, with one seed, and are
judged on its validation rows; test rows are not read. Each is a run of MLflow, whose id the table names. A variant that
is finished is kept under data/D/ablation/ROWS/, and the same command goes on with the others, one that was killed from
its last epoch.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import machine, reports, variants
from benchmarks.variants import OURS, Variant
from pipelines import artifacts, record, tracking
from pipelines.evaluation import markdown, metrics
from pipelines.inputs import default_dataset
from pipelines.search.trials import Workplace

STAGE = "ablation"
REPORT = Path(__file__).with_name("ABLATION.md")
HEAD = """# What each part of the model adds

`{command}`, {machine}.

Each line is ours with one thing changed, trained once by the same `training.train` on the {rows:,} training rows of
run {run} of {dataset}, with seed {seed}, and judged on its {validation_rows:,} validation rows. Test rows were not
read. Brackets are 95 % bootstrap intervals over the same rows, in points; they hold no spread over seeds, and of so
many lines one may lie outside by luck. Seconds are those of the epochs, their validation included, without the time
of the word vectors and of the language model, which serve every size. Each line is a run of MLflow: parameters, every
epoch, commit, hashes of the lock file, of the raw data and of the splits.
"""


def folder_of(run: artifacts.Run) -> Path:
    """Where the finished variants of a run's size are kept."""
    return run.dataset.folder / "ablation" / run.name


def finished(run: artifacts.Run, variant: Variant) -> dict:
    """The figures of a variant, trained first where they are missing or were made from something else.

    Args:
        run: with encoded rows and word vectors; nothing is written to it.
        variant: what is changed.

    Returns:
        "fingerprint", "run_id" (of MLflow), "accuracy" (share of validation rows), "seconds", "best_epoch", "settings".
    """
    from pipelines.model import training

    configuration, recipe, word_vectors = variants.settings_of(run, variant)
    settings = configuration.as_dict() | recipe.as_dict()
    rows = artifacts.read_json(run.encoded("train") / "encoding.json")["rows"]
    made_from = training.made_from(run, configuration, recipe, word_vectors)
    judged_on = artifacts.sha256(run.encoded("validation") / "ids.bin")
    digest = hashlib.sha256((made_from + judged_on).encode()).hexdigest()
    kept = folder_of(run) / f"{variant.name}.json"
    if kept.exists() and (found := artifacts.read_json(kept))["fingerprint"] == digest and "run_id" in found:
        return found
    place = Workplace(run.dataset, run.name, folder_of(run) / "working" / variant.name)
    tags = {"dataset": run.dataset.name, "run": run.name, "stage": STAGE, "variant": variant.name}
    with record.own_run(name=f"{run.dataset.name}/{run.name} {STAGE} {variant.name}", tags=tags) as run_id:
        tracking.log_parameters(settings | {"rows_train": rows})
        result = training.train(place, configuration, recipe, word_vectors=word_vectors, on_epoch=tracking.log_epoch)
        found = {
            "fingerprint": digest,
            "run_id": run_id,
            "accuracy": float(_right(place.predictions("validation")).mean()),
            "seconds": result["seconds"],
            "best_epoch": result["best_epoch"],
            "settings": settings,
        }
        tracking.log_splits(run.dataset, {"train": "training", "validation": "validation"}, rows_train=rows)
        of_kept_epoch = {"accuracy_of_kept_epoch": found["accuracy"]}
        tracking.log_metrics(of_kept_epoch | {name: found[name] for name in ("seconds", "best_epoch")})
    os.replace(place.predictions("validation"), _predictions(run, variant))
    artifacts.write_json(kept, found)  # last: it says that the variant is finished
    shutil.rmtree(place.folder)
    return found


def wanted(run: artifacts.Run, names: list[str] | None = None) -> list[Variant]:
    """Ours and the variants that train something else: a default that has changed may have caught up with one.

    Args:
        run: what they are trained on.
        names: of the variants, besides ours; None: all.

    Raises:
        ValueError: a name of none.
    """
    known = {variant.name: variant for variant in variants.ABLATED}
    for name in names or []:
        if name not in known:
            raise ValueError(f"no variant {name!r}; there are {', '.join(known)}")
    seen, kept = [], []
    for variant in variants.ABLATED:
        if names is not None and variant != OURS and variant.name not in names:
            continue
        configuration, recipe, _ = variants.settings_of(run, variant)
        if (same := (configuration, recipe, variant.views)) not in seen:
            seen.append(same)
            kept.append(variant)
    return kept


def table(run: artifacts.Run, found: dict[Variant, dict]) -> pd.DataFrame:
    """A line for each variant: accuracy, its difference from ours with McNemar's interval, seconds."""
    ours, right = found[OURS], _right(_predictions(run, OURS))
    lines = []
    for variant, figures in found.items():
        line = {"variant": variant.name, "what it changes": variant.change}
        line["validation accuracy, %"] = f"{100 * figures['accuracy']:.2f}"
        line["difference from ours, points [95 %]"] = "–"
        if variant != OURS:
            test = metrics.mcnemar(_right(_predictions(run, variant)), right)
            points, low, high = (100 * edge for edge in (test["difference"], *test["difference_interval"]))
            line["difference from ours, points [95 %]"] = f"{points:+.2f} [{low:+.2f}, {high:+.2f}]"
        line["training, s"] = f"{figures['seconds']:.0f}"
        line["of ours"] = f"{figures['seconds'] / ours['seconds']:.2f} ×"
        line["MLflow run"] = f"`{figures['run_id']}`"
        lines.append(line)
    return pd.DataFrame(lines)


def _predictions(run: artifacts.Run, variant: Variant) -> Path:
    return folder_of(run) / f"{variant.name}.parquet"


def _right(path: Path) -> np.ndarray:
    scored = pd.read_parquet(path)
    return metrics.correct(scored["label"].to_numpy(), scored["probability"].to_numpy())


def page(run: artifacts.Run, found: dict[Variant, dict], *, command: str) -> str:
    """The whole page of Markdown."""
    sizes = {
        split: artifacts.read_json(run.encoded(split) / "encoding.json")["rows"] for split in ("train", "validation")
    }
    head = HEAD.format(
        command=command,
        machine=machine.about(),
        rows=sizes["train"],
        validation_rows=sizes["validation"],
        run=run.name,
        dataset=run.dataset.name,
        seed=found[OURS]["settings"]["seed"],
    )
    return f"{head}\n{markdown.table(table(run, found))}\n"


def every(run: artifacts.Run, names: list[str] | None = None) -> dict[Variant, dict]:
    """The figures of ours and the variants of these names (None: of all), with a line of progress for each."""
    import keras

    found, chosen = {}, wanted(run, names)
    for number, variant in enumerate(chosen, 1):
        print(f"── {number} of {len(chosen)}  {variant.name}: {variant.change}", flush=True)
        found[variant] = finished(run, variant)
        keras.utils.clear_session()
        figures = found[variant]
        print(f"   validation accuracy {figures['accuracy']:.2%}, {figures['seconds']:.0f} s", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default=default_dataset())
    parser.add_argument(
        "--rows", default="50000", help="the size of a run whose encoded rows and word vectors are there"
    )
    parser.add_argument("--only", help="some variants, by name: wide-only,without-ngrams")
    given = parser.parse_args()
    run = artifacts.Dataset(given.dataset).run(given.rows)
    try:
        found = every(run, given.only.split(",") if given.only else None)
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"error: {error}")
    text = page(run, found, command=" ".join(["python -m benchmarks.ablation", *sys.argv[1:]]))
    reports.write(text, REPORT)


if __name__ == "__main__":
    main()
