"""The runner: strict before, whole after, and every execution on record."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from mlflow import MlflowClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from pipelines import artifacts, parameters, stages, tracking

PARAMETERS = 'dataset = ""  # name\nsize = 10  # rows\nseconds = 0.0  # to wait\nbroken = False  # fail on purpose'
WORK = """import os, time
from pipelines import artifacts, tracking
here = artifacts.Dataset(dataset)
time.sleep(seconds)
print("live output of the kernel, Keras on", os.environ["KERAS_BACKEND"])
assert not broken, "broken on purpose"
(here.folder / "written").write_text(str(size))
figures = here.figures("01_prepare")
figures.mkdir(parents=True, exist_ok=True)
(figures / "plot.png").write_bytes(b"not really a picture")
tracking.log_metrics({"rows": size})"""


@pytest.fixture
def project(tmp_path, fresh_store):
    """A project of one notebook, with a data folder and MLflow records of its own."""
    (tmp_path / "notebooks").mkdir()
    cells = [new_markdown_cell("# A stage"), new_code_cell(PARAMETERS), new_code_cell(WORK)]
    cells[1].metadata["tags"] = ["parameters"]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(
        new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / "notebooks" / "01_prepare.ipynb"
    )
    fresh_store(tmp_path / "mlruns")
    return tmp_path


def environment(project) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW", "PIPELINES"))}
    folders = {"SENTIMENT_ROOT": project, "DATA_FOLDER": project / "data", "MLRUNS_FOLDER": project / "mlruns"}
    return kept | {key: str(value) for key, value in folders.items()}


def start(project, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "pipelines.run", "01_prepare", "-p", "dataset", "d", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, env=environment(project), cwd=project, **pipes)


def run(project, *arguments: str) -> subprocess.CompletedProcess:
    process = start(project, *arguments)
    out, err = process.communicate(timeout=400)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def recorded(project) -> list:
    """The runs in the project's store, the last first."""
    store = MlflowClient(f"sqlite:///{project}/mlruns/mlflow.db")
    return store.search_runs([store.get_experiment_by_name(tracking.EXPERIMENT).experiment_id])


def kept_files(project) -> list[str]:
    """What is kept of the last run, two levels deep."""
    store = MlflowClient(f"sqlite:///{project}/mlruns/mlflow.db")
    run = recorded(project)[0].info.run_id
    return sorted(file.path for folder in store.list_artifacts(run) for file in store.list_artifacts(run, folder.path))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("-p", "sice", "3"), "no parameter 'sice'; did you mean size"),
        (("-p", "size", "abc"), "size='abc': expected int"),
        (("-p", "seconds", "soon"), "seconds='soon': expected float"),
        (("-p", "dataset", "../x"), "data set name '../x'"),
    ],
)
def test_refuses_before_a_kernel_starts(project, given, message):
    result = run(project, *given)
    assert result.returncode == 2
    assert message in result.stderr
    assert not (project / "data").exists()


def test_refuses_an_unknown_notebook(project):
    command = [sys.executable, "-m", "pipelines.run", "09_dream"]
    result = subprocess.run(command, env=environment(project), capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "no notebook '09_dream'; there are 01_prepare" in result.stderr


def test_success_puts_the_notebook_in_place_with_manifest_dependencies_and_record(project):
    result = run(project, "-p", "size", "42")
    assert result.returncode == 0, result.stderr
    assert "live output of the kernel" in result.stdout
    folder = project / "data" / "d"
    assert (folder / "written").read_text() == "42"
    executed = nbformat.read(folder / "01_prepare.ipynb", as_version=4)
    assert "live output" in str(executed.cells[-1].outputs)
    manifest = json.loads((folder / "01_prepare.manifest.json").read_text())
    assert manifest["parameters"] == {"dataset": "d", "size": 42}
    assert manifest["seconds"] > 0
    assert "notebooks/01_prepare.ipynb" in (folder / ".01_prepare.d").read_text()
    (one,) = recorded(project)
    assert (one.info.run_name, one.info.status, one.data.metrics["rows"]) == ("d 01_prepare", "FINISHED", 42)
    assert one.data.metrics["seconds_01_prepare"] == manifest["seconds"]
    assert one.data.metrics["peak_memory_mb_01_prepare"] == manifest["peak_memory_mb"]
    names = ("01_prepare.html", "01_prepare.ipynb", "figures")
    assert kept_files(project) == [f"01_prepare/{name}" for name in names]


def test_only_the_training_s_kernel_is_given_the_user_s_backend(project, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert stages.Stage("04_train", project).keras_backend == "jax"
    assert stages.Stage("06_evaluate", project).keras_backend == "tensorflow"
    assert "Keras on tensorflow" in run(project).stdout
    manifest = json.loads((project / "data" / "d" / "01_prepare.manifest.json").read_text())
    assert manifest["keras_backend"] == "tensorflow"
    monkeypatch.delenv("KERAS_BACKEND")
    assert stages.Stage("04_train", project).keras_backend == "tensorflow"


def test_a_backend_that_is_not_there_is_refused_with_the_way_to_it(project, monkeypatch):
    training = stages.Stage("04_train", project)
    stages.check_backend(training)
    monkeypatch.setenv("KERAS_BACKEND", "jaxx")
    with pytest.raises(parameters.ParameterError, match="KERAS_BACKEND=jaxx: one of tensorflow, jax, torch"):
        stages.check_backend(training)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr(stages, "find_spec", lambda name: None)
    with pytest.raises(
        parameters.ParameterError, match=r"not installed; \.venv/bin/python -m pip install -e '\.\[torch\]'"
    ):
        stages.check_backend(training)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_trains_again_for_another_backend_and_leaves_the_run_alone_where_none_is_named(tmp_path):
    data = tmp_path / "d"
    names = ["raw/source.json", "01_prepare.ipynb", "02_explore.ipynb"]
    names += [f"runs/9/{name}.ipynb" for name in ("03_tokenize", "04_train", "05_diagnose", "06_evaluate")]
    names += ["splits/manifest.json", "eda.json", "runs/9/vocabulary.txt", "runs/9/saved_model/manifest.json"]
    names += [f"runs/9/encoded/{split}/ids.bin" for split in ("train", "validation")]
    names += [f"runs/9/{name}" for name in ("model.keras", "history.csv", "diagnosis.json", "metrics.json")]
    for name in names:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    artifacts.write_json(data / "runs/9/04_train.manifest.json", {"keras_backend": "jax"})

    def would_run(**chosen: str) -> list[str]:
        kept = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND" and "MAKE" not in key}
        command = ["make", "-n", "run", "DATASET=d", "RUN=9"]
        environment = kept | {"DATA_FOLDER": str(tmp_path)} | chosen
        done = subprocess.run(command, cwd=artifacts.ROOT, env=environment, capture_output=True, text=True, check=True)
        assert "another-backend" not in done.stdout
        return re.findall(r"pipelines\.run (\w+)", done.stdout)

    assert would_run() == would_run(KERAS_BACKEND="jax") == []
    assert would_run(KERAS_BACKEND="torch") == ["04_train", "05_diagnose", "06_evaluate"]


def test_failure_shows_the_cell_keeps_the_notebook_and_is_on_record(project):
    result = run(project, "-p", "broken", "true")
    assert result.returncode == 1
    assert "AssertionError: broken on purpose" in result.stderr
    assert 'assert not broken, "broken on purpose"' in result.stderr
    folder = project / "data" / "d"
    assert f"kept: {folder / 'failed-01_prepare.ipynb'}" in result.stderr
    assert (folder / "failed-01_prepare.ipynb").exists()
    assert not (folder / "01_prepare.ipynb").exists()
    (one,) = recorded(project)
    assert (one.info.run_name, one.info.status, one.data.metrics) == ("d 01_prepare", "FAILED", {})
    assert "01_prepare/failed-01_prepare.ipynb" in kept_files(project)
    assert run(project).returncode == 0
    assert not (folder / "failed-01_prepare.ipynb").exists()


def test_a_killed_run_leaves_no_output_and_no_kernel_and_can_be_repeated(project):
    process = start(project, "-p", "seconds", "60.5")
    folder = project / "data" / "d"
    deadline = time.monotonic() + 60
    while not list(folder.glob(".01_prepare-running-*")) and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    children = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True).stdout
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (folder / "01_prepare.ipynb").exists()
    kernels = [int(pid) for pid in children.split()]
    assert kernels
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}") for pid in kernels) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in kernels)
    assert run(project).returncode == 0
    assert sorted(path.name for path in folder.glob(".01_prepare-running-*")) == []


def test_of_two_at_once_the_second_finds_the_work_done(project):
    inputs = ("--inputs", str(project / "notebooks" / "01_prepare.ipynb"))
    processes = [start(project, "-p", "seconds", "2.0", *inputs) for _ in range(2)]
    outs = [process.communicate(timeout=400) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outs
    assert sum("is made already" in out for out, _ in outs) == 1
    assert len(recorded(project)) == 1


def test_dependencies_are_the_modules_a_notebook_imports_through_one_another():
    found = {path.name for path in stages.imported_modules(stages.notebooks_folder() / "03_tokenize.ipynb")}
    assert {"tokens.py", "text.py", "vocabulary.py", "artifacts.py", "house.mplstyle"} - found == {"house.mplstyle"}
    assert "training.py" not in found


def test_a_run_is_named_by_its_size_and_what_differs(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path))
    dataset = artifacts.Dataset("d")
    artifacts.write_json(dataset.manifest, {"counts": {"train": 60_000}})
    assert stages.run_name(dataset=dataset, size="", overrides={}) == "50000"
    assert stages.run_name(dataset=dataset, size="all", overrides={}) == "all"
    assert (
        stages.run_name(dataset=dataset, size="2000", overrides={"units": "64", "epochs": "3"})
        == "2000_epochs-3_units-64"
    )
    spelt = {"learning_rate": "1e-3", "language_model": "true", "label_smoothing": "0", "ngram_buckets": "1_024"}
    assert stages.name_of_overrides(spelt) == (
        "_label_smoothing-0.0_language_model-True_learning_rate-0.001_ngram_buckets-1024"
    )
    artifacts.write_json(dataset.manifest, {"counts": {"train": 700}})
    assert stages.run_name(dataset=dataset, size=None, overrides={}) == "all"
    for size, message in (("701", "701.*has 700 rows"), ("0", "SIZE=0"), ("many", "SIZE=many: expected a number")):
        with pytest.raises(parameters.ParameterError, match=message):
            stages.run_name(dataset=dataset, size=size, overrides={})
    with pytest.raises(parameters.ParameterError, match="no parameter 'unit'; did you mean units"):
        stages.run_name(dataset=dataset, size="10", overrides={"unit": "64"})
    with pytest.raises(parameters.ParameterError, match="test_rows"):
        stages.run_name(dataset=dataset, size="10", overrides={"test_rows": "64"})
