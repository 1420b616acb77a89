"""Which row goes where: duplicates, conflicts and splits, decided from a hash and a label for each row.

Pure functions on arrays. A group is the rows whose texts have the same key; it never straddles two splits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipelines.dataset.provenance import SourceError

KEPT, DUPLICATE, CONFLICT, IN_MANUAL = 0, 1, 2, 3
SPLITS = ("train", "validation", "test")
DEFAULT_TEST_ROWS, DEFAULT_VALIDATION_ROWS = 50_000, 20_000
SMALL_SHARE = 0.1
# From this minority share on, the training order alternates strictly between the classes: half a percentage point is
# then the most that a prefix strays from the whole.
ALTERNATE_FROM = 0.495


@dataclass(frozen=True)
class Groups:
    """What grouping by key found.

    Attributes:
        fate: uint8 [rows], KEPT, DUPLICATE, CONFLICT or IN_MANUAL.
        counts: rows and groups of each kind.
        largest: (position of the first row, rows, positive rows) of the largest groups, one-label and conflicting.
        repeats: what groups of two rows and more say of the labels, see `disagreement`.
    """

    fate: np.ndarray
    counts: dict[str, int]
    largest: list[tuple[int, int, int]]
    repeats: dict[str, float]


def group(keys: np.ndarray, labels: np.ndarray, *, manual_keys: np.ndarray, largest: int = 12) -> Groups:
    """Group rows by key and decide which stay.

    A group with both labels leaves; so does one that occurs in the manual test set; of the others the first row stays.

    Args:
        keys: uint64 [rows], hashes of the keys.
        labels: int8 [rows], 0 or 1.
        manual_keys: uint64 [any], of the manual test set.
        largest: how many of the largest groups to name.
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(keys) else np.zeros(0, np.int64)
    sizes = np.diff(np.r_[starts, len(keys)])
    positives = np.add.reduceat(labels[order], starts, dtype=np.int64) if len(keys) else sizes
    conflict = (positives > 0) & (positives < sizes)
    in_manual = ~conflict & np.isin(ordered[starts], manual_keys)
    fate = np.empty(len(keys), np.uint8)
    leaves_as = np.where(conflict, CONFLICT, np.where(in_manual, IN_MANUAL, DUPLICATE)).astype(np.uint8)
    fate[order] = np.repeat(leaves_as, sizes)
    fate[order[starts[~conflict & ~in_manual]]] = KEPT
    repeated = (sizes > 1) & ~conflict & ~in_manual
    counts = {
        "conflict_groups": int(conflict.sum()),
        "conflict_rows": int((fate == CONFLICT).sum()),
        "overlap_with_manual": int((fate == IN_MANUAL).sum()),
        "duplicate_groups": int(repeated.sum()),
        "duplicates_removed": int((fate == DUPLICATE).sum()),
        "kept": int((fate == KEPT).sum()),
    }
    top = np.argsort(-sizes, kind="stable")[:largest]
    named = [(int(order[starts[g]]), int(sizes[g]), int(positives[g])) for g in top if sizes[g] > 1]
    return Groups(fate, counts, named, disagreement(sizes, positives))


def disagreement(sizes: np.ndarray, positives: np.ndarray) -> dict[str, float]:
    """How often a row of a repeated text disagrees with the majority of the rows with that text.

    The interval is that of a ratio of sums over groups (Cochran 1977, "Sampling Techniques", section 6.3): rows of one
    text are not independent of each other.

    Args:
        sizes, positives: int [groups], rows and positive rows; groups of one row say nothing.

    Returns:
        "groups", "rows", "disagreeing" (rows), and with two groups or more "rate", "low" and "high" (95 %).
    """
    size, positive = sizes[sizes > 1].astype(np.float64), positives[sizes > 1]
    minority = np.minimum(positive, size - positive)
    groups, rows = len(size), size.sum()
    found = {"groups": groups, "rows": int(rows), "disagreeing": int(minority.sum())}
    if groups < 2:
        return found
    rate = minority.sum() / rows
    error = 1.96 * np.sqrt(np.square(minority - rate * size).sum() * groups / (groups - 1)) / rows
    return found | {"rate": float(rate), "low": float(max(rate - error, 0)), "high": float(min(rate + error, 1))}


def ungrouped(groups: Groups) -> Groups:
    """The same groups with every row kept, as most published splits do: to see what that would have claimed."""
    counts = dict.fromkeys(groups.counts, 0) | {"kept": len(groups.fate)}
    return replace(groups, fate=np.full(len(groups.fate), KEPT, np.uint8), counts=counts)


def split_sizes(
    kept: tuple[int, int], *, official: bool, test_rows: int | None, validation_rows: int | None
) -> dict[str, tuple[int, int]]:
    """How many rows of each class the test and validation splits take.

    Args:
        kept: rows that stay, (negative, positive).
        official: Sentiment140: 50,000 and 20,000 rows, half of each class; anything else (or too few rows for that):
            a tenth each, with the classes in proportion.
        test_rows, validation_rows: what was asked for; None for the default.

    Raises:
        SourceError: a class that has too few rows.
    """
    wanted = {"test": test_rows, "validation": validation_rows}
    defaults = {"test": DEFAULT_TEST_ROWS, "validation": DEFAULT_VALIDATION_ROWS}
    large = official and min(kept) >= sum(defaults.values())
    sizes = {}
    for name, rows in wanted.items():
        if rows is None and not large:
            sizes[name] = tuple(max(1, round(SMALL_SHARE * count)) for count in kept)
            continue
        rows = defaults[name] if rows is None else rows
        negative = rows // 2 if official else round(rows * kept[0] / max(sum(kept), 1))
        sizes[name] = (negative, rows - negative)
    for label, name in enumerate(("negative", "positive")):
        taken = sum(size[label] for size in sizes.values())
        if kept[label] <= taken or min(size[label] for size in sizes.values()) < 1:
            raise SourceError(
                f"{kept[label]} {name} rows are left after cleaning; test and validation ask for {taken} of them, "
                "each at least 1, and training needs the rest: more rows, or other test_rows and validation_rows"
            )
    return sizes


def assign(labels: np.ndarray, *, sizes: dict[str, tuple[int, int]], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Shuffle rows into splits, each in its final order.

    Args:
        labels: int8 [kept], 0 or 1.
        sizes: rows of (negative, positive) for "test" and "validation"; the rest is for training.
        seed: the same seed gives the same splits.

    Returns:
        split uint8 [kept], a position in `SPLITS`; and place int64 [kept], the row's place in its split. Any prefix
        of a split holds the classes in equal numbers (or in proportion, see `interleave`).
    """
    generator = np.random.default_rng(seed)
    by_class = [generator.permutation(np.flatnonzero(labels == label)) for label in (0, 1)]
    split, place = np.empty(len(labels), np.uint8), np.empty(len(labels), np.int64)
    start = [0, 0]
    for name in ("test", "validation", "train"):
        taken = sizes.get(name, (len(by_class[0]) - start[0], len(by_class[1]) - start[1]))
        pieces = [rows[first : first + count] for rows, first, count in zip(by_class, start, taken, strict=True)]
        rows = np.concatenate(pieces)[interleave(*taken)]
        split[rows], place[rows] = SPLITS.index(name), np.arange(len(rows))
        start = [first + count for first, count in zip(start, taken, strict=True)]
    return split, place


def interleave(negative: int, positive: int) -> np.ndarray:
    """An order of `negative` + `positive` rows whose prefixes are balanced: strictly alternating while both last when
    the smaller class has at least 49.5 %, in proportion otherwise.

    >>> interleave(3, 2)
    array([0, 3, 1, 4, 2])
    """
    total = max(negative + positive, 1)
    if min(negative, positive) / total >= ALTERNATE_FROM or total < 8:
        rank = np.r_[np.arange(negative), np.arange(positive)]
    else:
        rank = np.r_[(np.arange(negative) + 0.5) / max(negative, 1), (np.arange(positive) + 0.5) / max(positive, 1)]
    return np.argsort(rank, kind="stable")
