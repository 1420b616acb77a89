"""Health checks from a process of their own: `python -m benchmarks.faults.health PORT SECONDS` prints them as JSON.

Taken in the process that makes the load they would wait for its event loop, and the service would be blamed for it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from http.client import HTTPConnection

from benchmarks.faults.honest import percentile

PATHS = ("/livez", "/readyz")
PAUSE = 0.05


def watch(port: int, seconds: float) -> dict:
    """Statuses and milliseconds of each path on one kept connection, and how late a sleep of this process wakes up."""
    found = {path: {"statuses": Counter(), "milliseconds": []} for path in PATHS}
    connections = {path: HTTPConnection("127.0.0.1", port, timeout=30) for path in PATHS}
    late, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        for path in PATHS:
            started = time.perf_counter()
            found[path]["statuses"][_status(connections[path], path)] += 1
            found[path]["milliseconds"].append(1000 * (time.perf_counter() - started))
        asleep = time.perf_counter()
        time.sleep(PAUSE)
        late.append(1000 * (time.perf_counter() - asleep - PAUSE))
    return found | {"late": late}


def _status(connection: HTTPConnection, path: str) -> int:
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        connection.close()  # the next call opens it again
        return 0


async def watched(port: int, seconds: float) -> str:
    """What such a process saw, in a line."""
    command = [sys.executable, "-m", "benchmarks.faults.health", str(port), str(seconds)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    found = json.loads((await process.communicate())[0])
    parts = [f"{path} {found[path]['statuses']}, {_times(found[path]['milliseconds'])}" for path in PATHS]
    return f"{'; '.join(parts)}; a sleep of the watching process wakes up late by {_times(found['late'])}"


def _times(milliseconds: list[float]) -> str:
    return f"p50 {percentile(milliseconds, 0.5):.0f} ms, p99 {percentile(milliseconds, 0.99):.0f} ms"


if __name__ == "__main__":
    json.dump(watch(int(sys.argv[1]), float(sys.argv[2])), sys.stdout)
