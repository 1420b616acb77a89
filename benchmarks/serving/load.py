"""Load on one server, by wrk."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.contestants import Contestant

SCRIPT = Path(__file__).with_name("wrk.lua")
COLUMNS = ("requests_per_second", "p50_ms", "p99_ms", "errors")


@dataclass(frozen=True)
class Load:
    """So many connections, each with one request under way at any time, of so many texts."""

    name: str
    connections: int
    texts: int = 1


LOADS = (
    Load("1 connection", 1),
    Load("8 connections", 8),
    Load("64 connections", 64),
    Load("256 connections", 256),
    Load("8 connections, 64 texts a request", 8, texts=64),
)


def drive(address: str, load: Load, *, contestant: Contestant, texts: list[str], seconds: int) -> dict[str, float]:
    """Requests/s, p50 and p99 in ms, and errors of one round."""
    make = contestant.one if load.texts == 1 else contestant.many
    bodies = [json.dumps(make(texts[i : i + load.texts])) for i in range(0, len(texts), load.texts)]
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("\n".join(bodies))
        file.flush()
        command = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s"]
        command += ["-s", str(SCRIPT), address, "--", file.name]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    requests, duration, p50, p99, errors = map(int, re.search(r"RESULT (.*)", output)[1].split())
    return dict(zip(COLUMNS, (requests / duration * 1e6, p50 / 1e3, p99 / 1e3, errors), strict=True))
