"""One part of a benchmark in a process of its own, so that neither its memory nor what it imports is another's."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipelines import artifacts


def add_arguments(parser: argparse.ArgumentParser, *, parts: Iterable[str]) -> None:
    """Let a benchmark be asked for one of its parts: `--alone PART --out FILE`."""
    parser.add_argument("--alone", choices=list(parts), help="only this part, its figures as JSON into --out")
    parser.add_argument("--out", type=Path, default=Path("figures.json"), help="default: %(default)s")


def figures(module: str, part: str, *arguments: object, **environment: str) -> dict:
    """What a part of a benchmark finds.

    Args:
        module: of the benchmark, which has taken `add_arguments`.
        part: its name.
        arguments: others of the command line.
        environment: variables that differ.

    Raises:
        CalledProcessError: it failed; what it said stands above.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "figures.json"
        command = [sys.executable, "-m", module, "--alone", part, "--out", str(path), *map(str, arguments)]
        subprocess.run(command, check=True, cwd=artifacts.ROOT, env=os.environ | environment)
        return artifacts.read_json(path)
