"""A benchmark's page of Markdown: written whole, and shown."""

from __future__ import annotations

from pathlib import Path

from pipelines import artifacts


def write(text: str, path: Path) -> None:
    """Write a page and print it."""
    with artifacts.written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten: {path}")
