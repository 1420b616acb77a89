"""The versions of a data set: each adds the rows of one more labelled file to the splits of the one before.

    sentiment140       as it was imported
    sentiment140-r2    its splits and the rows of a first file, which lies in its raw/; source.json says what it extends
    sentiment140-r3    the splits of sentiment140-r2 and the rows of a second file

Models of all versions are registered under the name of the first: they answer the same question.
"""

from __future__ import annotations

from pipelines import artifacts
from pipelines.dataset import provenance
from pipelines.dataset.provenance import Source, SourceError


def extended(dataset: artifacts.Dataset) -> artifacts.Dataset | None:
    """The data set to which this one adds rows; None for one of its own."""
    name = artifacts.read_json(dataset.source).get("extends") if dataset.source.exists() else None
    return artifacts.Dataset(name) if name else None


def sources(of: Source) -> list[Source]:
    """A source, and those that it adds rows to, the newest first."""
    found = [of]
    while found[-1].extends:
        found.append(provenance.load(artifacts.Dataset(found[-1].extends)))
    return found


def first(dataset: artifacts.Dataset) -> artifacts.Dataset:
    """The data set that the versions began with; itself where it is no version of another."""
    while (older := extended(dataset)) is not None:
        dataset = older
    return dataset


def newest(dataset: artifacts.Dataset) -> artifacts.Dataset:
    """The last version whose splits are made, of the same beginning.

    Raises:
        SourceError: not even the first one's splits are made.
    """
    found = first(dataset)
    if not found.manifest.exists():
        raise SourceError(f"no splits of {found.name} yet: make train DATASET={found.name}")
    while (later := version_after(found)) and later.manifest.exists():
        found = later
    return found


def version_after(dataset: artifacts.Dataset) -> artifacts.Dataset | None:
    """The version that adds rows to this one; None where there is none."""
    later = _after(dataset)
    return later if extended(later) == dataset else None


def following(dataset: artifacts.Dataset) -> artifacts.Dataset:
    """Where the next version goes; what a killed import has left there may be replaced.

    Raises:
        SourceError: something else is there.
    """
    last = newest(dataset)
    place = _after(last)
    if place.source.exists() and extended(place) != last:
        raise SourceError(f"data set {place.name} is there and does not add rows to {last.name}: move {place.folder}")
    return place


def _after(dataset: artifacts.Dataset) -> artifacts.Dataset:
    begun = first(dataset).name
    number = 1 if dataset.name == begun else int(dataset.name.rpartition("-r")[2])
    return artifacts.Dataset(f"{begun}-r{number + 1}")
