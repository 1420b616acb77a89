"""A line of JSON as a row of texts."""

from __future__ import annotations

import json
import math

ERRORS = (ValueError, KeyError, TypeError, RecursionError)


def read(line: str, wanted: dict[str, str]) -> dict[str, str | None]:
    """The value of each role, as text.

    Only text and label must be there: a row is of use without the others, and many writers leave out what is null.

    Args:
        wanted: role → field.

    Raises:
        Exception: one of `ERRORS`; the line is no such record.

    >>> read('{"tweet": "hi", "stars": 1, "more": []}', {"text": "tweet", "label": "stars", "date": "day"})
    {'text': 'hi', 'label': '1', 'date': None}
    """
    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise TypeError(f"a {type(fields).__name__}")
    needed = [name for role, name in wanted.items() if role in ("text", "label")]
    return {role: _scalar(fields[name] if name in needed else fields.get(name)) for role, name in wanted.items()}


def _scalar(value: object) -> str | None:
    if isinstance(value, list | dict):
        raise TypeError(f"a {type(value).__name__} where a text or number is expected")
    if isinstance(value, float) and math.isnan(value):
        return None
    if value is None or isinstance(value, str):
        # A lone surrogate is valid JSON but no text.
        return value if value is None else value.encode("utf-8", "replace").decode("utf-8")
    return str(value).lower() if isinstance(value, bool) else str(value)


def why_not(error: Exception) -> str:
    """Why a line could not be read, in words."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg}"
    return f"no field {error}" if isinstance(error, KeyError) else f"not a JSON object of texts: {error}"
