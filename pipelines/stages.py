"""A stage: one notebook, executed for one data set or one run, and the files around its execution.

Which stage needs which is the Makefile's to say. What this module adds for it is the modules that a notebook imports,
as a dependency file in Make's own format (like a C compiler's -MD -MP).
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pipelines import artifacts, parameters

DEFAULT_SIZE = 50_000
SHARED_BY_RUNS = ("01_prepare", "02_explore")
OF_A_FILE = "07_monitor"  # has a folder for each file that it looks at
BACKENDS = ("tensorflow", "jax", "torch")
TRAINS = "04_train"  # on the backend of KERAS_BACKEND; what loads its weights does so with TensorFlow
AFTER_A_RUN = (OF_A_FILE, "08_promote", "09_sweep")  # their own parameters name no run's folder


@dataclass(frozen=True)
class Stage:
    """A notebook and where its execution is kept: `folder` is the data set's or the run's."""

    name: str
    folder: Path

    @property
    def notebook(self) -> Path:
        return notebooks_folder() / f"{self.name}.ipynb"

    @property
    def output(self) -> Path:
        return self.folder / f"{self.name}.ipynb"

    @property
    def failed(self) -> Path:
        return self.folder / f"failed-{self.name}.ipynb"

    @property
    def manifest(self) -> Path:
        return self.folder / f"{self.name}.manifest.json"

    @property
    def dependencies(self) -> Path:
        return self.folder / f".{self.name}.d"

    @property
    def figures(self) -> Path:
        return self.folder / "figures" / self.name

    @property
    def keras_backend(self) -> str:
        """The backend that its kernel is given: KERAS_BACKEND's for the training, TensorFlow for all others."""
        return (os.environ.get("KERAS_BACKEND") if self.name == TRAINS else None) or "tensorflow"

    @property
    def mlflow_run(self) -> Path:
        """Holds the id of the run of record of a training."""
        return self.folder / "mlflow_run.json"


def notebooks_folder() -> Path:
    """Where the notebooks are."""
    return artifacts.ROOT / "notebooks"


def find(name: str) -> str:
    """The full name of a notebook from its name, number or path: "04", "04_train", "notebooks/04_train.ipynb"."""
    wanted = Path(name).stem
    names = sorted(path.stem for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    for candidate in names:
        if candidate == wanted or candidate.split("_")[0] == wanted:
            return candidate
    raise parameters.ParameterError(f"no notebook {name!r}; there are {', '.join(names)}")


def check_backend(stage: Stage) -> None:
    """Look whether the stage's backend of Keras is there, before a kernel starts.

    Raises:
        ParameterError: KERAS_BACKEND is none of BACKENDS, or one that is not installed.
    """
    backend = stage.keras_backend
    if backend not in BACKENDS:
        raise parameters.ParameterError(f"KERAS_BACKEND={backend}: one of {', '.join(BACKENDS)}")
    if find_spec(backend) is None:
        if backend == "tensorflow":
            raise parameters.ParameterError(f"{sys.executable} has no TensorFlow: make setup, then .venv/bin/python")
        install = f".venv/bin/python -m pip install -e '.[{backend}]'"
        raise parameters.ParameterError(f"KERAS_BACKEND={backend}: {backend} is not installed; {install}")


def imported_modules(notebook: Path) -> list[Path]:
    """Files of this project that a notebook's code imports, directly or through one another."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    lines = "".join("".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "code").splitlines()
    waiting, found = _imports("\n".join(line for line in lines if not line.startswith(("%", "!")))), set()
    while waiting:
        module = waiting.pop()
        for path in (artifacts.ROOT / f"{module}.py", artifacts.ROOT / module / "__init__.py"):
            if path.exists() and path not in found:
                found.add(path)
                waiting |= _imports(path.read_text(encoding="utf-8"))
    return sorted(found)


def _imports(code: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name.replace(".", "/") for name in names if name.split(".")[0] == "pipelines"}


def write_dependencies(stage: Stage) -> None:
    """Write the dependency file: the output needs its notebook and each module, and a module may be deleted."""
    needed = [stage.notebook, *imported_modules(stage.notebook)]
    names = [str(path.relative_to(artifacts.ROOT)) for path in needed]
    output = _as_make_names_it(stage.output)
    with artifacts.written_whole(stage.dependencies) as temporary:
        rules = [f"{output}: {' '.join(names)}", *(f"{name}:" for name in names)]
        temporary.write_text("\n".join(rules) + "\n", encoding="utf-8")


def _as_make_names_it(path: Path) -> str:
    return str(path.relative_to(artifacts.ROOT)) if path.is_relative_to(artifacts.ROOT) else str(path)


def run_name(*, dataset: artifacts.Dataset, size: str | int | None, overrides: dict[str, str]) -> str:
    """The name of a run's folder: its size, and the parameters that differ from the defaults.

    >>> run_name(dataset=artifacts.Dataset("sentiment140"), size="200000", overrides={"epochs": "3"})
    '200000_epochs-3'

    Raises:
        ParameterError: the size is no number, or more than there is; an override that no stage of a run knows.
    """
    overriding = name_of_overrides(overrides)
    return resolve_size(size, available=artifacts.read_json(dataset.manifest)["counts"]["train"]) + overriding


def parameters_of_runs() -> dict[str, parameters.Parameter]:
    """The parameters of the stages of a run, but for those that say which run is meant."""
    others, which_run = (*SHARED_BY_RUNS, *AFTER_A_RUN), ("dataset", "size", "run")
    notebooks = [path for path in sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb")) if path.stem not in others]
    known = {name: one for path in notebooks for name, one in parameters.read(path).items()}
    return {name: one for name, one in known.items() if name not in which_run}


def name_of_overrides(overrides: dict[str, str]) -> str:
    """What the name of a run says after its size, in one spelling for each value; see `run_name`."""
    values = parameters.check(overrides, parameters_of_runs(), where="a run")
    return "".join(f"_{name}-{value}" for name, value in sorted(values.items()))


def resolve_size(size: str | int | None, *, available: int) -> str:
    """SIZE as the name of a run: unset is 50,000 rows or all of a smaller data set.

    Raises:
        ParameterError: no positive number and not "all", or more rows than there are.
    """
    if size in (None, "", "None"):
        return str(DEFAULT_SIZE) if available >= DEFAULT_SIZE else "all"
    spelt = parameters.spelt_size(size)
    if spelt != "all" and not 0 < int(spelt) <= available:
        raise parameters.ParameterError(
            f"SIZE={size}: the training split has {available} rows; ask for 1 to that, or all"
        )
    return spelt


def main() -> int:
    """Print the name of a run's folder, for the Makefile."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.stages", description=main.__doc__)
    parser.add_argument("dataset")
    parser.add_argument("--size", default="")
    parser.add_argument("--params", default="")
    given = parser.parse_args()
    try:
        overrides = parameters.split_overrides(given.params)
        check_backend(Stage(TRAINS, Path()))  # now, not when its turn comes
        print(run_name(dataset=artifacts.Dataset(given.dataset), size=given.size, overrides=overrides))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
