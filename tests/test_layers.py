"""Imports run one way, and work waits until it is asked for."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLAIN = (
    "allocator",
    "artifacts",
    "calibrator",
    "environment",
    "inputs",
    "parameters",
    "record",
    "run",
    "stages",
    "tracking",
    "variables",
)


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imports_of(folder: str) -> set[str]:
    return set().union(*(imports(path) for path in (ROOT / folder).rglob("*.py")))


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("serving", "pipelines"),
        ("pipelines", "serving"),
        ("pipelines", "notebooks"),
        ("pipelines/dataset", "pipelines.model"),
        ("pipelines/dataset", "pipelines.evaluation"),
        ("pipelines/evaluation", "pipelines.model"),
        ("pipelines/model", "pipelines.evaluation"),
        ("pipelines/figures", "pipelines.model"),
        *(
            (f"pipelines/{room}", f"pipelines.{after}")
            for room in ("dataset", "model", "evaluation", "figures")
            for after in ("operation", "search")
        ),
        ("pipelines/operation", "pipelines.search"),
        ("pipelines/search", "pipelines.operation"),
    ],
)
def test_imports_run_one_way(folder, forbidden):
    assert [name for name in imports_of(folder) if name == forbidden or name.startswith(f"{forbidden}.")] == []


@pytest.mark.parametrize("module", PLAIN)
def test_plain_modules_import_none_of_the_folders(module):
    rooms = tuple(f"pipelines.{room}" for room in ("dataset", "model", "evaluation", "figures", "operation", "search"))
    assert [name for name in imports(ROOT / "pipelines" / f"{module}.py") if name.startswith(rooms)] == []


def test_modules_are_short():
    lengths = {
        path: len(path.read_text().splitlines())
        for room in ("pipelines", "serving")
        for path in (ROOT / room).rglob("*.py")
    }
    assert {str(path): length for path, length in lengths.items() if length > 200} == {}


def test_importing_makes_and_loads_nothing(tmp_path):
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "pipelines").rglob("*.py")
        if path.stem not in ("__init__", "pyfunc", "batches") and path.parent.name != "model"
    ]
    code = f"import {', '.join(names)}, sys; sys.exit('tensorflow' in sys.modules or 'mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert list(tmp_path.iterdir()) == []
