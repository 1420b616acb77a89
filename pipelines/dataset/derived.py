"""Data sets with the raw file of another one, and other test rows: three more answers to "how good is it?".

    sentiment140-later   test tweets are later than all training tweets
    sentiment140-users   no user of a test tweet has written a training tweet
    sentiment140-leaky   what is usual: repeats and contradictions stay in, rows are split at random

Each is a data set of its own, with the same stages; `raw/` holds only a source.json that names the other's files.
"""

from __future__ import annotations

import dataclasses

from pipelines import artifacts
from pipelines.dataset import provenance
from pipelines.dataset.provenance import Source, SourceError

# How test rows are held out → the column that it takes.
HOLDOUTS = {"later": "date", "users": "user", "leaky": None}


def is_derived(dataset: artifacts.Dataset) -> bool:
    """Whether a data set has its raw file from another one; False where it is not there."""
    return dataset.source.exists() and bool(artifacts.read_json(dataset.source).get("parent"))


def parent_of(name: str) -> str | None:
    """The data set that a derived one has its raw file from; None where `name` is no derived one.

    >>> parent_of("sentiment140-later"), parent_of("sentiment140")
    ('sentiment140', None)
    """
    parent, _, holdout = name.rpartition("-")
    own = artifacts.Dataset(name).source.exists() and not is_derived(artifacts.Dataset(name))
    return parent if parent and holdout in HOLDOUTS and not own else None


def derive(name: str) -> artifacts.Dataset:
    """Make a derived data set of one that is there, or make it anew where that one was imported again.

    Raises:
        SourceError: the other data set has no column of dates or users.
    """
    dataset, holdout = artifacts.Dataset(name), name.rpartition("-")[2]
    parent = provenance.load(artifacts.Dataset(parent_of(name)))
    if problem := lacks(parent, holdout):
        raise SourceError(problem)
    source = dataclasses.replace(parent, dataset=name, parent=parent.dataset, holdout=holdout)
    with artifacts.lock(dataset.raw):
        provenance.store(dataset, lambda _: source)
    return dataset


def lacks(parent: Source, holdout: str) -> str | None:
    """Why a data set cannot be derived, and what to do; None where it can."""
    if parent.extends:
        return f"{parent.dataset} extends {parent.extends}: its test rows are those of that set and new ones, no others"
    role = HOLDOUTS[holdout]
    if role is None or parent.columns.get(role):
        return None
    option = {"date": "DATE", "user": "USER_COLUMN"}[role]
    return (
        f"{parent.dataset}-{holdout} needs a column {role!r}, and {parent.dataset} has none: import it again with "
        f"{option}=column, if its file has one"
    )


def siblings(dataset: artifacts.Dataset) -> dict[str, str | None]:
    """Names of the data sets that can be derived from one → None, or why that one cannot be had."""
    source = provenance.load(dataset)
    return {f"{dataset.name}-{holdout}": lacks(source, holdout) for holdout in HOLDOUTS}
