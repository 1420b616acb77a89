"""The exported model in MLflow: logged to its run with signature and input example, and registered by name."""

from __future__ import annotations

import contextlib
import io
import os
from importlib.metadata import version
from pathlib import Path

from pipelines import artifacts, tracking
from pipelines.dataset import lineage


def registered_name(dataset: artifacts.Dataset) -> str:
    """The name that the models of a data set are registered under, those of its later versions too."""
    return f"tweet-sentiment-{lineage.first(dataset).name}"


def register(run: artifacts.Run) -> str | None:
    """Log the SavedModel of a run to the active MLflow run and register it.

    Returns:
        The version in the registry; None (and a printed line) where no MLflow run is active.
    """
    if (run_id := tracking.active_run_id()) is None:
        print(tracking.DISCARDED)
        return None
    import mlflow

    client = tracking.client()
    name = registered_name(run.dataset)
    model = contents(run.saved_model)
    with mlflow.start_run(run_id=run_id):
        logged = mlflow.pyfunc.log_model(name="model", **model)
    os.environ["MLFLOW_RUN_ID"] = run_id  # MLflow takes it away when it opens a run
    with contextlib.redirect_stderr(io.StringIO()):  # where it says that the name is there already
        registered = mlflow.register_model(logged.model_uri, name, tags=model["metadata"])
    client.set_registered_model_tag(name, "dataset", lineage.first(run.dataset).name)
    return str(registered.version)


def contents(saved_model: Path) -> dict:
    """What MLflow makes a model of: arguments of `mlflow.pyfunc.log_model` and `save_model`."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    manifest = artifacts.read_json(saved_model / "manifest.json")
    return {
        "python_model": str(Path(__file__).with_name("pyfunc.py")),
        "artifacts": {"saved_model": str(saved_model)},
        "signature": ModelSignature(Schema([ColSpec("string", "text")]), Schema([ColSpec("float", "probability")])),
        "input_example": pd.DataFrame({"text": ["python is great", "my train is late again"]}),
        "pip_requirements": [f"{package}=={version(package)}" for package in ("tensorflow", "pandas", "mlflow")],
        "metadata": {"model_version": manifest["model_version"]},
    }
