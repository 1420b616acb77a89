"""Fetch one file over HTTP: resumed after a break, checked, and put in place whole.

What has arrived is kept as `NAME.part` beside the target, so that a later process goes on from there as well.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from pipelines import artifacts
from pipelines.dataset.remote import DownloadError, Remote, why

ATTEMPTS = 5
READ_TIMEOUT_SECONDS = 30.0
LONGEST_PAUSE_SECONDS = 30.0
BLOCK_BYTES = 1 << 18


class _TryAgainError(Exception):
    """This attempt failed, the next may not; `pause` is what the server asks for, in seconds."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def download(remote: Remote, target: Path, *, pause_seconds: float = 1.0) -> None:
    """Fetch a file to `target`.

    Args:
        remote: what to fetch.
        target: where to; its folder is made. `target` appears only when size and SHA-256 are right.
        pause_seconds: before the second attempt; doubled before each further one.

    Raises:
        DownloadError: the server refuses, the file is not the expected one, or five attempts in a row brought nothing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part, failures, furthest = _part(target), 0, 0
    while True:
        try:
            _attempt(remote, part)
            _check(remote, part)
            os.replace(part, target)
            _validator(part).unlink(missing_ok=True)
            return
        except _TryAgainError as problem:
            arrived = part.stat().st_size if part.exists() else 0
            failures = 1 if arrived > furthest else failures + 1
            furthest = max(furthest, arrived)
            if failures >= ATTEMPTS:
                raise DownloadError(
                    f"{remote.url}: {problem}; given up after {failures} attempts, {arrived:,} bytes are kept in "
                    f"{part} and the same command goes on from there"
                ) from problem
            pause = min(problem.pause or pause_seconds * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
            tqdm.write(f"{problem}: again in {pause:g} s (attempt {failures + 1} of {ATTEMPTS})", file=sys.stderr)
            time.sleep(pause)


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _validator(part: Path) -> Path:
    """Holds what the server called the version of the file that `part` is a piece of."""
    return part.with_name(f"{part.name}.json")


def _attempt(remote: Remote, part: Path) -> None:
    """One request: append to `part` what it lacks."""
    known = _known_version(remote, part)
    have = part.stat().st_size if known else 0
    headers = {"Range": f"bytes={have}-", "If-Range": known} if have else {}
    try:
        request = urllib.request.Request(remote.url, headers={"Accept-Encoding": "identity", **headers})
        with urllib.request.urlopen(request, timeout=READ_TIMEOUT_SECONDS) as response:
            resumed = response.status == 206 and _range_start(response) == have
            if response.status == 206 and not resumed:
                part.unlink()
                raise _TryAgainError("the server sent another part than the one asked for")
            _receive(remote, response, part, have=have if resumed else 0)
    except urllib.error.HTTPError as error:
        _on_status(error, remote, part)
    except DownloadError:
        raise
    except (OSError, http.client.HTTPException) as error:
        if isinstance(getattr(error, "reason", None), socket.gaierror):
            way_out = "is there a network? A copy of yours will do: make data FROM=path"
            raise DownloadError(f"{remote.url}: {why(error)}; {way_out}") from error
        raise _TryAgainError(why(error)) from error
    except ValueError as error:
        raise DownloadError(f"{remote.url!r} is no address that can be fetched: {error}") from error


def _known_version(remote: Remote, part: Path) -> str | None:
    """What to send as If-Range; None when there is nothing that can be gone on from."""
    if not (part.exists() and part.stat().st_size and _validator(part).exists()):
        return None
    known = json.loads(_validator(part).read_text())
    same = known.get("url") == remote.url and known.get("version")
    return known["version"] if same and part.stat().st_size < (remote.bytes or 1 << 62) else None


def _range_start(response: http.client.HTTPResponse) -> int:
    value = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(value) if value.isdigit() else -1


def _receive(remote: Remote, response: http.client.HTTPResponse, part: Path, *, have: int) -> None:
    length = response.headers.get("Content-Length", "")
    total = have + int(length) if length.isdigit() else remote.bytes
    if remote.bytes and total != remote.bytes:
        raise DownloadError(f"{remote.url}: the server offers {total:,} bytes, the file has {remote.bytes:,}")
    strong = (response.headers.get("ETag") or "").startswith('"')
    version = response.headers["ETag"] if strong else response.headers.get("Last-Modified")
    artifacts.write_json(_validator(part), {"url": remote.url, "version": version})
    with (
        part.open("ab" if have else "wb") as file,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem) as progress,
    ):
        while block := response.read(BLOCK_BYTES):
            file.write(block)
            progress.update(len(block))
        received = file.tell()
    if total is not None and received < total:
        raise _TryAgainError(f"the connection broke off at {received:,} of {total:,} bytes")


def _on_status(error: urllib.error.HTTPError, remote: Remote, part: Path) -> None:
    if error.code == 416:  # what is there is no beginning of what the server has
        part.unlink(missing_ok=True)
        raise _TryAgainError("the server has nothing after the part that is here; from the beginning") from error
    if error.code in (408, 429) or error.code >= 500:
        after = error.headers.get("Retry-After", "")
        raise _TryAgainError(why(error), float(after) if after.isdigit() else None) from error
    raise DownloadError(f"{remote.url}: {why(error)}") from error


def _check(remote: Remote, part: Path) -> None:
    size = part.stat().st_size
    if remote.bytes and size != remote.bytes:
        part.unlink()
        raise DownloadError(f"{remote.url}: {size:,} bytes came, the file has {remote.bytes:,}; what came is removed")
    if remote.sha256 and (found := artifacts.sha256(part)) != remote.sha256:
        part.unlink()
        raise DownloadError(
            f"{remote.url}: SHA-256 {found} instead of {remote.sha256}; what came is removed. If you trust the file, "
            "fetch it yourself: make data FROM=path-to-it"
        )
