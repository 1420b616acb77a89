"""What a notebook reads: which data set and run it means, made first where it is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from pipelines import artifacts, parameters, stages
from pipelines.record import START_UP_CHATTER

REMARKS = re.compile(r".*\d%\||.*Kernel is running over TCP")  # bars, and what a kernel says of itself
OF_A_CALLING_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


def default_dataset() -> str:
    """The data set that an empty `dataset` means: sentiment140 where it is, else the embedded sample."""
    return "sentiment140" if artifacts.Dataset("sentiment140").source.exists() else "sample"


def ensure(
    *,
    before: str,
    dataset: str = "",
    size: int | str | None = None,
    run: str = "",
    overrides: dict[str, str] | None = None,
) -> artifacts.Dataset | artifacts.Run:
    """Where a notebook reads and writes; what it reads is made first where it is missing, by Make.

    Args:
        before: the notebook that asks, such as "04_train".
        dataset, size, run: its parameters; empty ones mean the defaults.
        overrides: parameters of the run, name → text.

    Returns:
        The data set for a notebook that all runs share, the run for the others.

    Raises:
        subprocess.CalledProcessError: the data set cannot be had, or a stage failed, and has said why.
    """
    found = artifacts.Dataset(dataset or default_dataset())
    if not found.source.exists():
        named = ["--dataset", dataset] if dataset else []
        found = artifacts.Dataset(_output([sys.executable, "-m", "pipelines.dataset.sources", "ensure", *named]))
    if not os.environ.get("PIPELINES_INPUTS_MADE"):
        make(f"before-{before if before in stages.SHARED_BY_RUNS else '03_tokenize'}", found)
    if before in stages.SHARED_BY_RUNS:
        return found
    found_run = found.run(run or stages.run_name(dataset=found, size=size, overrides=overrides or {}))
    if not os.environ.get("PIPELINES_INPUTS_MADE"):
        params = [f"PARAMS={parameters.joined(overrides)}"] if overrides else []
        make(f"before-{before}", found, f"RUN={found_run.name}", *params)
    return found_run


def make(target: str, dataset: artifacts.Dataset, *variables: str) -> None:
    """Have Make make a target for a data set; what a Make that called us was told is not handed on.

    Raises:
        subprocess.CalledProcessError: a stage failed, and has said why.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_A_CALLING_MAKE}
    command = ["make", "-s", target, f"DATASET={dataset.name}", *variables]
    if sys.stderr.isatty() or "ipykernel" not in sys.modules:
        subprocess.run(command, cwd=artifacts.ROOT, env=environment, check=True)
        return
    # In a notebook bars cannot be redrawn, and what libraries remark when they begin is not the reader's concern.
    with subprocess.Popen(
        command, cwd=artifacts.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            for line in process.stdout:  # a bar that is drawn anew ends a line, too
                if line.strip() and not (REMARKS.match(line) or START_UP_CHATTER.match(line)):
                    print(line.rstrip(), flush=True)
        except BaseException:  # the reader interrupts the cell
            process.terminate()
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=artifacts.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
