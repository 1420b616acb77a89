"""Where the weights are: turns MODEL_URI into a verified local folder.

What comes from elsewhere is fetched beside the last good one and takes its place only once it has answered.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import math
import os
import shutil
import stat
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
_START_SECONDS = 20  # for a source, where there is a model to start with meanwhile
_given_up = False


@functools.cache  # the master resolves it before it forks, so that all workers load the same files at the start
def folder(settings: Settings) -> Path:
    """The verified local folder to start with: what MODEL_URI names or, where that cannot be had, the last good one.

    Raises:
        ModelError: there is no such model, it may not be read, or it is not what its manifest says.
    """
    global _given_up
    try:
        return fetch(settings, seconds=math.inf if _kept(settings) is None else _START_SECONDS)
    except ModelError as error:
        last = last_good(settings)
        if last is None:
            raise
        _given_up = isinstance(error, manifest.SlowError)
        log.warning("%s; going on with %s, which was fetched before", error, manifest.read(last).model_version)
        return last


def given_up() -> bool:
    """Whether the start has not waited for a slow source: it may have more by now."""
    return _given_up


def fetch(settings: Settings, *, seconds: float = math.inf) -> Path:
    """The verified local folder of what MODEL_URI names now, within `seconds`, where the settings allow more.

    Raises:
        ModelError: there is no such model, it may not be read, or it is not what its manifest says.
    """
    if _is_here(settings):
        manifest.verify(_local(settings))
        return _local(settings)
    place = _place(settings)
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(place)
        with _alone(place):
            _evict(place)  # before, or a disk that is full stays so
            for left_over in place.glob(".fetching-*"):  # of a process that was killed: no other fetches now
                shutil.rmtree(left_over, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place) as temporary:
                fetched = _fetch(settings, Path(temporary), seconds=seconds)
            os.utime(fetched)
            (place / ".seen").unlink(missing_ok=True)
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
    with contextlib.ExitStack() as alone:
        seen = _place(settings) / ".seen"
        with contextlib.suppress(OSError):  # where there is no cache, or none that can be written to
            alone.enter_context(_alone(seen.parent))
        with contextlib.suppress(OSError):  # another worker may have looked just now
            if 0 <= time.time() - seen.stat().st_mtime < settings.model_poll_seconds / 2:
                return seen.read_text()
        with tempfile.TemporaryDirectory(prefix="look-") as temporary:
            found = manifest.digest(remote.fetch(Path(temporary), settings, known=[remote.EVERY]))
        with contextlib.suppress(OSError):
            seen.write_text(found)
        return found


def last_good(settings: Settings) -> Path | None:
    """The folder kept last, where MODEL_URI names a place elsewhere and its files are still good."""
    last = _kept(settings)
    with contextlib.suppress(OSError):  # of a cache that cannot be written to: nothing is evicted there
        if last:
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


def _kept(settings: Settings) -> Path | None:
    if _is_here(settings):
        return None
    try:
        _check_owner(_place(settings))
        last = (_place(settings) / "current").resolve(strict=True)
    except (ModelError, OSError):
        return None
    return last if _is_good(last) else None


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


def _check_owner(place: Path) -> None:
    # In /tmp, and what is like it, another user may have been first. Elsewhere a volume may show any owner.
    shared = any(folder.stat().st_mode & stat.S_ISVTX for folder in place.parents[:2])
    if shared and place.stat().st_uid != os.geteuid():
        raise ModelError(f"{place} belongs to another user: set MODEL_CACHE to a folder of your own")


def _place(settings: Settings) -> Path:
    return settings.model_cache / sha256(settings.model_uri.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process of this machine fetch, and the others find what it has fetched."""
    with (place / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch(settings: Settings, temporary: Path, *, seconds: float) -> Path:
    place = _place(settings)
    good = [folder for folder in place.glob("?" * 16) if _is_good(folder)]  # another process may be loading them
    fetched = remote.fetch(temporary, settings, known=[manifest.digest(one) for one in good], seconds=seconds)
    final = place / manifest.digest(fetched)[:16]
    if final not in good:
        manifest.verify(fetched)
        shutil.rmtree(final, ignore_errors=True)
        os.replace(fetched, final)
    return final.resolve()


def _evict(place: Path) -> None:
    last = (place / "current").resolve()  # it stays, and so does what a process may be loading
    for folder in (*place.glob("?" * 16), *place.glob(".keeping-*")):
        with contextlib.suppress(FileNotFoundError):  # a link of `keep` that has taken its place meanwhile
            given = folder.stat().st_mtime
            if folder.resolve() != last and time.time() - given > _LOAD_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _is_good(folder: Path) -> bool:
    """Whether an earlier fetch has left whole files, under the name of their manifest's digest."""
    try:
        manifest.verify(folder)
    except ModelError:
        return False
    return manifest.digest(folder)[:16] == folder.name
