"""One batch of raw rows at a time: encoding repaired, labels and dates read, unusable rows set aside with a reason."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.dataset import text
from pipelines.dataset.provenance import ROLES, Source
from pipelines.dataset.tables import Rejected, Rows

NEGATIVE, POSITIVE, NEUTRAL, UNKNOWN = 0, 1, 2, -1
SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("date", pa.timestamp("s")),
        ("user", pa.string()),
        ("text", pa.string()),
        ("label", pa.int8()),
    ]
)
LOST = "\N{REPLACEMENT CHARACTER}"
# Hours that a time zone's clock is ahead of UTC. Sentiment140 has PDT, its manual test set UTC, Twitter's API +0000.
ZONES = {"PDT": -7, "PST": -8, "UTC": 0, "GMT": 0, "+0000": 0}


@dataclass(frozen=True)
class Judged:
    """Which rows of a batch can be used.

    Attributes:
        rows: int64 [usable], numbers in the raw file.
        labels: int8 [usable], 0 negative, 1 positive.
        keys: string [usable], see `text.duplicate_key`.
        rejected: the rows that cannot be used, with reasons.
        counts: how many rows were read, are neutral, were repaired, …
    """

    rows: np.ndarray
    labels: np.ndarray
    keys: pa.Array
    rejected: list[Rejected]
    counts: Counter[str]


def judge(rows: Rows, source: Source) -> Judged:
    """Decide which rows of a batch can be used, and by what key their duplicates are found."""
    table = rows.table.combine_chunks()
    texts, counts = read_texts(table, source)
    labels, keys = read_labels(_column(table, "label"), source), text.duplicate_key(texts)
    reasons = _reasons(_column(table, "label"), labels=labels, keys=keys, source=source)
    unusable = np.isin(np.arange(len(labels)), list(reasons))
    rejected = [*rows.rejected, *(_rejected(table, position, why) for position, why in reasons.items())]
    counts.update(
        read=len(labels) + len(rows.rejected),
        rejected=len(rejected),
        neutral=int(((labels == NEUTRAL) & ~unusable).sum()),
    )
    good = ~unusable & (labels != NEUTRAL)
    numbers = table["row"].to_numpy()[good]
    return Judged(numbers, labels[good], keys.filter(pa.array(good)), sorted(rejected, key=lambda one: one.row), counts)


def finish(table: pa.Table, source: Source) -> tuple[pa.Table, Counter[str]]:
    """Raw rows that were judged usable → rows of a split (`SCHEMA`), and how many dates could not be read."""
    table = table.combine_chunks()
    texts, _ = read_texts(table, source)
    dates, unread = read_dates(_column(table, "date"))
    labels = pa.array(read_labels(_column(table, "label"), source))
    columns = [table["row"].combine_chunks(), _or_null(table, "id"), dates, _or_null(table, "user"), texts, labels]
    return pa.table(columns, schema=SCHEMA), Counter(dates_unreadable=unread)


def read_texts(table: pa.Table, source: Source) -> tuple[pa.Array, Counter[str]]:
    """The texts of raw rows, repaired where the data set is known to need it; and how many were repaired."""
    texts = _column(table, "text")
    return repair_encoding(texts) if source.kind == "sentiment140" else (texts, Counter())


def _column(table: pa.Table, name: str) -> pa.Array:
    return pc.fill_null(table[name].combine_chunks(), "")


def _or_null(table: pa.Table, name: str) -> pa.Array:
    values = table[name].combine_chunks()
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, pa.string()), values)


def repair_encoding(texts: pa.Array) -> tuple[pa.Array, Counter[str]]:
    """Undo double encoding: UTF-8 that was read as latin-1 once too often ("cafÃ©" → "café").

    A text of which some bytes are lost is repaired as far as it goes; what does not decode at all stays as it is.

    Args:
        texts: string [rows].

    Returns:
        string [rows], and how many were repaired: {"repaired_encoding", "repaired_in_part"}.
    """
    foreign = pc.invert(pc.string_is_ascii(texts))
    repaired, counts = [], Counter()
    for broken in texts.filter(foreign).to_pylist():
        whole, kind = _decode_again(broken)
        repaired.append(whole)
        counts.update([kind] if kind else [])
    if not repaired:
        return texts, counts
    return pc.replace_with_mask(texts, foreign, pa.array(repaired, pa.string())), counts


def _decode_again(broken: str) -> tuple[str, str | None]:
    try:
        encoded = broken.encode("latin-1")
    except UnicodeEncodeError:
        return broken, None
    try:
        return encoded.decode("utf-8"), "repaired_encoding"
    except UnicodeDecodeError:
        guess = encoded.decode("utf-8", "replace")
        lost = guess.count(LOST)
        restored = len(guess) - lost - sum(map(str.isascii, guess))
        return (guess, "repaired_in_part") if restored > lost else (broken, None)


def label_text(labels: pa.Array) -> pa.Array:
    """Label values in one spelling: trimmed, lower case, whole numbers without a fraction ("1.0" → "1")."""
    plain = pc.utf8_lower(pc.utf8_trim_whitespace(labels))
    return pc.replace_substring_regex(plain, pattern=r"^\+?(-?[0-9]+)(?:\.0+)?$", replacement=r"\1")


def read_labels(labels: pa.Array, source: Source) -> np.ndarray:
    """Label values → int8 [rows]: 0 negative, 1 positive, 2 neutral (dropped), -1 none of these."""
    known = [source.labels["negative"], source.labels["positive"], *source.ignored_labels]
    found = pc.index_in(label_text(labels), value_set=pa.array(known, pa.string()))
    return np.minimum(pc.fill_null(found, UNKNOWN).to_numpy(zero_copy_only=False), NEUTRAL).astype(np.int8)


def read_dates(dates: pa.Array) -> tuple[pa.Array, int]:
    """Dates as Twitter wrote them ("Mon Apr 06 22:19:45 PDT 2009") or in ISO 8601 → UTC, timestamp[s] [rows].

    Returns:
        The dates, null where there is none or it cannot be read; and how many could not be read.
    """
    found = pa.nulls(len(dates), pa.timestamp("s"))
    given = pc.not_equal(dates, "")
    if not pc.any(given).as_py():
        return found, 0
    for zone, hours in ZONES.items():
        parsed = pc.strptime(dates, format=f"%a %b %d %H:%M:%S {zone} %Y", unit="s", error_is_null=True)
        found = pc.coalesce(found, pc.subtract(parsed, pa.scalar(hours * 3600, pa.duration("s"))))
    if pc.any(pc.and_(given, pc.is_null(found))).as_py():
        found = pc.coalesce(found, _read_iso_dates(dates))
    return found, pc.sum(pc.and_(given, pc.is_null(found))).as_py()


def _read_iso_dates(dates: pa.Array) -> pa.Array:
    import pandas as pd

    parsed = pd.to_datetime(dates.to_pandas(), format="ISO8601", utc=True, errors="coerce").dt.tz_localize(None)
    return pa.array(parsed.dt.as_unit("s"), pa.timestamp("s"))


def _reasons(values: pa.Array, *, labels: np.ndarray, keys: pa.Array, source: Source) -> dict[int, str]:
    """Position → why the row there cannot be used."""
    empty = pc.equal(keys, "").to_numpy(zero_copy_only=False)
    reasons = {}
    for position in map(int, np.flatnonzero(empty | (labels == UNKNOWN))):
        value = values[position].as_py()
        if labels[position] != UNKNOWN:
            reasons[position] = "empty text"
        elif not value.strip():
            reasons[position] = "no label"
        else:
            reasons[position] = f"label {value[:40]!r}: expected {' or '.join(map(repr, source.labels.values()))}"
    return reasons


def _rejected(table: pa.Table, position: int, reason: str) -> Rejected:
    fields = [table[role][position].as_py() or "" for role in ("label", *[role for role in ROLES if role != "label"])]
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return Rejected(table["row"][position].as_py(), reason, line.getvalue())
