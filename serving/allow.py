"""Which places a model may come from: MODEL_URI_ALLOW, and what a server may point to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from serving.manifest import ModelError, without_user
from serving.settings import Settings

# Those that MODEL_URI leads to, beside itself.
_MLFLOW = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_S3_ENDPOINT_URL")
_S3 = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
SERVERS = {"models": _MLFLOW + _S3, "runs": _MLFLOW + _S3, "s3": _S3}

Place = tuple[str, str, tuple[str, ...]]


def check(settings: Settings, environment: Mapping[str, str] | None = None) -> None:
    """Refuse a MODEL_URI, or a server that it leads to, that MODEL_URI_ALLOW does not list.

    An entry is a folder, or a beginning in whole parts: `s3://bucket/models` lists neither `s3://bucket-2` nor
    `s3://bucket/models-2`; `s3://` lists every bucket, `http://mlflow:5000` that server.

    Raises:
        ModelError: names the place and the list.
    """
    environment = os.environ if environment is None else environment
    scheme = urlsplit(settings.model_uri).scheme
    for variable in SERVERS.get(scheme, ()):
        if environment.get(variable):
            _check(variable, environment[variable], settings.model_uri_allow)
    _check("MODEL_URI", settings.model_uri, settings.model_uri_allow)


def check_location(location: str, *, server: str, allowed: str) -> None:
    """Refuse a place where a server says that a model lies, unless it is the server itself, an S3 store or listed.

    Args:
        location: the artifact URI that MLflow gave.
        server: MLFLOW_TRACKING_URI; only one that is no address may point to local files.
        allowed: MODEL_URI_ALLOW.

    Raises:
        ModelError: names the place.
    """
    scheme = urlsplit(location).scheme or "file"
    # MLflow asks the host that such an address names, and the server itself only where it names none.
    if scheme == "mlflow-artifacts" and urlsplit(location).netloc.lower() in ("", _host(server)):
        return
    usual = scheme == "s3" or (scheme == "file" and urlsplit(server).scheme not in ("http", "https"))
    if not usual and not _entries(allowed):
        place = without_user(location)[:200]
        raise ModelError(f"{server} says that the model lies at {place}: list that in MODEL_URI_ALLOW")
    _check(f"{server} points to the model, which", location, allowed)


def _check(name: str, uri: str, allowed: str) -> None:
    entries = _entries(allowed)
    if entries and not any(_within(_place(uri), entry) for entry in entries):
        raise ModelError(f"{name}={without_user(uri)[:200]} is within nothing that MODEL_URI_ALLOW={allowed} lists")


def _entries(allowed: str) -> list[Place]:
    return [_place(entry.strip()) for entry in allowed.split(",") if entry.strip()]


def _place(uri: str) -> Place:
    """Scheme, host and path, so that two spellings of one place are equal; links and `..` of a folder are followed."""
    scheme = uri.partition(":")[0] if ":" in uri else ""
    if scheme in ("", "file"):
        return "file", "", Path(uri.removeprefix("file://")).resolve().parts
    if scheme in ("models", "runs"):
        host, path = "", uri.partition(":")[2].replace("@", "/")
    else:
        host, path = _host(uri), urlsplit(uri).path
    parts = tuple(part for part in path.split("/") if part)
    # No store takes these for a way up, but what stands before it may.
    return scheme, host, ("", "..") if ".." in parts else parts


def _host(uri: str) -> str:
    """Host and port, without a user's name and password."""
    return urlsplit(uri).netloc.rpartition("@")[2].lower()


def _within(place: Place, entry: Place) -> bool:
    (scheme, host, path), (entry_scheme, entry_host, entry_path) = place, entry
    return scheme == entry_scheme and entry_host in ("", host) and path[: len(entry_path)] == entry_path
