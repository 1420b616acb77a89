"""Reads an exported model's files from an MLflow server or an S3 store; imports their libraries only when needed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from serving import manifest
from serving.manifest import Manifest, ModelError

INSIDE_MODEL = "artifacts/saved_model"  # where the training's MLflow model keeps the export
Get = Callable[[str, Path], None]  # fetches the file of this name to this path; raises ModelError


def open_mlflow(uri: str, max_bytes: int) -> Get:
    """Read `models:/name/3`, `models:/name@alias` or `runs:/id/path` from the server of MLFLOW_TRACKING_URI."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # its own 7 keep a start with a good cache waiting
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    try:
        import mlflow
        from mlflow.exceptions import MlflowException
    except ImportError:
        raise ModelError(f"{uri} needs MLflow: pip install mlflow-skinny") from None
    bases = [f"{uri.rstrip('/')}/{INSIDE_MODEL}", uri.rstrip("/")]

    def get(name: str, target: Path) -> None:
        errors = []
        for base in bases:
            try:
                with tempfile.TemporaryDirectory(dir=target.parent) as temporary:
                    shutil.move(mlflow.artifacts.download_artifacts(f"{base}/{name}", dst_path=temporary), target)
                bases[:] = [base]
                return
            except (MlflowException, OSError) as error:  # requests' errors are OSErrors
                errors.append(str(error).strip().splitlines()[0])
        raise ModelError(f"{uri} cannot be fetched: {errors[-1]}")

    return get


def open_s3(uri: str, max_bytes: int) -> Get:
    """Read `s3://bucket/prefix`, with boto3's usual variables (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)."""
    try:
        import boto3
        from boto3.exceptions import Boto3Error
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise ModelError(f"{uri} needs boto3: pip install boto3") from None
    bucket, _, prefix = uri.removeprefix("s3://").rstrip("/").partition("/")
    config = Config(connect_timeout=5, read_timeout=30, retries={"max_attempts": 2})
    try:
        client = boto3.client("s3", config=config)
    except BotoCoreError as error:
        raise ModelError(f"{uri} cannot be fetched: {error}") from None

    def get(name: str, target: Path) -> None:
        key = f"{prefix}/{name}" if prefix else name
        try:
            size = client.head_object(Bucket=bucket, Key=key)["ContentLength"]
            if size > max_bytes:
                raise ModelError(f"{uri}/{name} has {size} bytes; MODEL_MAX_BYTES={max_bytes}")
            client.download_file(bucket, key, str(target))
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise ModelError(f"{uri} cannot be fetched: {error}") from None

    return get


SCHEMES: dict[str, Callable[[str, int], Get]] = {"models": open_mlflow, "runs": open_mlflow, "s3": open_s3}


def get_manifest(get: Get, target: Path) -> str:
    """Fetch the manifest into a new folder; its digest."""
    target.mkdir()
    get(manifest.NAME, target / manifest.NAME)
    return manifest.digest(target)


def get_listed(get: Get, target: Path, max_bytes: int) -> None:
    """Fetch what the folder's manifest lists and nothing else."""
    for name in _safe(manifest.read(target), max_bytes).files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        get(name, target / name)


def _safe(listed: Manifest, max_bytes: int) -> Manifest:
    for name in listed.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or name == manifest.NAME:
            raise ModelError(f"the manifest lists {name[:100]!r}, which is no place inside a model: do not trust it")
    total = sum(file.bytes for file in listed.files.values())
    if total > max_bytes:
        raise ModelError(f"the manifest lists {total} bytes; MODEL_MAX_BYTES={max_bytes}")
    return listed
