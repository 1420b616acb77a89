"""What a notebook reads: which data set and run it means, made first where it is missing."""

from __future__ import annotations

import os
import subprocess
import sys

from pipelines import artifacts, parameters, stages

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
    """
    if not dataset and not artifacts.Dataset(default_dataset()).source.exists():
        dataset = _output([sys.executable, "-m", "pipelines.dataset.sources", "ensure"])
    found = artifacts.Dataset(dataset or default_dataset())
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
    subprocess.run(command, cwd=artifacts.ROOT, env=environment, check=True)


def _output(command: list[str]) -> str:
    return subprocess.run(command, cwd=artifacts.ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
