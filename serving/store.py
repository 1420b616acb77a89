"""Where the weights are: turns MODEL_URI into a verified local folder.

What comes from elsewhere is fetched beside the last good one and takes its place only once it has answered.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from serving import allow, manifest, remote
from serving.manifest import ModelError
from serving.settings import Settings

log = logging.getLogger("serving.store")
_LOAD_SECONDS = 600  # no process takes longer from being given a folder to having loaded it


@functools.cache  # the master resolves it before it forks, so that all workers load the same files at the start
def folder(settings: Settings) -> Path:
    """The verified local folder to start with: what MODEL_URI names or, where that cannot be had, the last good one.

    Raises:
        ModelError: there is no such model, it may not be read, or it is not what its manifest says.
    """
    try:
        return fetch(settings)
    except ModelError as error:
        last = last_good(settings)
        if last is None:
            raise
        log.warning("%s; going on with %s, which was fetched before", error, manifest.read(last).model_version)
        return last


def fetch(settings: Settings) -> Path:
    """The verified local folder of what MODEL_URI names now.

    Raises:
        ModelError: there is no such model, it may not be read, or it is not what its manifest says.
    """
    if _is_here(settings):
        manifest.verify(_local(settings))
        return _local(settings)
    place = _place(settings)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place):
            for left_over in place.glob(".fetching-*"):  # of a process that was killed: no other fetches now
                shutil.rmtree(left_over, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place) as temporary:
                fetched = _fetch(settings, Path(temporary))
            os.utime(fetched)
            _evict(place, needed=fetched)
            return fetched
    except OSError as error:
        raise ModelError(f"{settings.model_uri} cannot be fetched to {place}: {error}") from None


def digest(settings: Settings) -> str:
    """Which model MODEL_URI names now, by `manifest.digest`; fetches the manifest and nothing else.

    Raises:
        ModelError, OSError: there is no manifest to be had.
    """
    if _is_here(settings):
        return manifest.digest(_local(settings))
    with tempfile.TemporaryDirectory(prefix="look-") as temporary:
        return manifest.digest(remote.fetch(Path(temporary), settings, known=[remote.EVERY]))


def last_good(settings: Settings) -> Path | None:
    """The folder kept last, where MODEL_URI names a place elsewhere and its files are still good."""
    if _is_here(settings):
        return None
    try:
        last = (_place(settings) / "current").resolve(strict=True)
        manifest.verify(last)
    except (ModelError, OSError):
        return None
    with contextlib.suppress(OSError):  # of a cache that cannot be written to: nothing is evicted there
        os.utime(last)
    return last


def keep(settings: Settings, folder: Path) -> None:
    """Remember a fetched folder as the last good one: its model has been loaded and has passed its canary."""
    place = _place(settings)
    if folder.parent != place.resolve():
        return
    try:
        with tempfile.TemporaryDirectory(prefix=".keeping-", dir=place) as temporary:
            link = Path(temporary) / "current"
            link.symlink_to(folder.name)
            os.replace(link, place / "current")
    except OSError as error:
        log.warning("%s is not remembered as the last good model: %s", folder, error)


def _is_here(settings: Settings) -> bool:
    """Whether MODEL_URI names a folder of this machine.

    Raises:
        ModelError: it names nothing, or what may not be read.
    """
    if not settings.model_uri:
        raise ModelError("MODEL_URI is not set: name the folder of an exported model (…/saved_model)")
    allow.check(settings)
    return settings.model_uri.partition(":")[0] not in remote.SCHEMES


def _local(settings: Settings) -> Path:
    return Path(settings.model_uri.removeprefix("file://"))


def _place(settings: Settings) -> Path:
    return settings.model_cache / sha256(settings.model_uri.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process of this machine fetch, and the others find what it has fetched."""
    with (place / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(settings: Settings, temporary: Path) -> Path:
    place = _place(settings)
    good = [folder for folder in place.glob("?" * 16) if _is_good(folder)]  # another process may be loading them
    fetched = remote.fetch(temporary, settings, known=[manifest.digest(folder) for folder in good])
    final = place / manifest.digest(fetched)[:16]
    if final not in good:
        manifest.verify(fetched)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(fetched, final)
    return final.resolve()


def _evict(place: Path, *, needed: Path) -> None:
    """Remove all but this folder, the last good one, and those that another process may be loading."""
    last = (place / "current").resolve()
    for folder in (*place.glob("?" * 16), *place.glob(".keeping-*")):
        with contextlib.suppress(FileNotFoundError):  # a link of `keep` that has taken its place meanwhile
            given = folder.stat().st_mtime
            if folder.resolve() not in (needed, last) and time.time() - given > _LOAD_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _is_good(folder: Path) -> bool:
    """Whether an earlier fetch has left whole files, under the name of their manifest's digest."""
    try:
        manifest.verify(folder)
    except ModelError:
        return False
    return manifest.digest(folder)[:16] == folder.name
