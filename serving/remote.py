"""Fetches an exported model from an MLflow server or an S3 store, in a process of its own that can be ended.

Whatever the other side sends, or does not, that process writes no file beyond its announced size and lives no longer
than MODEL_FETCH_SECONDS. The service itself imports neither MLflow nor boto3.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import math
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from serving import manifest, mlflow_server
from serving.manifest import Manifest, ModelError, SlowError
from serving.mlflow_server import Get, Take
from serving.settings import Settings

_TARGET = "model"
EVERY = "*"
# Set here, so that what the operator sets comes first.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
_RULES = {
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",  # from wherever the server says
}


def fetch(folder: Path, settings: Settings, *, known: Sequence[str] = (), seconds: float = math.inf) -> Path:
    """Fetch what MODEL_URI names into a folder; returns the folder in it, which holds the manifest at least.

    Args:
        folder: empty.
        settings: of the service.
        known: digests of manifests whose other files need not be fetched; EVERY for any.
        seconds: that it may take, where that is less than the settings allow.

    Raises:
        ModelError: it could not be had, is too large, or took too long.
    """
    seconds = min(seconds, settings.model_fetch_seconds)
    arguments = [settings.model_uri, str(folder), str(settings.model_max_bytes), str(math.ceil(seconds)), *known]
    root = str(Path(__file__).resolve().parents[1])
    own = {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    own |= {"MODEL_URI_ALLOW": settings.model_uri_allow}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "serving.remote", *arguments],
            env=_PATIENCE | os.environ | _RULES | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        most = f"MODEL_FETCH_SECONDS={settings.model_fetch_seconds:g}"
        raise SlowError(f"{settings.model_uri} cannot be fetched: not done in {seconds:g} seconds ({most})") from None
    if ended.returncode:
        said = (ended.stdout or ended.stderr).decode("utf-8", "replace").strip()
        raise ModelError((said.splitlines() or [f"fetching ended with status {ended.returncode}"])[-1])
    return folder / _TARGET


def main(arguments: list[str]) -> int:
    """Fetch URI into FOLDER, at most MAX_BYTES in SECONDS, unless it is KNOWN; what went wrong is said in a line."""
    uri, folder, max_bytes, seconds, *known = arguments
    signal.alarm(int(seconds))  # it ends this process, where the one that waits for it is no more
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an OSError instead
    try:
        take = functools.partial(_get_listed, target=Path(folder) / _TARGET, max_bytes=int(max_bytes), known=known)
        SCHEMES[uri.partition(":")[0]](uri, take)
    except (ModelError, OSError) as error:
        print(f"{error}" if isinstance(error, ModelError) else f"{uri} cannot be fetched: {error}")
        return 1
    return 0


def from_s3(uri: str, take: Take) -> None:
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
        client = boto3.client("s3", config=Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 1}))

        def get(name: str, target: Path) -> None:
            client.download_file(bucket, f"{prefix}/{name}" if prefix else name, str(target))

        take(get)
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise ModelError(f"{uri} cannot be fetched: {error}") from None


SCHEMES: dict[str, Callable[[str, Take], None]] = {
    "models": mlflow_server.fetch,
    "runs": mlflow_server.fetch,
    "s3": from_s3,
}


def _get_listed(get: Get, *, target: Path, max_bytes: int, known: Sequence[str]) -> None:
    """Fetch the manifest and, where it is unknown, what it lists: nothing else, and no file larger than it may be."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    with _at_most(manifest.MAX_BYTES, manifest.NAME):
        get(manifest.NAME, target / manifest.NAME)
    listed = _safe(manifest.read(target), max_bytes)
    if EVERY in known or manifest.digest(target) in known:
        return
    for name, file in listed.files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        with _at_most(file.bytes, name):
            get(name, target / name)


@contextlib.contextmanager
def _at_most(size: int, name: str) -> Iterator[None]:
    """No file that this process writes meanwhile grows beyond so many bytes, whichever library writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))
    try:
        yield
    except Exception as error:
        if os.strerror(errno.EFBIG) not in str(error):
            raise
        raise ModelError(f"{name} has more than the {size} bytes that it may have: do not trust it") from None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _safe(listed: Manifest, max_bytes: int) -> Manifest:
    for name in listed.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or str(path) != name or "\\" in name or name == manifest.NAME:
            raise ModelError(f"the manifest lists {name[:100]!r}, which is no place inside a model: do not trust it")
    total = sum(file.bytes for file in listed.files.values())
    if total > max_bytes:
        raise ModelError(f"the manifest lists {total} bytes; MODEL_MAX_BYTES={max_bytes}")
    return listed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
