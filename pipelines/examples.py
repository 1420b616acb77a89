"""The MLflow page, and a small committed set of real runs to look at before anyone trains.

    python -m pipelines.examples ui              this machine's runs
    python -m pipelines.examples ui --examples   the committed ones
    python -m pipelines.examples keep RUN_ID …   copy finished runs into mlruns/examples/

An example is a folder: run.json (name, parameters, tags, metrics of every step) and its figures, no tweets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from pipelines import artifacts, tracking

EXAMPLES = artifacts.ROOT / "mlruns" / "examples"
# What says how a run came about; MLflow's own tags name a machine's user and paths.
KEPT_TAGS = ("dataset", "run", "git_commit", "git_dirty", "lock_sha256", "python", "machine", "packages")


def keep(run_id: str, folder: Path = EXAMPLES) -> Path:
    """Copy a recorded run into the committed examples; returns its folder.

    Raises:
        ValueError: the run is not finished.
    """
    client = tracking.client()
    run = client.get_run(run_id)
    if run.info.status != "FINISHED":
        raise ValueError(f"run {run_id} is {run.info.status}: only finished runs are kept")
    steps = {name: [(m.step, m.value) for m in client.get_metric_history(run_id, name)] for name in run.data.metrics}
    tags = {key: value for key, value in run.data.tags.items() if key in KEPT_TAGS or key.startswith("raw.")}
    target = folder / run.info.run_name.replace("/", "-")
    with artifacts.folder_written_whole(target) as temporary, tempfile.TemporaryDirectory() as downloads:
        record = {"name": run.info.run_name, "parameters": run.data.params, "tags": tags, "metrics": steps}
        artifacts.write_json(temporary / "run.json", record)
        for stage in client.list_artifacts(run_id):
            for entry in client.list_artifacts(run_id, f"{stage.path}/figures") if stage.is_dir else []:
                found = Path(client.download_artifacts(run_id, entry.path, downloads))
                (temporary / "figures").mkdir(exist_ok=True)
                shutil.copyfile(found, temporary / "figures" / f"{stage.path}-{found.name}")
    return target


def load(store: Path, folder: Path = EXAMPLES) -> int:
    """Record every example in a fresh store at `store`; returns how many there are."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    os.environ["MLRUNS_FOLDER"] = str(store)
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
    records = sorted(folder.glob("*/run.json"))
    for path in records:
        record = artifacts.read_json(path)
        run_id = client.create_run(experiment.experiment_id, run_name=record["name"], tags=record["tags"]).info.run_id
        for name, value in record["parameters"].items():
            client.log_param(run_id, name, value)
        for name, steps in record["metrics"].items():
            for step, value in steps:
                client.log_metric(run_id, name, value, step=step)
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
        print("\n".join(str(keep(run_id)) for run_id in given.run_ids))
        return 0
    if given.examples:
        store = tracking.local_folder() / "examples-store"
        shutil.rmtree(store, ignore_errors=True)
        print(f"{load(store)} example runs, from {EXAMPLES}")
    tracking.client()
    server = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", tracking.tracking_uri()]
    os.execv(sys.executable, [*server, "--host", "127.0.0.1", "--port", given.port, "--workers", "1"])
    return 1


if __name__ == "__main__":
    sys.exit(main())
