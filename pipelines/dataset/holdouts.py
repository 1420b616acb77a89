"""Test rows that are held out by time or by user: which row goes where, pure functions on arrays.

A random test row has neighbours in training: the same day, the same user, the same talk of the town. What comes in
once a model serves has none. Søgaard et al. 2021, "We need to talk about random splits", is the case for more than one.
"""

from __future__ import annotations

import numpy as np

from pipelines.dataset.provenance import SourceError
from pipelines.dataset.splitting import SPLITS, interleave

LEFT_OUT = 255  # in `split`: in none of them
DAY = 86_400  # seconds
IN_ORDER = 0.95  # share of neighbours in a file that must stand in order of time before a place tells a date


def placed_in_time(rows: np.ndarray, labels: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
    """Give rows without a date one by their place in the file, where the file is in order of time inside each label.

    Linear between the two nearest dated rows of the same label. What has none on one side, or two that are more than a
    day apart (nothing was collected then), stays undated.

    Args:
        rows: int64 [rows], numbers in the raw file, ascending.
        labels: int8 [rows].
        seconds: float64 [rows], UTC, NaN where there is no date.

    Returns:
        float64 [rows], and the facts: "dated" (real dates), "placed", "undated" (rows), and "bracket_minutes", the
        distance between the two dates that a placed row stands between, at most, for 95 % of them.
    """
    found, widths = seconds.copy(), [np.zeros(0)]
    for label in (0, 1):
        dated = np.flatnonzero((labels == label) & ~np.isnan(seconds))
        undated = np.flatnonzero((labels == label) & np.isnan(seconds))
        if len(dated) < 2 or not len(undated) or (np.diff(seconds[dated]) >= 0).mean() < IN_ORDER:
            continue
        known = np.maximum.accumulate(seconds[dated])
        after = np.searchsorted(rows[dated], rows[undated]).clip(1, len(dated) - 1)
        width = known[after] - known[after - 1]
        place = np.interp(rows[undated], rows[dated], known, left=np.nan, right=np.nan)
        found[undated] = np.where(width <= DAY, place, np.nan)
        widths.append(width[~np.isnan(found[undated])])
    every = np.concatenate(widths)
    facts = {"dated": int((~np.isnan(seconds)).sum()), "undated": int(np.isnan(found).sum()), "placed": len(every)}
    return found, facts | {"bracket_minutes": round(float(np.percentile(every, 95)) / 60, 1) if len(every) else 0.0}


def both_labels(labels: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Rows inside the range of time in which both labels occur: bool [rows]; without a time (NaN) they are outside.

    Outside it the date alone gives the label away.
    """
    edges = [seconds[(labels == label) & ~np.isnan(seconds)] for label in (0, 1)]
    if not all(map(len, edges)):
        return np.zeros(len(labels), bool)
    first, last = max(edge.min() for edge in edges), min(edge.max() for edge in edges)
    return (seconds >= first) & (seconds <= last)


def later(labels: np.ndarray, seconds: np.ndarray, *, test_rows: int, validation_rows: int, seed: int) -> np.ndarray:
    """Test rows from the last days, validation rows from those before, training rows from all earlier ones.

    Every day holds as many rows of one label as of the other: of the commoner one a random choice stays. Otherwise the
    share of positive rows, which drifts, would tell the label.

    Args:
        labels: int8 [rows]; seconds: float64 [rows], NaN without a time.
        test_rows, validation_rows: wanted; drawn in pairs of both labels from a tenth of the days for each, or from as
            many more as hold them.
        seed: of the choice.

    Returns:
        uint8 [rows], a position in `splitting.SPLITS` or LEFT_OUT.

    Raises:
        SourceError: too few days with both labels.
    """
    generator = np.random.default_rng(seed)
    inside = np.flatnonzero(both_labels(labels, seconds))
    day = np.unique((seconds[inside] // DAY).astype(np.int64), return_inverse=True)[1]
    days = int(day.max()) + 1 if len(day) else 0
    pairs = np.bincount(2 * day + labels[inside], minlength=2 * days).reshape(days, 2).min(axis=1)
    least = max(1, days // 10)
    test_from = _last_days(pairs, pairs_of(test_rows), least=least)
    validation_from = _last_days(pairs[: max(test_from, 0)], pairs_of(validation_rows), least=least)
    if validation_from < 1 or not pairs[:validation_from].sum():
        raise SourceError(
            f"{int(2 * pairs.sum()):,} rows on {days} days with both labels: too few for {test_rows:,} test rows from "
            f"the last days, {validation_rows:,} validation rows from those before and training rows from the days "
            "before these; more days are needed, or smaller test_rows and validation_rows"
        )
    starts = np.r_[0, np.cumsum(pairs)]
    rank = _random_rank(2 * day + labels[inside], generator)
    pair = np.where(rank < pairs[day], starts[day] + rank, -1)
    split = np.full(len(labels), LEFT_OUT, np.uint8)
    edges = (0, validation_from, test_from, days)
    for number, wanted in enumerate((None, pairs_of(validation_rows), pairs_of(test_rows))):
        chosen = generator.permutation(np.arange(starts[edges[number]], starts[edges[number + 1]]))[:wanted]
        split[inside[np.isin(pair, chosen)]] = number
    return split


def pairs_of(rows: int) -> int:
    """Pairs of both labels that make up so many rows."""
    return max(1, (rows + 1) // 2)


def _last_days(pairs: np.ndarray, wanted: int, *, least: int) -> int:
    """The first of the fewest last days, `least` or more, that hold so many pairs; -1 where all of them do not."""
    return min(len(pairs) - 1 - int(np.searchsorted(np.cumsum(pairs[::-1]), wanted)), len(pairs) - least)


def _random_rank(keys: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The place of each row among those of the same key, in random order: int64 [rows], from 0."""
    order = np.lexsort((generator.random(len(keys)), keys))
    ordered, rank = keys[order], np.empty(len(keys), np.int64)
    rank[order] = np.arange(len(keys)) - np.searchsorted(ordered, ordered)
    return rank


def other_users(labels: np.ndarray, users: np.ndarray, *, sizes: dict[str, tuple[int, int]], seed: int) -> np.ndarray:
    """Test and validation rows of users who have written no other row than those.

    Rows without a user may be anybody's: they are for training only.

    Args:
        labels: int8 [rows].
        users: uint64 [rows], a number for each user, 0 for none.
        sizes: rows of (negative, positive) for "test" and "validation".
        seed: of the choice of users, and of the rows that leave so that the sizes are met.

    Returns:
        uint8 [rows], a position in `splitting.SPLITS` or LEFT_OUT.

    Raises:
        SourceError: too few rows with a user.
    """
    generator = np.random.default_rng(seed)
    known = np.flatnonzero(users)
    names, user = np.unique(users[known], return_inverse=True)
    turn = generator.permutation(len(names))[user]
    known, turn = known[np.argsort(turn, kind="stable")], np.sort(turn)
    split = np.full(len(labels), SPLITS.index("train"), np.uint8)
    start = 0
    for name in ("test", "validation"):
        reached = [np.flatnonzero(labels[known[start:]] == label) for label in (0, 1)]
        if any(len(rows) < count for rows, count in zip(reached, sizes[name], strict=True)):
            raise SourceError(
                f"{len(known):,} rows of {len(names):,} users are too few for {sizes} (negative, positive)"
            )
        last = start + max(rows[count - 1] for rows, count in zip(reached, sizes[name], strict=True))
        end = int(np.searchsorted(turn, turn[last], side="right"))
        mine = known[start:end]
        split[mine] = LEFT_OUT
        for label, count in enumerate(sizes[name]):
            split[generator.permutation(mine[labels[mine] == label])[:count]] = SPLITS.index(name)
        start = end
    return split


def order(labels: np.ndarray, split: np.ndarray, *, first: np.ndarray | None = None, seed: int) -> np.ndarray:
    """The place of each row in its split: shuffled, the labels in balance in every prefix (`splitting.interleave`).

    Args:
        labels: int8 [rows]; split: uint8 [rows].
        first: bool [rows], rows that come before the others; of their commoner label the surplus comes with the others.
        seed: of the shuffle.

    Returns:
        int64 [rows]; -1 for rows that are left out.
    """
    generator = np.random.default_rng(seed)
    place = np.full(len(labels), -1, np.int64)
    for number in range(len(SPLITS)):
        rows = generator.permutation(np.flatnonzero(split == number))
        early = np.zeros(len(rows), bool) if first is None else first[rows]
        rank = _random_rank(labels[rows][early], generator)
        early[early] = rank < np.bincount(labels[rows][early], minlength=2).min()
        parts = [_interleaved(rows[early], labels), _interleaved(rows[~early], labels)]
        place[np.concatenate(parts)] = np.arange(len(rows))
    return place


def _interleaved(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    by_label = [rows[labels[rows] == label] for label in (0, 1)]
    return np.concatenate(by_label)[interleave(*map(len, by_label))]
