"""The manifest beside an exported model: what the files must be, checked before TensorFlow sees any of them."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

NAME = "manifest.json"
MAX_BYTES = 2**20  # thousands of files; a SavedModel has a handful
_USER = re.compile(r"(?<=://)[^/?#\s]*@")  # to the last @: a password may hold some


class ModelError(RuntimeError):
    """A model that cannot be served; the message says what is wrong and the way out, and no password."""

    def __init__(self, message: str):
        super().__init__(without_user(message))


class SlowError(ModelError):
    """A model that did not come in time."""


def without_user(said: str) -> str:
    """A message without the names and passwords in its addresses; to be called before it is cut.

    >>> without_user("http://user:secret@mlflow:5000/api does not answer")
    'http://mlflow:5000/api does not answer'
    """
    return _USER.sub("", said)


class File(BaseModel):
    """One file of the export."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=0)


class Canary(BaseModel):
    """A text and the probability that the exporting process computed for it."""

    text: str
    probability: float = Field(ge=0, le=1)


class Manifest(BaseModel):
    """What manifest.json must hold; what else it holds is for others."""

    model_config = ConfigDict(protected_namespaces=(), frozen=True)

    model_version: str = Field(pattern=r"^[A-Za-z0-9._=,+-]{1,200}$")
    labels: tuple[Literal["negative"], Literal["positive"]]
    threshold: float = Field(ge=0, le=1)
    files: dict[str, File] = Field(min_length=1)
    canary: list[Canary] = Field(min_length=1)


def read(folder: Path) -> Manifest:
    """The manifest of a folder.

    Raises:
        ModelError: there is none, or it does not hold what it must.
    """
    if not folder.is_dir():
        ways = "one that `make train` exported (…/saved_model), or models:/…, runs:/… or s3://…"
        raise ModelError(f"MODEL_URI={folder} is not a folder: name {ways}")
    if not (folder / NAME).is_file():
        raise ModelError(f"{folder} has no {NAME}: MODEL_URI must name an exported model (…/saved_model)")
    if (size := (folder / NAME).stat().st_size) > MAX_BYTES:
        raise ModelError(f"{folder / NAME} has {size} bytes; at most {MAX_BYTES} are read: do not trust it")
    try:
        return Manifest.model_validate_json((folder / NAME).read_bytes())
    except OSError as error:
        raise ModelError(f"{folder / NAME} cannot be read: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "/".join(map(str, first["loc"])) or "file"
        raise ModelError(f"{folder / NAME} is not a manifest ({where}: {first['msg']}): export the run again") from None


def digest(folder: Path) -> str:
    """What tells one model from another: the SHA-256 of the manifest, which holds those of all files."""
    return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def verify(folder: Path) -> Manifest:
    """Check that a folder holds exactly the files of its manifest.

    Raises:
        ModelError: a file is missing, different, too much, outside the folder, or cannot be read.
    """
    try:
        return _verify(folder)
    except OSError as error:
        raise ModelError(f"{folder} cannot be read: {error}") from None


def _verify(folder: Path) -> Manifest:
    manifest = read(folder)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()} - {
        NAME
    }
    unlisted = sorted(found - set(manifest.files))
    if unlisted:
        raise ModelError(
            f"{folder} holds {unlisted[0]}, which its manifest does not list: fetch or export the model again"
        )
    for name, expected in manifest.files.items():
        _verify_file(folder, name, expected)
    return manifest


def _verify_file(folder: Path, name: str, expected: File) -> None:
    path = folder / name
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or _leads_out(folder, path):
        raise ModelError(f"{folder / NAME} lists {name}, which lies outside the folder: do not trust this model")
    if not path.is_file():
        raise ModelError(f"{path} is missing: fetch or export the model again")
    size = path.stat().st_size
    if size != expected.bytes:
        raise ModelError(f"{path} has {size} bytes, not the {expected.bytes} of its manifest: fetch or export it again")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != expected.sha256:
        raise ModelError(
            f"{path} has SHA-256 {digest[:12]}…, not {expected.sha256[:12]}…: fetch or export the model again"
        )


def _leads_out(folder: Path, path: Path) -> bool:
    return not path.resolve().is_relative_to(folder.resolve())
