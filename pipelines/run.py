"""Execute one notebook, strictly: `python -m pipelines.run 04_train -p size 200000 -p epochs 2`.

Parameters are checked before a kernel starts. The executed notebook takes its place only when every cell has run; a
failure keeps `failed-NN_name.ipynb`. Notebook, HTML report and figures go to MLflow either way.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import resource
import sys
import time
import warnings
from pathlib import Path

from pipelines import artifacts, parameters, record, stages, tracking
from pipelines.inputs import default_dataset


def plan(notebook: str, given: dict[str, str], overrides: dict[str, str]) -> tuple[stages.Stage, dict[str, object]]:
    """Check everything that can be checked without a kernel, and say where the execution goes.

    Args:
        notebook: name, number or path.
        given: parameters of this notebook, as text.
        overrides: parameters of the run; those that this notebook does not have are left to the others.

    Raises:
        ParameterError: see `parameters.check` and `stages.run_name`.
    """
    name = stages.find(notebook)
    known = parameters.read(stages.notebooks_folder() / f"{name}.ipynb")
    mine = {key: text for key, text in overrides.items() if key in known}
    values = parameters.check({**mine, **given}, known, where=name)
    dataset = artifacts.Dataset(str(values.get("dataset") or default_dataset()))
    values["dataset"] = dataset.name
    if name in stages.SHARED_BY_RUNS:
        return stages.Stage(name, dataset.folder), values
    if not values.get("run"):
        shared = tuple(known) if name in stages.AFTER_A_RUN else ("dataset", "size", "run")
        own = {key: text for key, text in given.items() if key not in shared}
        values["run"] = stages.run_name(dataset=dataset, size=values.get("size"), overrides={**overrides, **own})
    if "size" in known:
        values["size"] = known["size"].parse(str(values["run"]).split("_")[0])
    run = dataset.run(str(values["run"]))
    folder = run.monitor(str(values.get("new", ""))) if name == stages.OF_A_FILE else run.folder
    return stages.Stage(name, folder), values


def execute(stage: stages.Stage, values: dict[str, object], *, inputs: list[Path], made: bool = False) -> None:
    """Execute a stage's notebook under its lock, record it, and put the executed copy in place.

    Args:
        stage: which notebook, and where to.
        values: its parameters, checked.
        inputs: what it is made from; when its output is newer than all of them there is nothing to do.
        made: the caller (Make) has made the inputs.

    Raises:
        papermill.PapermillExecutionError: a cell failed; the notebook is kept as `failed-…`.
    """
    with artifacts.lock(stage.output):
        if inputs and _is_current(stage, values, inputs):
            print(f"{stage.name}: {stage.output} is made already")
            return
        for stale in stage.folder.glob(f".{stage.name}-running-*.ipynb"):
            stale.unlink()
        working = stage.folder / f".{stage.name}-running-{os.getpid()}.ipynb"
        started = time.monotonic()
        with record.recorded(stage, values) as run_id:
            try:
                _papermill(stage, values, working=working, run_id=run_id, made=made)
            except BaseException:
                if working.exists():
                    record.make_readable(working)
                    working.replace(stage.failed)
                raise
            _finish(stage, values, working=working, seconds=time.monotonic() - started, run_id=run_id)


def _is_current(stage: stages.Stage, values: dict[str, object], inputs: list[Path]) -> bool:
    if not (stage.output.exists() and stage.manifest.exists()):
        return False
    made = stage.output.stat().st_mtime_ns
    manifest = artifacts.read_json(stage.manifest)
    same = (manifest["parameters"], manifest.get("keras_backend")) == (values, stage.keras_backend)
    return same and all(path.stat().st_mtime_ns <= made for path in inputs)


def _papermill(stage: stages.Stage, values: dict, *, working: Path, run_id: str, made: bool) -> None:
    warnings.filterwarnings("ignore", message="IProgress not found")  # a terminal is no notebook page
    logging.getLogger("papermill").setLevel(logging.ERROR)  # it cannot read our annotations; `parameters` has
    os.environ.setdefault("PYTHONWARNINGS", "ignore:IProgress not found")
    # jsonschema, by which notebooks are checked, would build a parser of web addresses that no notebook has: 2 seconds.
    sys.modules.setdefault("rfc3987_syntax", None)
    import papermill

    os.environ["MLFLOW_RUN_ID"] = run_id
    os.environ["KERAS_BACKEND"] = stage.keras_backend
    if made:
        os.environ["PIPELINES_INPUTS_MADE"] = "1"
    print(f"── {stage.name}  {' '.join(f'{key}={value}' for key, value in values.items())}", flush=True)
    papermill.execute_notebook(
        stage.notebook,
        working,
        parameters=values,
        kernel_name="python3",
        cwd=artifacts.ROOT,
        stdout_file=sys.stdout,
        stderr_file=sys.stderr,
        start_timeout=120,
    )


def _finish(stage: stages.Stage, values: dict, *, working: Path, seconds: float, run_id: str) -> None:
    manifest = {
        "stage": stage.name,
        "parameters": values,
        "keras_backend": stage.keras_backend,
        "seconds": round(seconds, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "notebook_sha256": artifacts.sha256(stage.notebook),
        "mlflow_run": run_id,
        **tracking.git_state(),
    }
    artifacts.write_json(stage.manifest, manifest)
    tracking.log_metrics({f"{figure}_{stage.name}": manifest[figure] for figure in ("seconds", "peak_memory_mb")})
    stages.write_dependencies(stage)
    stage.failed.unlink(missing_ok=True)
    stage.failed.with_suffix(".html").unlink(missing_ok=True)
    record.make_readable(working)
    with working.open("rb+") as file:
        os.fsync(file.fileno())
    working.replace(stage.output)


def _failing_cell(notebook: Path) -> str:
    """The source of the cell that failed and its traceback, without colours."""
    import nbformat

    for cell in nbformat.read(notebook, as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(output.traceback))
                return f"in this cell:\n\n{cell.source}\n\n{trace}"
    return "the kernel stopped without a traceback (out of memory, or killed)"


def main() -> int:
    """Command line of the runner; the exit status is 0 only when every cell has run."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.run", description=__doc__.split("\n")[0])
    parser.add_argument("notebook", help="name, number or path: 04_train, 04, notebooks/04_train.ipynb")
    parser.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    parser.add_argument("--overrides", default="", help="'epochs=3 units=64': for whichever stage of the run has them")
    parser.add_argument("--inputs", nargs="*", default=[], help="what Make has made it from")
    given = parser.parse_args()
    try:
        stage, values = plan(given.notebook, dict(given.parameter), parameters.split_overrides(given.overrides))
        stages.check_backend(stage)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        execute(stage, values, inputs=[Path(path) for path in given.inputs], made=bool(given.inputs))
    except ConnectionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nstopped in {stage.name}; the same command goes on from there", file=sys.stderr)
        return 130
    except Exception as error:
        if not stage.failed.exists():
            raise
        print(f"\nerror: {stage.name} failed {_failing_cell(stage.failed)}\n", file=sys.stderr)
        print(f"error: {type(error).__name__}; the notebook up to there is kept: {stage.failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
