"""A file on the network: its address, what is known of it, and whether it can be had now."""

from __future__ import annotations

import http.client
import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass

SENTIMENT140_URL = "http://cs.stanford.edu/people/alecmgo/trainingandtestdata.zip"
SENTIMENT140_BYTES = 81_363_704
SENTIMENT140_SHA256 = "004a3772c8a7ff9bbfeb875880f47f0679d93fc63e5cf9cff72d54a8a6162e57"


class DownloadError(OSError):
    """The file could not be had; the message says why and what to do."""


@dataclass(frozen=True)
class Remote:
    """A file to fetch: its address and, where they are known, its size and SHA-256."""

    url: str
    bytes: int | None = None
    sha256: str | None = None


def sentiment140() -> Remote:
    """The official zip, or what SENTIMENT140_URL (and _BYTES, _SHA256) name instead, such as a mirror."""
    size = os.environ.get("SENTIMENT140_BYTES")
    return Remote(
        url=os.environ.get("SENTIMENT140_URL") or SENTIMENT140_URL,
        bytes=int(size) if size else SENTIMENT140_BYTES,
        sha256=os.environ.get("SENTIMENT140_SHA256") or SENTIMENT140_SHA256,
    )


def answers(remote: Remote, *, seconds: float) -> str | None:
    """Ask, within so many seconds, whether a file can be had; returns None if so, else why not."""
    outcome: list[str | None] = [f"no answer within {seconds:g} seconds"]

    def ask() -> None:
        try:
            with urllib.request.urlopen(remote.url, timeout=seconds):
                outcome[0] = None
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome[0] = why(error)

    # A name server that does not answer is waited for outside the reach of any timeout: hence a thread.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0]


def why(error: Exception) -> str:
    """A network error in a few words."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP status {error.code} ({error.reason})"
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)
