"""Fetches an exported model from an MLflow server or an S3 store; imports their libraries only when needed."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from serving import manifest
from serving.manifest import Manifest, ModelError

INSIDE_MODEL = "artifacts/saved_model"  # where the training's MLflow model keeps the export


def from_mlflow(uri: str, folder: Path, max_bytes: int) -> Path:
    """Fetch `models:/name/3`, `models:/name@alias` or `runs:/id/path` from the server of MLFLOW_TRACKING_URI."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own 7 keep a start with a good cache waiting
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise ModelError(f"{uri} needs MLflow: pip install mlflow-skinny") from None

    def get_below(base: str, name: str, target: Path) -> None:
        fetched = mlflow.artifacts.download_artifacts(f"{base}/{name}", dst_path=str(folder / "download"))
        shutil.move(fetched, target)

    errors = []
    for base in (f"{uri.rstrip('/')}/{INSIDE_MODEL}", uri.rstrip("/")):
        try:
            return _get_listed(functools.partial(get_below, base), folder, max_bytes)
        except (MlflowException, OSError) as error:  # requests' errors are OSErrors
            errors.append(str(error).strip().splitlines()[0])
    raise ModelError(f"{uri} cannot be fetched: {errors[-1]}")


def from_s3(uri: str, folder: Path, max_bytes: int) -> Path:
    """Fetch `s3://bucket/prefix`, with boto3's usual variables (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)."""
    try:
        import boto3
        from boto3.exceptions import Boto3Error
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise ModelError(f"{uri} needs boto3: pip install boto3") from None
    bucket, _, prefix = uri.removeprefix("s3://").rstrip("/").partition("/")
    try:
        client = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 2}))

        def get(name: str, target: Path) -> None:
            key = f"{prefix}/{name}" if prefix else name
            size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size > max_bytes:
                raise ModelError(f"{uri}/{name} has {size} bytes; MODEL_MAX_BYTES={max_bytes}")
            client.download_file(bucket, key, str(target))

        return _get_listed(get, folder, max_bytes)
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise ModelError(f"{uri} cannot be fetched: {error}") from None


SCHEMES: dict[str, Callable[[str, Path, int], Path]] = {"models": from_mlflow, "runs": from_mlflow, "s3": from_s3}


def _get_listed(get: Callable[[str, Path], None], folder: Path, max_bytes: int) -> Path:
    """Fetch the manifest, then what it lists and nothing else."""
    target = folder / "model"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    get(manifest.NAME, target / manifest.NAME)
    listed = _safe(manifest.read(target), max_bytes)
    for name in listed.files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        get(name, target / name)
    return target


def _safe(listed: Manifest, max_bytes: int) -> Manifest:
    for name in listed.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or name == manifest.NAME:
            raise ModelError(f"the manifest lists {name[:100]!r}, which is no place inside a model: do not trust it")
    total = sum(file.bytes for file in listed.files.values())
    if total > max_bytes:
        raise ModelError(f"the manifest lists {total} bytes; MODEL_MAX_BYTES={max_bytes}")
    return listed
