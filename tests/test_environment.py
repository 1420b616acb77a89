"""One set of versions: the lock file, conda's file, and what is installed."""

import re
import tomllib
from importlib.metadata import version
from importlib.util import cache_from_source, find_spec
from pathlib import Path

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]


def locked(name: str) -> dict[str, Requirement]:
    lines = re.findall(
        r"^([A-Za-z0-9][^ ;\\\n]*==[^ ;\\\n]+)(?: ; ([^\\\n]+?))? *\\?$", (ROOT / name).read_text(), re.M
    )
    found = [Requirement(f"{pin}; {marker}" if marker else pin) for pin, marker in lines]
    return {one.name.lower(): one for one in found if one.marker is None or one.marker.evaluate()}


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_lock_holds_every_dependency_within_its_bounds():
    lock = locked("requirements.txt")
    for line in project()["dependencies"]:
        wanted = Requirement(line)
        pin = str(lock[wanted.name.lower()].specifier).removeprefix("==")
        assert wanted.specifier.contains(pin), f"{wanted} against {pin}"


def test_the_test_lock_agrees_with_the_lock():
    lock, test_lock = locked("requirements.txt"), locked("requirements-dev.txt")
    assert {name: str(one.specifier) for name, one in lock.items()} == {
        name: str(test_lock[name].specifier) for name in lock
    }


def test_what_runs_here_is_what_is_locked():
    lock = locked("requirements-dev.txt")
    for name in ("tensorflow", "keras", "mlflow", "numpy", "pandas", "flask", "gunicorn", "pytest", "ruff"):
        assert version(name) == str(lock[name].specifier).removeprefix("=="), name


def test_no_start_has_to_compile_what_is_installed():
    for name in ("pandas", "tensorflow", "mlflow", "papermill"):
        assert Path(cache_from_source(find_spec(name).origin)).exists(), name


def test_locks_have_hashes_and_no_addresses():
    for path in (*ROOT.glob("requirements*.txt"), *ROOT.glob("serving/requirements*.txt")):
        text = path.read_text()
        assert "--hash=sha256:" in text
        assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text), path


def test_the_container_without_tensorflow_holds_the_versions_that_were_tested():
    lock, light = locked("requirements-dev.txt"), locked("serving/requirements-light.txt")
    assert "tensorflow" not in light
    for name in ("onnxruntime", "google-re2", "numpy", "flask", "gunicorn", "pydantic"):
        assert light[name].specifier == lock[name].specifier, name


def test_conda_users_get_the_same_lock_and_the_same_pythons():
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert [entry for entry in conda if isinstance(entry, dict)] == [
        {"pip": ["--require-hashes", "-r requirements.txt"]}
    ]
    python = next(entry for entry in conda if isinstance(entry, str) and entry.startswith("python"))
    assert Requirement(python).specifier == Requirement(f"python{project()['requires-python']}").specifier
