"""The MLflow record of a run: where it is kept, and what is written into it.

One MLflow run per execution of 01–03; 04 opens the run of record of a training, and 05, 06 and 08 add to it, so that
one row of the MLflow page shows parameters, epochs, test metrics, notebooks, figures and the model.
`MLFLOW_TRACKING_URI` sends all of it elsewhere, unchanged.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import artifacts, store

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "tweet-sentiment"
RECORDED_PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pyarrow", "scikit-learn", "mlflow")
DISCARDED = "no MLflow run is active: not recorded (the runner records: python -m pipelines.run)"


def local_folder() -> Path:
    """Where runs are kept when no server is named: MLRUNS_FOLDER, else `mlruns/` in the checkout."""
    return Path(os.environ.get("MLRUNS_FOLDER") or artifacts.ROOT / "mlruns").resolve()


def tracking_uri() -> str:
    """The environment's MLFLOW_TRACKING_URI, else the SQLite store in `local_folder()`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or store.uri(local_folder())


def client() -> MlflowClient:
    """A client of the store in use, which is made ready first.

    Raises:
        ConnectionError: the server of MLFLOW_TRACKING_URI does not answer.
    """
    return _prepared(tracking_uri())


@functools.cache
def _prepared(uri: str) -> MlflowClient:
    # One look at a server that is not there, not minutes of them.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    folder = local_folder()
    with store.alone(folder):
        mlflow_client = mlflow.MlflowClient()
        try:
            location = (folder / "artifacts").as_uri() if uri.startswith("sqlite:") else None
            experiment = mlflow_client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                mlflow_client.create_experiment(EXPERIMENT, artifact_location=location)
            elif uri == store.uri(folder) and experiment.artifact_location != location:
                store.follow(folder, old=experiment.artifact_location, new=location)
        except mlflow.MlflowException as error:
            raise ConnectionError(
                f"MLflow at {uri} does not answer ({error}); start it, or unset MLFLOW_TRACKING_URI to record locally"
            ) from error
    mlflow.set_experiment(EXPERIMENT)
    return mlflow_client


def git_state(root: Path = artifacts.ROOT) -> dict[str, str]:
    """The commit that the code stands at, and whether files differ from it; "unknown" outside a checkout."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        return {"git_commit": git("rev-parse", "HEAD"), "git_dirty": str(bool(git("status", "--porcelain"))).lower()}
    except (OSError, subprocess.SubprocessError):
        return {"git_commit": "unknown", "git_dirty": "unknown"}


def environment() -> dict[str, str]:
    """Tags that say on what a run was made: commit, lock file, Python, packages, machine."""
    lock = artifacts.ROOT / "requirements.txt"
    tags = git_state()
    tags["lock_sha256"] = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.exists() else "unknown"
    tags["python"] = platform.python_version()
    tags["machine"] = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    tags["packages"] = ", ".join(f"{name} {version(name)}" for name in RECORDED_PACKAGES)
    return tags


def start_run(*, name: str, tags: dict[str, str], resume: str | None = None) -> str:
    """Open a new MLflow run, or go on with `resume` where it still exists; returns its id."""
    from mlflow import MlflowException

    mlflow_client = client()
    if resume:
        # The tags stay those of the training: its figures are what they explain.
        try:
            mlflow_client.update_run(resume, status="RUNNING")
            return resume
        except MlflowException:
            print(f"MLflow run {resume} is gone from {tracking_uri()}: recording into a new one")
    experiment = mlflow_client.get_experiment_by_name(EXPERIMENT)
    tags = {**environment(), **tags}
    return mlflow_client.create_run(experiment.experiment_id, run_name=name, tags=tags).info.run_id


def end_run(run_id: str, *, status: str) -> None:
    """Close a run: FINISHED, FAILED, or KILLED (a trial that was pruned)."""
    client().set_terminated(run_id, status=status)


def active_run_id() -> str | None:
    """The run that the runner opened for this kernel; None in an interactive session."""
    return os.environ.get("MLFLOW_RUN_ID")


def log_parameters(parameters: dict) -> None:
    """Record parameters; one that was recorded with another value before (a repeated stage) becomes a tag instead."""
    if (run_id := active_run_id()) is None:
        return print(DISCARDED)
    mlflow_client = client()
    recorded = mlflow_client.get_run(run_id).data.params
    for key, value in parameters.items():
        if recorded.get(key, str(value)) == str(value):
            mlflow_client.log_param(run_id, key, value)
        else:
            mlflow_client.set_tag(run_id, f"parameter.{key}", str(value))
    return None


def log_metrics(metrics: dict[str, float | None], *, step: int = 0) -> None:
    """Record figures, of an epoch where `step` says which; those that are None (undefined) are left out."""
    if (run_id := active_run_id()) is None:
        return print(DISCARDED)
    for key, value in metrics.items():
        if value is not None:
            client().log_metric(run_id, key, float(value), step=step)
    return None


def log_dataset(*, name: str, digest: str, source: str, rows: int, context: str) -> None:
    """Record which rows a run read: name, SHA-256, origin and number, for "training" or "evaluation"."""
    if (run_id := active_run_id()) is None:
        return print(DISCARDED)
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=name,
        digest=digest[:36],
        source_type="local",
        source=json.dumps({"uri": source}),
        profile=json.dumps({"num_rows": rows, "sha256": digest}),
    )
    tag = InputTag(key="mlflow.data.context", value=context)
    return client().log_inputs(run_id, datasets=[DatasetInput(dataset=dataset, tags=[tag])])


def log_splits(dataset: artifacts.Dataset, contexts: dict[str, str], *, rows_train: int | None = None) -> None:
    """Record the splits that a run read, what for ("training", "validation", "evaluation"), and their raw files."""
    manifest = artifacts.read_json(dataset.manifest)
    rows = manifest["counts"] | ({"train": rows_train} if rows_train is not None else {})
    for split, context in contexts.items():
        log_dataset(
            name=f"{dataset.name}/{split}",
            digest=manifest["files"][split],
            source=f"data/{dataset.name}/splits/{split}.parquet",
            rows=rows[split],
            context=context,
        )
    if (run_id := active_run_id()) is not None:
        for file, facts in manifest["raw"].items():
            client().set_tag(run_id, f"raw.{file}.sha256", facts["sha256"])


def log_epoch(figures: dict) -> None:
    """Record a row of a training's history, and print it."""
    print("  ".join(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)
    if active_run_id() is not None:
        log_metrics({name: value for name, value in figures.items() if name != "epoch"}, step=figures["epoch"])


def log_file(path: Path, folder: str | None = None) -> None:
    """Record a file, or every file of a folder."""
    if (run_id := active_run_id()) is None:
        return print(DISCARDED)
    record = client().log_artifacts if Path(path).is_dir() else client().log_artifact
    return record(run_id, str(path), folder)
