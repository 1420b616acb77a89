"""The MLflow page, and a small committed set of real runs to look at before anyone trains.

    python -m pipelines.examples ui              this machine's runs
    python -m pipelines.examples ui --examples   the committed ones
    python -m pipelines.examples keep RUN_ID …   copy finished runs into mlruns/examples/

An example is a folder: run.json (id, name, model, parameters, tags, SHA-256 of the splits, metrics of every step) and
its figures, no tweets. `operation.reproduction` trains such a run again and compares.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import artifacts, parameters, tracking

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run

_MOST_FIGURES = 1000  # of a call
EXAMPLES = artifacts.ROOT / "mlruns" / "examples"
# What says how a run came about; MLflow's own tags name a machine's user and paths.
KEPT_TAGS = ("dataset", "run", "variant", "git_commit", "git_dirty", "lock_sha256", "python", "machine", "packages")


def keep(run_id: str, folder: Path = EXAMPLES) -> Path:
    """Copy a recorded run into the committed examples; returns its folder.

    Raises:
        ValueError: the run is not finished.
    """
    client = tracking.client()
    run = client.get_run(run_id)
    if run.info.status != "FINISHED":
        raise ValueError(f"run {run_id} is {run.info.status}: only finished runs are kept")
    target = folder / run.info.run_name.replace("/", "-").replace(" ", "_")
    with artifacts.folder_written_whole(target) as temporary, tempfile.TemporaryDirectory() as downloads:
        artifacts.write_json(temporary / "run.json", _record(run, downloads))
        for stage in client.list_artifacts(run_id):
            for entry in client.list_artifacts(run_id, f"{stage.path}/figures") if stage.is_dir else []:
                found = Path(client.download_artifacts(run_id, entry.path, downloads))
                (temporary / "figures").mkdir(exist_ok=True)
                shutil.copyfile(found, temporary / "figures" / f"{stage.path}-{found.name}")
    return target


def _record(run: Run, downloads: str) -> dict:
    client, run_id = tracking.client(), run.info.run_id
    record = {"id": run_id, "name": run.info.run_name}
    if any(entry.path == "metrics.json" for entry in client.list_artifacts(run_id)):
        evaluated = artifacts.read_json(client.download_artifacts(run_id, "metrics.json", downloads))
        record["model_version"] = evaluated["model_version"]
    record["parameters"] = run.data.params
    record["tags"] = {key: value for key, value in run.data.tags.items() if key in KEPT_TAGS or key.startswith("raw.")}
    inputs = {one.dataset.name: json.loads(one.dataset.profile)["sha256"] for one in run.inputs.dataset_inputs}
    record["splits"] = dict(sorted(inputs.items()))
    return record | {"metrics": {name: _steps(client.get_metric_history(run_id, name)) for name in run.data.metrics}}


def _steps(history: list[Metric]) -> list[tuple[int, float]]:
    """(step, value) in order; of a step that was repeated, what was measured last."""
    return sorted({one.step: one.value for one in sorted(history, key=lambda one: one.timestamp)}.items())


def find(dataset: str, run: str, folder: Path = EXAMPLES) -> dict:
    """The record of a run among the examples; variants of the ablation are others.

    Raises:
        FileNotFoundError: there is none; names those that there are.
    """
    records = [artifacts.read_json(path) for path in sorted(folder.glob("*/run.json"))]
    named = {(one["tags"]["dataset"], one["tags"]["run"]): one for one in records if "variant" not in one["tags"]}
    if (dataset, run) not in named:
        runs = sorted((one for name, one in named if name == dataset), key=lambda one: (one[0] == "a", len(one), one))
        known = ", ".join(map(_asked, runs)) or f"none of {dataset}"
        raise FileNotFoundError(f"no record of {dataset}, SIZE={run}, in {folder}; there are {known}")
    return named[dataset, run]


def _asked(run: str) -> str:
    """How a run is asked for.

    >>> _asked("50000_language_model-True_seed-2")
    'SIZE=50000 PARAMS="language_model=True seed=2"'
    """
    size, _, rest = run.partition("_")
    overrides = parameters.joined(dict(re.findall(r"([a-z_]+)-([^_]+)(?:_|$)", rest)))
    return f"SIZE={size}" + (f' PARAMS="{overrides}"' if overrides else "")


def load(store: Path, folder: Path = EXAMPLES) -> int:
    """Record every example in a fresh store at `store`; returns how many there are."""
    from mlflow.entities import Metric, Param

    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ["MLRUNS_FOLDER"] = str(store)
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    records = sorted(folder.glob("*/run.json"))
    for path in records:
        record = artifacts.read_json(path)
        # It gets an id of its own here; the README names that of the run which was recorded.
        tags = record["tags"] | {"recorded_run": record["id"], "model_version": record.get("model_version", "")}
        run_id = client.create_run(experiment.experiment_id, run_name=record["name"], tags=tags).info.run_id
        figures = [
            Metric(name, value, timestamp=0, step=step)
            for name, steps in record["metrics"].items()
            for step, value in steps
        ]
        client.log_batch(run_id, params=[Param(name, value) for name, value in record["parameters"].items()])
        for first in range(0, len(figures), _MOST_FIGURES):
            client.log_batch(run_id, metrics=figures[first : first + _MOST_FIGURES])
        client.log_artifacts(run_id, str(path.parent))
        client.set_terminated(run_id)
    return len(records)


def main() -> int:
    """Start MLflow's page, or keep runs as examples."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.examples", description=main.__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ui = commands.add_parser("ui")
    ui.add_argument("--examples", action="store_true")
    ui.add_argument("--port", default=os.environ.get("UI_PORT", "5000"))
    commands.add_parser("keep").add_argument("run_ids", nargs="+")
    given = parser.parse_args()
    if given.command == "keep":
        os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"  # one for each picture
        print("\n".join(str(keep(run_id)) for run_id in given.run_ids))
        return 0
    if given.examples:
        store = tracking.local_folder() / "examples-store"
        shutil.rmtree(store, ignore_errors=True)
        print(f"loading the runs of {EXAMPLES}", flush=True)
        print(f"{load(store)} example runs; their own ids are in the tag recorded_run", flush=True)
    tracking.client()
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")  # eight processes for what nobody here uses
    server = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking.tracking_uri()]
    os.execv(sys.executable, [*server, "--host", "127.0.0.1", "--port", given.port, "--workers", "1"])
    return 1


if __name__ == "__main__":
    sys.exit(main())
