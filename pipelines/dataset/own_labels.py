"""What the label values of a user's own table mean: two of them are classes, some are set aside as neutral."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipelines.dataset.own_texts import KNOWN_PAIRS, MOST_NAMED, Request
from pipelines.dataset.provenance import Source, SourceError

NEUTRAL_WORDS = ("neutral", "neu")


def count(path: Path, *, format: str, columns: dict[str, str | None]) -> Counter[str]:
    """How often each label value occurs, in the spelling of `cleaning.label_text`; an empty one is not counted."""
    import pyarrow.compute as pc

    from pipelines.dataset import cleaning, tables

    counts: Counter[str] = Counter()
    for rows in tables.read_file(path, format=format, columns=columns):
        found = pc.value_counts(cleaning.label_text(pc.fill_null(rows.table["label"].combine_chunks(), "")))
        counts.update(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))
    counts.pop("", None)
    return counts


def choose(
    counts: Counter[str], request: Request, *, column: str, known: Source | None = None
) -> tuple[dict[str, str], list[str]]:
    """Which value means negative and which positive, and which ones are set aside.

    Args:
        counts: value → rows.
        request: what the user says, which comes first.
        column: for the errors.
        known: the data set that the rows are added to: its values mean what they meant there.

    Raises:
        SourceError: not two values are left, or two of which nobody said what they mean; names what was found.
    """
    given = {role: _spellings(getattr(request, role), counts, role, column) for role in ("negative", "positive")}
    ignored = _spellings(request.neutral, counts, "neutral", column)
    named = sum(given.values(), ignored)
    if twice := [value for value in named if named.count(value) > 1]:
        roles = [role.upper() for role, values in (*given.items(), ("neutral", ignored)) if twice[0] in values]
        raise SourceError(f"{' and '.join(roles)} are both {twice[0]!r}; column {column!r} holds {_shown(counts)}")
    if known and not any(given.values()) and not {*ignored} & {*known.labels.values()}:
        aside = [value for value in (*known.ignored_labels, *NEUTRAL_WORDS, *ignored) if value in counts]
        if {*known.labels.values()} <= {*counts} <= {*known.labels.values(), *aside}:
            return known.labels, list(dict.fromkeys(aside))
    if not ignored and len(counts) > 2:
        ignored = [word for word in NEUTRAL_WORDS if word in counts and word not in named]
    left = Counter({value: rows for value, rows in counts.items() if value not in ignored})
    return _two(left, {role: values[0] for role, values in given.items() if values}, column), ignored


def _two(counts: Counter[str], given: dict[str, str], column: str) -> dict[str, str]:
    if len(counts) != 2:
        number = "no label" if not counts else f"{len(counts)} label{'s' * (len(counts) > 1)}: {_shown(counts)}"
        raise SourceError(
            f"column {column!r} holds {number}; two are needed: NEUTRAL=value sets rows aside (several as 1,2), "
            "LABEL=column names another one"
        )
    for role, value in given.items():
        other = next(one for one in counts if one != value)
        return {"negative": value, "positive": other} if role == "negative" else {"negative": other, "positive": value}
    for negative, positive in KNOWN_PAIRS:
        if set(counts) == {negative, positive}:
            return {"negative": negative, "positive": positive}
    raise SourceError(f"column {column!r} holds {_shown(counts)}; say which is which: NEGATIVE=… POSITIVE=…")


def _shown(counts: Counter[str]) -> str:
    found = ", ".join(f"{value[:40]!r} ({rows:,} rows)" for value, rows in counts.most_common(MOST_NAMED))
    return found + (f" and {len(counts) - MOST_NAMED} more" if len(counts) > MOST_NAMED else "")


def _spellings(said: str | None, counts: Counter[str], role: str, column: str) -> list[str]:
    """What was said, spelt as the values are; of neutral ones several, between commas."""
    import pyarrow as pa

    from pipelines.dataset import cleaning

    values = [] if not said else said.split(",") if role == "neutral" else [said]
    if role != "neutral" and said and "," in said and said not in counts and {*said.split(",")} & {*counts}:
        raise SourceError(
            f"{role.upper()}={said}: a data set has one value for each class. Make a column of two values first, and "
            "name the others in NEUTRAL= (make evaluate-on and make monitor take several)"
        )
    spelt = cleaning.label_text(pa.array(values, pa.string())).to_pylist()
    for value, shown in zip(spelt, values, strict=True):
        if value not in counts:
            raise SourceError(
                f"{role.upper()}={shown} does not occur in column {column!r}, which holds {_shown(counts)}"
            )
    return spelt
