"""Rows of a table as lines of JSON (RFC 8259), which has no NaN, no infinities and no times."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import pyarrow as pa


def lines(table: pa.Table) -> Iterator[str]:
    """Each row as an object on a line of its own; times as text.

    Raises:
        ValueError: a time lies where Python has no calendar.
    """
    try:
        rows = table.to_pylist()
    except (OverflowError, ValueError) as error:
        raise ValueError(f"a value cannot be written as .jsonl ({error}): use .parquet") from None
    return (json.dumps(_finite(row), ensure_ascii=False, default=str) + "\n" for row in rows)


def _finite(value: object) -> object:
    """The same with null for numbers that JSON has not."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
