"""The faults of where the model comes from, and reloads under load, which are none."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.faults.honest import Honest
from benchmarks.faults.service import Service, running
from benchmarks.faults.sources import VERSIONS, Store, point, store, versions_of

RELOADS = 10
# A file system of this size, seen by the service alone; it needs no rights beyond user namespaces.
_SMALL_DISK = 'mount -t tmpfs -o size="$DISK_BYTES" tmpfs "$DISK" && mkdir "$DISK/cache" "$DISK/tmp" && exec "$@"'


@dataclass
class Place:
    """A service and where its model comes from.

    Attributes:
        service: that is ready.
        versions: two versions of the model.
        link: what MODEL_URI names, where that is a folder.
        source: where it is in a store.
        variables: that the service was started with.
        disk: of its cache and temporary files, where that is a small one of its own.
    """

    service: Service
    versions: dict[str, Path]
    link: Path | None = None
    source: Store | None = None
    variables: dict[str, str] = field(default_factory=dict)
    disk: Path | None = None


@asynccontextmanager
async def in_a_folder() -> AsyncIterator[Place]:
    """Behind a link, so that another version takes the place at one instant."""
    with tempfile.TemporaryDirectory() as folder:
        versions = versions_of(Path(os.environ["MODEL_URI"]), Path(folder))
        link = Path(folder) / "model"
        point(link, versions[VERSIONS[0]])
        async with running(MODEL_URI=str(link)) as service:
            yield Place(service, versions, link=link)


async def reloads(place: Place) -> str:
    async with Honest(place.service) as honest:
        for number in range(1, RELOADS + 1):
            version = VERSIONS[number % 2]
            point(place.link, place.versions[version])
            place.service.process.send_signal(signal.SIGHUP)
            await place.service.until(f'serving_model{{model_version="{version}"}}', 2)
            await asyncio.sleep(0.5)
    told = ", ".join(f"{count:,} by the {version}" for version, count in sorted(honest.versions.items()))
    return f"{RELOADS} reloads of both workers, from one version to the other and back: {honest}; {told}"


async def folder_gone(place: Place) -> str:
    async with Honest(place.service) as honest:
        shutil.rmtree(place.link.resolve())
        await _fail_to_reload(place.service)
    return f"both workers count a failed reload, the model in use stays: {honest}"


@asynccontextmanager
async def in_a_store() -> AsyncIterator[Place]:
    """In S3. Cache and temporary files are on a disk that holds one model and a half."""
    with tempfile.TemporaryDirectory() as folder, store() as source:
        model = Path(os.environ["MODEL_URI"])
        versions, disk = versions_of(model, Path(folder)), Path(folder) / "disk"
        disk.mkdir()
        source.upload(versions[VERSIONS[0]])
        size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
        variables = {"MODEL_URI": source.URI, "DISK": str(disk), "DISK_BYTES": str(int(1.5 * size))}
        variables |= source.variables | {"MODEL_CACHE": str(disk / "cache"), "TMPDIR": str(disk / "tmp")}
        prefix = ("unshare", "--map-root-user", "--mount", "sh", "-c", _SMALL_DISK, "sh")
        async with running(prefix=prefix, **variables) as service:
            seen = Path(f"/proc/{service.process.pid}/root") / disk.relative_to("/")
            yield Place(service, versions, source=source, variables=variables, disk=seen)


async def cache_full(place: Place) -> str:
    async with Honest(place.service) as honest:
        place.source.upload(place.versions[VERSIONS[1]])
        await _fail_to_reload(place.service)
    return f"no room for a second model: both workers count a failed reload, the model in use stays: {honest}"


async def figures_full(place: Place) -> str:
    """Not a byte fits on the disk of the folder through which workers share their figures."""
    async with Honest(place.service) as honest:
        filler = _fill(place.disk)
        victim = place.service.workers()[0]
        victim.kill()
        await asyncio.sleep(10)
        died = place.service.log.read_text().count("SIGBUS")
        meanwhile = str(honest)
        filler.unlink()
        seconds = await place.service.replaced(victim)
    return (
        f"a worker is killed then, and {died} in its place end with SIGBUS within 10 s; the other one goes on: "
        f"{meanwhile}; two workers again {seconds:.1f} s after there is room"
    )


async def store_gone(place: Place) -> str:
    async with Honest(place.service) as honest:
        place.source.stop()
        await _fail_to_reload(place.service)
        victim = place.service.workers()[0]
        victim.kill()
        replaced = await place.service.replaced(victim)
    cache = Path(tempfile.mkdtemp())
    shutil.copytree(place.disk / "cache", cache, symlinks=True, dirs_exist_ok=True)
    async with running(**place.variables | {"MODEL_CACHE": str(cache), "TMPDIR": ""}) as another:
        again = (await another.ask_once()).status
    shutil.rmtree(cache)
    return (
        f"the server is stopped: both workers count a failed reload, the model in use stays, and a worker killed then "
        f"is replaced after {replaced:.1f} s: {honest}; a service started anew with this cache answers {again}"
    )


def _fill(disk: Path) -> Path:
    """Write a file until nothing more fits."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return path


async def _fail_to_reload(service: Service) -> None:
    before = await service.metric("serving_failed_reloads_total")
    service.process.send_signal(signal.SIGHUP)
    await service.until("serving_failed_reloads_total", before + 2)
    await asyncio.sleep(1)


Cause = Callable[[Place], Awaitable[str]]
IN_A_FOLDER: dict[str, Cause] = {
    f"{RELOADS} reloads under load": reloads,
    "the model's folder is gone at a reload": folder_gone,
}
IN_A_STORE: dict[str, Cause] = {
    "the disk of the cache is full": cache_full,
    "the disk of the shared figures is full": figures_full,
    "the model's S3 server is gone": store_gone,
}
