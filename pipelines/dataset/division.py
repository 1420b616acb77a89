"""Which split each row goes to, and where in it, by how a data set holds its test rows out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from pipelines.dataset import holdouts, splitting
from pipelines.dataset.provenance import Source, SourceError
from pipelines.dataset.survey import Survey


@dataclass(frozen=True)
class Division:
    """Where each kept row goes.

    Attributes:
        split: uint8 [kept], a position in `splitting.SPLITS` or `holdouts.LEFT_OUT`.
        place: int64 [kept], place in the split.
        facts: what was held out how, for the manifest; empty for a random split.
    """

    split: np.ndarray
    place: np.ndarray
    facts: dict


def divide(
    source: Source, survey: Survey, kept: np.ndarray, *, rows_wanted: tuple[int | None, int | None], seed: int
) -> Division:
    """Divide the kept rows of a data set.

    Args:
        source: says how; "leaky" differs only in what is kept.
        survey: of its raw file; with times and users where these are held out.
        kept: bool [usable rows].
        rows_wanted: test rows and validation rows; None for the defaults, see `splitting.split_sizes`.
        seed: of all choices.

    Raises:
        SourceError: too few rows, or none with a date or a user.
    """
    labels = survey.labels[kept]
    if source.holdout == "later":
        return _later(source, labels, survey.rows[kept], survey.seconds[kept], rows_wanted, seed)
    if source.holdout == "users":
        return _other_users(source, labels, survey.users[kept], rows_wanted, seed)
    split, place = splitting.assign(labels, sizes=_sizes(source, labels, rows_wanted), seed=seed)
    return Division(split, place, {})


def _sizes(source: Source, labels: np.ndarray, rows_wanted: tuple[int | None, int | None]) -> dict[str, tuple]:
    test_rows, validation_rows = rows_wanted
    return splitting.split_sizes(
        tuple(np.bincount(labels, minlength=2).tolist()),
        official=source.kind == "sentiment140",
        test_rows=test_rows,
        validation_rows=validation_rows,
    )


def _later(
    source: Source, labels: np.ndarray, rows: np.ndarray, dates: np.ndarray, rows_wanted: tuple, seed: int
) -> Division:
    if np.isnan(dates).all():
        raise SourceError(
            f"no row of {source.dataset} has a date in column {source.columns['date']!r} that can be read"
        )
    seconds, facts = holdouts.placed_in_time(rows, labels, dates)
    sizes = _sizes(source, labels[holdouts.both_labels(labels, seconds)], rows_wanted)
    test_rows, validation_rows = (sum(sizes[name]) for name in ("test", "validation"))
    split = holdouts.later(labels, seconds, test_rows=test_rows, validation_rows=validation_rows, seed=seed)
    for number, name in enumerate(splitting.SPLITS):
        mine = seconds[split == number]
        facts |= {f"{name}_from": _date(mine.min()), f"{name}_until": _date(mine.max())}
    facts["test_rows_dated"] = int((~np.isnan(dates[split == splitting.SPLITS.index("test")])).sum())
    return Division(split, holdouts.order(labels, split, seed=seed), facts)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(float(seconds), UTC).strftime("%Y-%m-%d %H:%M")


def _other_users(source: Source, labels: np.ndarray, users: np.ndarray, rows_wanted: tuple, seed: int) -> Division:
    known = users != 0
    if not known.any():
        raise SourceError(f"no row of {source.dataset} has a user in column {source.columns['user']!r}")
    split = holdouts.other_users(labels, users, sizes=_sizes(source, labels[known], rows_wanted), seed=seed)
    place = holdouts.order(labels, split, first=known, seed=seed)
    train = split == splitting.SPLITS.index("train")
    # Up to here every training row is surely of another user than the test rows.
    strangers = place[train & ~known]
    facts = {
        "rows_with_user": int(known.sum()),
        "rows_without_user": int((~known).sum()),
        "train_rows_surely_of_others": int(strangers.min()) if len(strangers) else int(train.sum()),
    }
    for number, name in enumerate(splitting.SPLITS):
        facts[f"{name}_users"] = len(np.unique(users[(split == number) & known]))
    return Division(split, place, facts)


def in_words(manifest: dict) -> str:
    """How the test rows of a data set were held out: a few sentences, from its manifest."""
    facts, holdout = manifest.get("held_out", {}), manifest.get("holdout", "")
    if holdout == "later":
        return (
            f"Training rows are of {facts['train_from']} to {facts['train_until']} (UTC), validation rows of "
            f"{facts['validation_from']} to {facts['validation_until']}, test rows of {facts['test_from']} to "
            f"{facts['test_until']}; each day holds both labels equally often. {facts['dated']:,} rows have a date of "
            f"their own, {facts['placed']:,} were placed between two dated rows of their label (95 % of them: at most "
            f"{facts['bracket_minutes']} minutes apart), {facts['undated']:,} could not be placed and left."
        )
    if holdout == "users":
        return (
            f"{facts['rows_with_user']:,} rows have a known user; no user of a test row is among the users of the "
            f"others. {facts['rows_without_user']:,} rows have none: they serve for training only, behind the first "
            f"{facts['train_rows_surely_of_others']:,} training rows, which are surely of other users."
        )
    if holdout == "leaky":
        return "Leaky on purpose: repeats and texts with both labels stayed in, and rows were split at random."
    return "Test rows were drawn at random among distinct texts; of a repeated one the first row stands for all."
