"""The rules that notebooks keep, and that what Make and the runner pass to them exists."""

import ast
import os
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from pipelines import parameters, stages, tracking

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def code(notebook) -> list:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_there_are_nine_stages():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_prepare", "02_explore", "03_tokenize", "04_train", "05_diagnose", "06_evaluate", "07_monitor",
        "08_promote", "09_sweep",
    ]  # fmt: skip


def test_is_valid_and_holds_no_outputs(notebook):
    nbformat.validate(notebook)
    assert all(not cell.outputs and cell.execution_count is None for cell in code(notebook))


def test_begins_with_a_question_and_one_cell_of_commented_parameters(notebook):
    assert notebook.cells[0].cell_type == "markdown"
    assert "?" in notebook.cells[0].source
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == [code(notebook)[0]]
    for line in tagged[0].source.splitlines():
        assert re.match(r"\w+(: \".+\")? = .+  # \S", line), line


def test_is_short_and_each_cell_too(notebook):
    assert len(notebook.cells) <= 30
    for cell in code(notebook)[1:]:
        tree = ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.M))
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        imported = {number for node in imports for number in range(node.lineno, node.end_lineno + 1)}
        lines = [line for number, line in enumerate(cell.source.splitlines(), 1) if number not in imported]
        assert sum(bool(line.strip()) for line in lines) <= 15, cell.source


def test_defines_nothing_and_loops_over_no_rows(notebook):
    for cell in code(notebook):
        for node in ast.walk(ast.parse(re.sub(r"^[%!].*", "", cell.source, flags=re.M))):
            assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef), cell.source
            assert not (isinstance(node, ast.Attribute) and node.attr in ("iterrows", "itertuples")), cell.source


def test_ends_with_a_check_that_can_fail_and_a_summary(notebook):
    assert re.search(r"^assert |raise AssertionError", code(notebook)[-2].source, re.M)
    assert any("## Check" in cell.source and "bar" in cell.source for cell in notebook.cells[-5:])
    assert notebook.cells[-1].cell_type == "code"


def test_mlflow_is_reached_through_tracking_only(notebook):
    assert not any(re.search(r"^\s*(import|from) mlflow", cell.source, re.M) for cell in code(notebook))


def test_make_and_the_runner_pass_parameters_that_exist():
    for path in NOTEBOOKS:
        known = parameters.read(path)
        assert "dataset" in known
        if path.stem not in stages.SHARED_BY_RUNS:
            assert "run" in known
    made = (ROOT / "Makefile").read_text()
    assert set(re.findall(r"-p (\w+)", made)) == {"dataset", "run"}
    assert {path.stem for path in NOTEBOOKS} == set(re.findall(r"(?:^needs_|\bbefore-)(\d\d_\w+)", made, re.M))


def test_makefile_is_short_and_every_verb_is_explained():
    lines = (ROOT / "Makefile").read_text().splitlines()
    assert len(lines) < 80
    verbs = ["setup", "data", "train", "evaluate", "curves", "serve", "test", "lint", "lab", "ui", "image", "clean"]
    verbs += ["monitor", "retrain", "rollback", "reproduce", "sweep", "predict-file", "evaluate-on", "model-card"]
    explained = {line.split(":")[0] for line in lines if "## " in line}
    assert set(verbs) <= explained


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["train", "SEED=3"], 'SEED=3: make train knows no SEED; parameters of a run go into PARAMS="name=value"'),
        (["evaluate-on", "FILE=x.csv", "NEGATIV=bad"], "NEGATIV=bad: make evaluate-on knows no NEGATIV"),
    ],
)
def test_a_variable_that_make_does_not_know_is_refused(said, told):
    done = subprocess.run(["make", "-n", *said], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert told in done.stderr


def test_what_the_service_reads_may_be_said_to_make_and_the_name_of_the_machine_is_none_of_data():
    environment = os.environ | {"NAME": "DESKTOP-1"}
    for said in (["serve", "SIZE=5", "PORT=1", "HOST=::1", "RATE_LIMIT=60"], ["data"]):
        done = subprocess.run(["make", "-n", *said], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "--name" not in done.stdout


def test_the_service_asks_the_registry_that_the_notebooks_record_in(monkeypatch, tmp_path):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLRUNS_FOLDER", str(tmp_path))
    for verb in ("serve", "predict"):
        made = subprocess.run(["make", "-n", verb], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert f"MLFLOW_TRACKING_URI:-{tracking.tracking_uri()}}}" in made
