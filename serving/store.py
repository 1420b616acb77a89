"""Where the weights are: turns MODEL_URI into a verified local folder."""

from __future__ import annotations

from pathlib import Path

from serving import manifest
from serving.manifest import ModelError


def folder(uri: str) -> Path:
    """The verified local folder of a model.

    Args:
        uri: a path, or file:// with one.

    Raises:
        ModelError: there is no such model, or it is not what its manifest says.
    """
    if not uri:
        raise ModelError("MODEL_URI is not set: name the folder of an exported model (…/saved_model)")
    local = Path(uri.removeprefix("file://"))
    manifest.verify(local)
    return local
