"""The record of a stage's execution in MLflow: opened before, closed after with its notebook, report and figures.

04 opens the record of a training; 05, 06 and 08 of the same run add to it. A training that was killed or has failed
goes on in its record. The other stages have a record for each execution, and other work has a run of its own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines import artifacts, stages, tracking, variables

# TensorFlow's C++ side writes these before any log level is in force.
START_UP_CHATTER = re.compile(r"^(?:[IWE]0000 00:00:\d+\.\d+|WARNING: All log messages before absl).*\n?", re.M)
ADDS_TO_RECORD = ("05_diagnose", "06_evaluate", "08_promote")


@contextmanager
def recorded(stage: stages.Stage, values: dict[str, object]) -> Iterator[str]:
    """The MLflow run of this execution: FINISHED or FAILED at its end, with notebook, report and figures."""
    trains = stage.name == stages.TRAINS
    records = trains or stage.name in ADDS_TO_RECORD
    known = artifacts.read_json(stage.mlflow_run) if records and stage.mlflow_run.exists() else {}
    resume = known.get("id") if stage.name in ADDS_TO_RECORD or not known.get("finished") else None
    where = "/".join(stage.folder.relative_to(artifacts.data_folder()).parts)
    name = where.replace("/runs/", "/") if records else f"{where.replace('/runs/', '/')} {stage.name}"
    tags = {"dataset": str(values["dataset"]), "run": str(values.get("run", "")), "stage": stage.name}
    tags["keras_backend"] = stage.keras_backend
    run_id = tracking.start_run(name=name, tags=tags, resume=resume)
    if records:
        artifacts.write_json(stage.mlflow_run, {"id": run_id, "finished": not trains and known.get("finished", True)})
    status = "FAILED"
    try:
        yield run_id
        status = "FINISHED"
    finally:
        _upload(stage, run_id, failed=status == "FAILED")
        tracking.end_run(run_id, status=status)
    if trains:
        artifacts.write_json(stage.mlflow_run, {"id": run_id, "finished": True})


@contextmanager
def own_run(*, name: str, tags: dict[str, str], killed_by: type[BaseException] | tuple[()] = ()) -> Iterator[str]:
    """A run that takes what is logged within; yields its id. It ends FINISHED, KILLED by that exception, or FAILED."""
    run_id, status = tracking.start_run(name=name, tags=tags), "FAILED"
    try:
        with variables.set_aside(MLFLOW_RUN_ID=run_id):
            yield run_id
        status = "FINISHED"
    except killed_by:
        status = "KILLED"
        raise
    finally:
        tracking.end_run(run_id, status=status)


def _upload(stage: stages.Stage, run_id: str, *, failed: bool) -> None:
    os.environ["MLFLOW_RUN_ID"] = run_id
    notebook = stage.failed if failed else stage.output
    if notebook.exists():
        tracking.log_file(notebook, stage.name)
        report = notebook.with_suffix(".html")
        with artifacts.written_whole(report) as temporary:
            temporary.write_text(_html(notebook), encoding="utf-8")
        tracking.log_file(report, stage.name)
    if stage.figures.is_dir():
        tracking.log_file(stage.figures, f"{stage.name}/figures")


def make_readable(notebook: Path) -> None:
    """Leave of each progress bar its last state, and of TensorFlow's start nothing: what a page would show."""
    import nbformat
    from nbconvert.preprocessors import CoalesceStreamsPreprocessor

    content, _ = CoalesceStreamsPreprocessor().preprocess(nbformat.read(notebook, as_version=4), {})
    for cell in content.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                output.text = START_UP_CHATTER.sub("", output.text)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("text", "-").strip()]
    nbformat.write(content, notebook)


def _html(notebook: Path) -> str:
    from nbconvert import HTMLExporter

    return HTMLExporter(exclude_input_prompt=True, exclude_output_prompt=True).from_filename(str(notebook))[0]
