"""Records of delimited text and of JSON lines, one after another: what cannot be read is a record too, with its error.

A line is never longer in memory than LONGEST_LINE, a CSV field than csv.field_size_limit(); a quote that is never
closed costs its own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterator
from typing import TextIO

LONGEST_LINE = 1 << 20  # characters
SHOWN = 100  # characters of a line that an error shows
NEVER_CLOSED = "a quote that is never closed, or a field that is too long"


def delimited(file: TextIO, *, delimiter: str) -> Iterator[tuple[list[str] | None, str]]:
    """Records of CSV or TSV as (fields, ""), or (None, error); empty lines are no records.

    Args:
        file: opened with newline="".
    """
    lines = _Lines(file)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.start_record()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            fields = None
        if fields is None or lines.ended:  # the reader asked for more, and there was none
            yield None, f"{NEVER_CLOSED}: {lines.give_back()[:SHOWN]!r}"
        elif fields:
            yield fields, ""


class _Lines:
    """Lines for a csv.reader; those of a record that turns out to be none can be given back, all but the first."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.waiting, self.taken, self.ended = file, deque(), [], False

    def start_record(self) -> None:
        self.taken, self.ended = [], False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.waiting.popleft() if self.waiting else _line(self.file)
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    def give_back(self) -> str:
        first, *others = self.taken
        self.waiting.extendleft(reversed(others))
        return first.rstrip("\r\n")


def _line(file: TextIO) -> str:
    """The next line; one that is too long is cut (which no reader then accepts), and what follows of it is skipped."""
    line = file.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):
        while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
            pass
    return line


def json_lines(file: TextIO) -> Iterator[tuple[dict | None, str]]:
    """Records of JSON lines as (object, ""), or (None, error); empty lines are no records."""
    while line := _line(file):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield None, f"not JSON: {getattr(error, 'msg', error)} in {line.rstrip()[:SHOWN]!r}"
            continue
        if isinstance(record, dict):
            yield record, ""
        else:
            yield None, f"not a JSON object: {line.rstrip()[:SHOWN]!r}"
