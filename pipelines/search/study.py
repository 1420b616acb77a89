"""A study: which run, which parameters, and the record that every worker shares.

Optuna's records lie beside MLflow's, in `mlruns/optuna.db`, also where MLFLOW_TRACKING_URI names a server: that takes
runs, not studies. OPTUNA_STORAGE names another database, for workers on several machines.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from pipelines import artifacts, parameters, stages, tracking
from pipelines.model import recipe as recipes
from pipelines.search import space as spaces

LOCKED_SECONDS = 60  # that a worker waits for another one's write
HEARTBEAT_SECONDS = 10  # between signs of life of a trial
GRACE_SECONDS = 120  # without one, after which its process is taken for dead
NEVER_PRUNED_BEFORE = 4  # finished trials that a median needs
USUAL = "usual"  # the attribute of the trial that has the usual parameters


@dataclass(frozen=True)
class Sweep:
    """One search.

    Attributes:
        run: whose encoded rows are trained on; nothing else of it is read, and nothing written.
        space: the parameters that are searched.
        fixed: those that the user has set, name → text.
        usual: every parameter of 04_train as `make train` would have it.
        name: of the study; folder: where its artefacts lie.
    """

    run: artifacts.Run
    space: dict[str, BaseDistribution]
    fixed: dict[str, str]
    usual: dict[str, object]
    name: str

    @property
    def folder(self) -> Path:
        return self.run.sweeps / self.name.removeprefix(f"{self.run.dataset.name}-{self.run.name}-")

    def predictions(self, number: int) -> Path:
        """What the network of a finished trial says of the validation rows."""
        return self.folder / "predictions" / f"{number}.parquet"

    def trial_folder(self, number: int) -> Path:
        """Where a trial works; it goes when the trial ends."""
        return self.folder / "working" / str(number)


def sweep_of(run: artifacts.Run, *, search: str = "", fixed: dict[str, str] | None = None) -> Sweep:
    """The search of a run: the name of its study holds the data set, the run, and a digest of all that a trial sees.

    Args:
        run: with encoded rows.
        search: names of parameters, see `space.chosen`.
        fixed: parameters that the user has set, name → text; those of other stages are part of the run already.

    Raises:
        ParameterError: see `space.chosen` and `parameters.check`.
    """
    fixed = fixed or {}
    space = spaces.chosen(search, fixed)
    known = parameters.read(stages.notebooks_folder() / "04_train.ipynb")
    mine = {name: text for name, text in fixed.items() if name in known}
    usual = {name: one.default for name, one in known.items()} | parameters.check(mine, known, where="04_train")
    for name in ("dataset", "size", "run"):
        usual.pop(name)
    if strange := [name for name in fixed if name not in known and f"_{name}-{fixed[name]}" not in run.name]:
        raise parameters.ParameterError(f"run {run.name} was not made with {strange[0]}={fixed[strange[0]]}")
    rows = artifacts.read_json(run.encoded("train") / "encoding.json")["rows"]
    usual |= {name: value for name, value in recipes.usual(rows).items() if usual[name] is None}
    read = [run.encoded(split) / file for split in ("train", "validation") for file in ("ids.bin", "labels.npy")]
    seen = {
        "space": {name: distribution_to_json(one) for name, one in space.items()},
        "usual": usual,
        "files": [artifacts.sha256(path) for path in (*read, run.word_vectors)],
    }
    digest = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:8]
    what = "+".join(space) if search else "usual"
    return Sweep(run, space, fixed, usual, f"{run.dataset.name}-{run.name}-{what}-{digest}")


def storage_address() -> str:
    """The environment's OPTUNA_STORAGE, else a SQLite file beside MLflow's."""
    return os.environ.get("OPTUNA_STORAGE") or f"sqlite:///{tracking.local_folder() / 'optuna.db'}"


def shown(address: str) -> str:
    """An address of a database without its password."""
    from sqlalchemy import make_url

    return make_url(address).render_as_string(hide_password=True)


@contextmanager
def experiments_are_fine() -> Iterator[None]:
    """Optuna's heartbeat has been called experimental since 2021; that is known here, and said once in this line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def opened(sweep: Sweep) -> optuna.Study:
    """The study of a search, made where there is none, with its storage."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    address = storage_address()
    patient = {"connect_args": {"timeout": LOCKED_SECONDS}} if address.startswith("sqlite") else {}
    # Several first workers at once would make one another's tables.
    with artifacts.lock(tracking.local_folder() / "optuna"), experiments_are_fine():
        storage = optuna.storages.RDBStorage(
            address,
            engine_kwargs=patient,
            heartbeat_interval=HEARTBEAT_SECONDS,
            grace_period=GRACE_SECONDS,
            heartbeat_stale_trial_callback=lambda _, trial: _bury(sweep, trial),
        )
        same_length = "epochs" not in sweep.space
        return optuna.create_study(
            study_name=sweep.name,
            storage=storage,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(NEVER_PRUNED_BEFORE) if same_length else optuna.pruners.NopPruner(),
        )


def _bury(sweep: Sweep, trial: FrozenTrial) -> None:
    """Close the record of a trial whose process has died, and remove what it has left."""
    print(f"trial {trial.number}: its process has died; it counts as failed", flush=True)
    shutil.rmtree(sweep.trial_folder(trial.number), ignore_errors=True)
    if run_id := trial.user_attrs.get("mlflow_run"):
        tracking.end_run(run_id, status="FAILED")


def counts(study: optuna.Study) -> dict[str, int]:
    """Trials by state: complete, pruned, running, fail, waiting; those of dead processes are failed first."""
    with experiments_are_fine():
        optuna.storages.fail_stale_trials(study)
    found = [trial.state for trial in study.get_trials(deepcopy=False)]
    return {state.name.lower(): found.count(state) for state in TrialState}
