"""The machine that a benchmark runs on: what it is, what it can do, what a process has taken of it."""

from __future__ import annotations

import datetime
import os
import platform
import resource
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from pipelines import tracking


def processor() -> str:
    """The model name of the processor, as Linux knows it, else what Python says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def about() -> str:
    """Date, commit, machine and how busy it is, for the head of a report."""
    state = tracking.git_state()
    commit = f"commit `{state['git_commit'][:10]}`" + (" with changes" if state["git_dirty"] == "true" else "")
    return (
        f"{datetime.date.today()}, {commit}, {processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, load average {os.getloadavg()[0]:.1f}"
    )


def peak_memory() -> float:
    """The most memory that this process has held, in MB.

    As Linux shows it: what `getrusage` says begins with the most that the parent had held.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    [most] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
    return most / 1024


class OwnMemory(threading.Thread):
    """Watches how much memory this process holds of its own, without the files that it maps: `peak`, in MB.

    What is mapped counts as resident too, but its pages are given up wherever another wants the room.
    """

    SECONDS_BETWEEN = 0.02

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self._over = threading.Event()

    def __enter__(self) -> OwnMemory:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        process = psutil.Process()
        while True:
            held = process.memory_info()
            self.peak = max(self.peak, (held.rss - getattr(held, "shared", 0)) / 2**20)
            if self._over.wait(self.SECONDS_BETWEEN):
                return


def matrix_product_peak(side: int = 4096) -> float:
    """FLOP/s of a float32 matrix product on all cores: the best of ten."""
    left, right = (np.random.default_rng(n).random((side, side), np.float32) for n in range(2))
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started)
    return 2 * side**3 / min(seconds)
