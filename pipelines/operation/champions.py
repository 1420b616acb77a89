"""The champion of a registered model, under the alias that services follow: `python -m pipelines.operation.champions`.

A version that takes the place of another remembers it in a tag. Rolling back follows these tags, so that it ends at the
first champion and never goes in a circle.

    0  rolled back, promoted by hand, or, without either, the champion is named
    2  there is no champion, none before it, or no such run
    1  MLflow does not answer
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass

from pipelines import artifacts, inputs, tracking
from pipelines.dataset import lineage
from pipelines.ending import ended
from pipelines.evaluation import summary
from pipelines.model import registry
from pipelines.operation.exported import INSIDE_MODEL

ALIAS = "champion"
PREDECESSOR, DECISION, LEFT = "promoted_over", "decision", "rolled_back"  # tags of a version

MOST_WORDS = 4_000  # what a tag holds


class NoChampionError(ValueError):
    """There is no such version; the message says what to do."""


@dataclass(frozen=True)
class Version:
    """A version in the registry: the name it is registered under, its number, its model_version and its tags."""

    name: str
    number: str
    model_version: str
    tags: dict[str, str]

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"

    def __str__(self) -> str:
        return f"version {self.number} ({self.model_version})"


def current(name: str) -> Version | None:
    """The champion of a registered model; None where the alias is not set."""
    from mlflow import MlflowException

    try:
        return _version(tracking.client().get_model_version_by_alias(name, ALIAS))
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def champion(name: str) -> Version:
    """Like `current`, for where there must be one: NoChampionError otherwise."""
    if (found := current(name)) is None:
        raise NoChampionError(f"{name} has no champion: make retrain NEW=… sets one")
    return found


def get(name: str, number: str) -> Version:
    """A version by its number.

    Raises:
        NoChampionError: there is none.
    """
    from mlflow import MlflowException

    try:
        return _version(tracking.client().get_model_version(name, number))
    except MlflowException as error:
        raise NoChampionError(f"{name} has no version {number} at {tracking.tracking_uri()}") from error


def _version(found) -> Version:
    return Version(found.name, str(found.version), found.tags.get("model_version", "unknown"), dict(found.tags))


def registered(run: artifacts.Run) -> Version:
    """The newest version that holds the export of a run.

    Raises:
        NoChampionError: it is not registered.
    """
    name = registry.registered_name(run.dataset)
    wanted = artifacts.read_json(run.saved_model / "manifest.json")["model_version"]
    found = tracking.client().search_model_versions(f"name='{name}'")
    mine = [_version(one) for one in found if one.tags.get("model_version") == wanted]
    if not mine:
        raise NoChampionError(
            f"{wanted} is not registered as {name} at {tracking.tracking_uri()}: delete {run.folder}/06_evaluate.ipynb "
            f"and call make train DATASET={run.dataset.name} SIZE=… again"
        )
    return max(mine, key=lambda one: int(one.number))


def manifest(version: Version) -> dict:
    """The manifest of its export: data set, run, rows it was trained on."""
    import mlflow

    tracking.client()
    with tempfile.TemporaryDirectory() as folder:
        address = f"{version.uri}/{INSIDE_MODEL}/manifest.json"
        return artifacts.read_json(mlflow.artifacts.download_artifacts(address, dst_path=folder))


def first_or_current(dataset: artifacts.Dataset, run: str = "") -> tuple[Version, bool]:
    """The champion of a data set; where there is none, its newest evaluated run (or the given one), to become it.

    Returns:
        The version, and whether it would be the first.
    """
    if (found := current(registry.registered_name(dataset))) is not None:
        return found, False
    return registered(summary.newest_evaluated(lineage.newest(dataset).name, run)), True


def promote(version: Version, *, over: Version | None) -> None:
    """Make a version the champion, and remember the one whose place it takes. The alias moves last.

    A champion of earlier days that comes back remembers what it always did: rolling back must end.
    """
    client = tracking.client()
    if over is not None and version.number not in [over.number, *_before(over)]:
        client.set_model_version_tag(version.name, version.number, PREDECESSOR, over.number)
    client.set_registered_model_alias(version.name, ALIAS, version.number)


def _before(version: Version) -> list[str]:
    """The numbers of the champions before a version, the last one first."""
    found = []
    while (number := version.tags.get(PREDECESSOR)) and number not in found:
        found.append(number)
        version = get(version.name, number)
    return found


def decided(version: Version, words: str) -> None:
    """Remember what became of a challenger, so that it is not asked again."""
    tracking.client().set_model_version_tag(version.name, version.number, DECISION, words[:MOST_WORDS])


def rollback(name: str) -> tuple[Version, Version]:
    """Go back to the champion before; returns the one that leaves and the one that is champion now.

    Raises:
        NoChampionError: there is none.
    """
    leaves = champion(name)
    if PREDECESSOR not in leaves.tags:
        raise NoChampionError(f"{name}: {leaves} is the first champion, there is none before it")
    client, back = tracking.client(), get(name, leaves.tags[PREDECESSOR])
    client.set_registered_model_alias(name, ALIAS, back.number)
    client.set_model_version_tag(name, leaves.number, LEFT, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    return leaves, back


def main() -> int:
    """Command line; see the top of this module for the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.operation.champions", description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="")
    parser.add_argument("--rollback", action="store_true", help="to the champion before")
    parser.add_argument("--promote", metavar="RUN", help="make an evaluated run the champion by hand: 200000")
    given = parser.parse_args()
    return ended(lambda: tell(given))


def tell(given: argparse.Namespace) -> int:
    """Promote, roll back, or only say which version is the champion; returns the exit status."""
    dataset = artifacts.Dataset(given.dataset or inputs.default_dataset())
    name = registry.registered_name(dataset)
    if given.promote:
        chosen, before = registered(summary.newest_evaluated(dataset.name, given.promote)), current(name)
        promote(chosen, over=before)
        print(f"{name}: {chosen} is the champion" + (f", in the place of {before}" if before else ""))
    elif given.rollback:
        leaves, back = rollback(name)
        print(f"{name}: rolled back from {leaves} to {back}")
    else:
        print(f"{name}: {champion(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
