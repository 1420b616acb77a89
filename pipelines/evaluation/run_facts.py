"""What an evaluated run left behind: its figures, and all that says how it came about."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines import artifacts, stages, tracking
from pipelines.evaluation.results import OF_THE_ROWS


@dataclass(frozen=True)
class Facts:
    """What a run left behind, each as its JSON file holds it; {} where there is none.

    Attributes:
        run: the name of its folder.
        overrides: parameters that differ from the defaults, as in `PARAMS`.
        mlflow: "id", "name", and the tags of the run of record.
    """

    run: str
    metrics: dict
    training: dict
    source: dict
    splits: dict
    overrides: dict
    mlflow: dict


def facts(run: artifacts.Run) -> Facts:
    """Gather what a run left behind."""
    named = {}
    for path in sorted(run.folder.glob("0*.manifest.json")):
        given = artifacts.read_json(path).get("parameters", {})
        named |= {key: value for key, value in given.items() if f"_{key}-{value}" in f"{run.name}"}
    paths = (run.metrics, run.training, run.dataset.source, run.dataset.manifest)
    found = (artifacts.read_json(path) if path.exists() else {} for path in paths)
    return Facts(run.name, *found, named, _mlflow(run))


def departures(recorded: dict[str, object]) -> dict[str, str]:
    """The parameters of a run that are not the usual ones now, as in `PARAMS`: turned by the user, or usual then.

    Args:
        recorded: name → value, or its text; what follows from the rows (`results.OF_THE_ROWS`) is left out.
    """
    found = {}
    for name, known in stages.parameters_of_runs().items():
        if name in recorded and name not in OF_THE_ROWS and known.default is not None:
            value = known.parse(str(recorded[name]))
            found |= {} if value == known.default else {name: str(value)}
    return found


def _mlflow(run: artifacts.Run) -> dict:
    path = run.folder / "mlflow_run.json"
    if not path.exists():
        return {}
    from mlflow import MlflowException

    found = {"id": artifacts.read_json(path)["id"]}
    try:
        recorded = tracking.client().get_run(found["id"])
    except (MlflowException, ConnectionError):
        return found
    return found | {"name": recorded.info.run_name, **recorded.data.tags}
