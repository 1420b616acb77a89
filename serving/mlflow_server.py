"""Fetches an exported model from an MLflow server, wherever that says that it lies, as far as it may be read."""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from serving import allow
from serving.manifest import ModelError, without_user

_INSIDE_MODEL = "artifacts/saved_model"  # where the training's MLflow model keeps the export
Get = Callable[[str, Path], None]  # fetches the file of this name to this path
Take = Callable[[Get], None]  # fetches a model by it


def fetch(uri: str, take: Take) -> None:
    """Fetch `models:/name/3`, `models:/name@alias` or `runs:/id/path` from the server of MLFLOW_TRACKING_URI.

    Args:
        uri: of the model.
        take: fetches by the function that it is given: the manifest, and what it lists.

    Raises:
        ModelError: it cannot be had, or lies where nothing may be read.
    """
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise ModelError(f"{uri} needs MLflow: pip install mlflow-skinny") from None

    got = []

    def get_below(base: str, name: str, target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
            fetched = mlflow.artifacts.download_artifacts(f"{base}/{name}", dst_path=temporary)
            if Path(fetched).is_symlink() or not Path(fetched).is_file():
                raise ModelError(f"{base}/{name} is not a file: do not trust it")
            shutil.move(fetched, target)
        got.append(name)

    for base in (f"{uri.rstrip('/')}/{_INSIDE_MODEL}", uri.rstrip("/")):
        try:
            location, allowed = _location(base), os.environ.get("MODEL_URI_ALLOW", "")
            allow.check_location(location, server=mlflow.get_tracking_uri(), allowed=allowed)
            return take(functools.partial(get_below, location))  # a server that is asked again may say another place
        except (MlflowException, OSError) as error:  # requests' errors are OSErrors
            said = without_user(" ".join(str(error).split()))[:1000] or repr(error)
            if got:  # the manifest was there: so is the model, or nowhere
                break
    raise ModelError(f"{uri} cannot be fetched: {said}")


def _location(uri: str) -> str:
    """Where MLflow's server says that it lies; a model may point to its run, and a run to its model."""
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.runs_artifact_repo import RunsArtifactRepository
    from mlflow.utils.uri import append_to_uri_path

    below = []
    for _ in range(3):
        if uri.startswith("models:"):
            root, path = ModelsArtifactRepository.split_models_uri(uri)
            below.insert(0, path)
            uri = ModelsArtifactRepository.get_underlying_uri(root)
        elif uri.startswith("runs:"):
            uri = RunsArtifactRepository.get_underlying_uri(uri)
    if uri.startswith(("models:", "runs:")):  # MLflow would go on to a place that has not been checked
        raise ModelError(f"{uri[:200]} is the fourth place that the server points to: name the model itself")
    paths = [path for path in below if path]
    return append_to_uri_path(uri, *paths) if paths else uri
