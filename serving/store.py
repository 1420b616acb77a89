"""Where the weights are: turns MODEL_URI into a verified local folder.

What comes from elsewhere is fetched beside the last good one and takes its place only once it has been verified.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import shutil
import tempfile
from pathlib import Path

from serving import allow, manifest, remote
from serving.manifest import ModelError
from serving.settings import Settings

log = logging.getLogger("serving.store")


@functools.cache  # the master resolves it before it forks, so that all workers load the same files
def folder(settings: Settings) -> Path:
    """The verified local folder of the model that `settings.model_uri` names.

    Raises:
        ModelError: there is no such model, it may not be read, or it is not what its manifest says.
    """
    uri = settings.model_uri
    if not uri:
        raise ModelError("MODEL_URI is not set: name the folder of an exported model (…/saved_model)")
    allow.check(settings)
    if uri.partition(":")[0] not in remote.SCHEMES:
        local = Path(uri.removeprefix("file://"))
        manifest.verify(local)
        return local
    return _through_cache(uri, settings)


def _through_cache(uri: str, settings: Settings) -> Path:
    place = settings.model_cache / hashlib.sha256(uri.encode()).hexdigest()[:16]
    try:
        place.mkdir(parents=True, exist_ok=True)
        return _fetch(place, settings)
    except (ModelError, OSError) as error:
        try:
            last_good = (place / "current").resolve(strict=True)
            version = manifest.verify(last_good).model_version
        except (ModelError, OSError):
            raise ModelError(str(error)) from None
        log.warning("%s; going on with %s, which was fetched before", error, version)
        return last_good


def _fetch(place: Path, settings: Settings) -> Path:
    temporary = Path(tempfile.mkdtemp(prefix=".fetching-", dir=place))
    try:
        fetched = remote.fetch(temporary, settings)
        manifest.verify(fetched)
        digest = hashlib.sha256((fetched / manifest.NAME).read_bytes()).hexdigest()[:16]
        final = place / digest
        if not _is_good(final):
            shutil.rmtree(final, ignore_errors=True)
            os.replace(fetched, final)
        (temporary / "current").symlink_to(digest)
        os.replace(temporary / "current", place / "current")
        return final
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_good(folder: Path) -> bool:
    """Whether an earlier fetch has left the same files; another process may be loading them, so they stay."""
    try:
        manifest.verify(folder)
    except ModelError:
        return False
    return True
