"""What a run has found: kept while it goes on, then as medians in tables."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import reports
from benchmarks.environments import ROOT
from benchmarks.serving.contestants import EVERYONE, OURS
from benchmarks.serving.load import COLUMNS, LOADS
from pipelines import artifacts

RESULTS = ROOT / "benchmarks" / "results" / "serving.json"
PAGE = Path(__file__).with_name("RESULTS.md")
PREFACE = """# Serving, beside what one would pick instead

Written by `python -m benchmarks.serving`: {when}, commit {commit}, model `{model}`.
{machine}; load average {busy} at the start.
{workers} processes hold the model in each; request logs are off; medians of {rounds} rounds of {seconds} s a load,
after 1 s of warming up.

- All load the same SavedModel, and are timed only if they return its probabilities (within 0.0001) for 512 invented
  tweets, asked one by one, 32 at a time, and in batches of 64. Those tweets are then sent in turn.
- One contestant runs at a time: started, checked, driven, ended, then the next, round after round. Some take CPU while
  they are idle, and shared pages would make the memory of each look smaller.
- TensorFlow has its own settings in all but ours, which gives each process its share of the cores.
- wrk asks again on a connection only when it has its answer, so a slow server is asked less often: p50 and p99 look
  better than to clients that do not wait for one another (coordinated omission). wrk runs on the servers' cores.
- `ours ÷` is ours divided by that contestant's figure, from the same run.
"""


class Run:
    """The turns of one run, written to a file after each.

    Args:
        options: of the command line.
        versions: by contestant's name.
    """

    def __init__(self, options: argparse.Namespace, versions: dict[str, str]):
        self.contestants = options.contestants
        settings = {name: getattr(options, name) for name in ("workers", "seconds", "model")}
        self.about = settings | {"commit": _commit(), "versions": versions}
        self.turns: dict[str, dict] = {}
        self.start = {"when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "busy": f"{os.getloadavg()[0]:.2f}"}
        if options.resume and RESULTS.exists():
            kept = json.loads(RESULTS.read_text())
            if kept["about"] == self.about:
                self.turns, self.start = kept["turns"], kept["start"]

    def has(self, number: int, name: str) -> bool:
        """Whether a turn has been taken, in this run or in the one that it goes on with."""
        return f"{number} {name}" in self.turns

    def add(self, number: int, name: str, found: dict) -> None:
        """Keep a turn."""
        self.turns[f"{number} {name}"] = found
        RESULTS.parent.mkdir(exist_ok=True)
        artifacts.write_json(RESULTS, {"about": self.about, "start": self.start, "turns": self.turns})
        rates = [f"{each['requests_per_second']:.0f}" for each in found.get("loads", {}).values()]
        print(f"round {number + 1}, {name}: {found.get('wrong') or ' '.join(rates) + ' requests/s'}", flush=True)

    def finish(self) -> None:
        """Print the tables; write them to the page where everyone has taken part."""
        page = self.preface() + tables(self.turns)
        if {each.name for each in self.contestants} == set(EVERYONE):
            reports.write(page, PAGE)
        else:
            print(page)

    def preface(self) -> str:
        """Where, when and with which settings."""
        manifest = json.loads((Path(self.about["model"]) / "manifest.json").read_text())
        rounds = 1 + max(int(key.split()[0]) for key in self.turns)
        about = self.about | self.start | {"model": manifest["model_version"], "rounds": rounds}
        lines = [
            f"| {each.name} | {self.about['versions'][each.name]} | {each.settings.format(**self.about)} |"
            for each in self.contestants
        ]
        head = PREFACE.format(machine=_machine(), **about)
        return "\n".join([head, "| contestant | versions | settings |", "|---|---|---|", *lines, ""])


def tables(turns: dict[str, dict]) -> str:
    """A table for each load, and one of memory and start."""
    found = _by_contestant(turns)
    parts = [
        _table(load.name, {name: [turn["loads"][load.name] for turn in each] for name, each in found.items()}, COLUMNS)
        for load in LOADS
    ]
    parts.append(_table("Memory and start", found, ("memory_mib", "worker_mib", "cold_start_s")))
    parts.append(
        "`memory_mib` is the proportional set size of all processes of a contestant, `worker_mib` the mean of those\n"
        "that hold the model; `cold_start_s` is from the start to the first right answer."
    )
    wrong = {key.split(" ", 1)[1]: turn["wrong"] for key, turn in turns.items() if "wrong" in turn}
    parts += [f"**{name} was not timed**: {message}" for name, message in wrong.items()]
    return "\n\n".join(["", *parts]) + "\n"


def _by_contestant(turns: dict[str, dict]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for key, turn in turns.items():
        if "wrong" not in turn:
            found.setdefault(key.split(" ", 1)[1], []).append(turn)
    return found


def _table(title: str, found: dict[str, list[dict]], columns: tuple[str, ...]) -> str:
    """Medians, and ours divided by each."""
    medians = {
        name: {column: statistics.median(turn[column] for turn in turns) for column in columns}
        for name, turns in found.items()
    }
    ratios = columns[: -1 if columns[-1] == "errors" else None]
    head = ["", *columns, *(f"ours ÷, {column}" for column in ratios if OURS.name in medians)]
    lines = [f"## {title}", "", "| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, own in medians.items():
        cells = [_figure(own[column]) for column in columns]
        if OURS.name in medians:
            cells += [f"{medians[OURS.name][column] / own[column]:.2f}" if own[column] else "" for column in ratios]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def _commit() -> str:
    ask = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(ask, capture_output=True, text=True).stdout.strip() or "unknown"


def _machine() -> str:
    name = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    processor = name[1] if name else platform.machine()
    return f"{cores} cores ({processor}), {memory:.0f} GiB, Python {platform.python_version()}"
