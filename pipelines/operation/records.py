"""Records of delimited text and of JSON lines, one after another: what cannot be read is a record too, with its error.

A line is never longer in memory than LONGEST_LINE, a CSV field than csv.field_size_limit(): a record with a longer one
is one error, however many lines it has. A quote that is never closed costs its own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import TextIO

from pipelines.operation.quotes import LINE_ENDS, Quotes

LONGEST_LINE = 1 << 20  # characters
SHOWN = 100  # characters of a line that an error shows
NEVER_CLOSED, TOO_LONG = "a quote that is never closed", "a field or a line that is too long"


def delimited(file: TextIO, *, delimiter: str) -> Iterator[tuple[list[str] | None, str]]:
    """Records of CSV or TSV as (fields, ""), or (None, error); empty lines are no records.

    Args:
        file: opened with newline="".
    """
    with closing(_Lines(file, delimiter)) as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            lines.start_record()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                fields = None
            # ended: the reader asked for more, and there was none
            if fields is None or lines.ended or lines.cut or lines.swallowed():
                shown = lines.taken[0].rstrip("\r\n")[:SHOWN]
                yield None, f"{TOO_LONG if lines.pass_over() else NEVER_CLOSED}: {shown!r}"
            elif fields:
                yield fields, ""


class _Lines:
    """Lines for a csv.reader, which can be brought behind a record that the reader gave up.

    Of a line that is too long the reader gets the beginning; the rest waits in the file for `pass_over`.
    """

    def __init__(self, file: TextIO, delimiter: str) -> None:
        self.sources, self.delimiter = [file], delimiter  # the last one is read first
        self.start_record()

    def start_record(self) -> None:
        self.taken, self.ended, self.cut = [], False, False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = "" if self.cut else self._read()
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        self.cut = len(line) == LONGEST_LINE and not line.endswith(LINE_ENDS)
        return line

    def close(self) -> None:
        """Close what waits; the file is another's."""
        for waiting in self.sources[1:]:
            waiting.close()

    def _read(self) -> str:
        while not (piece := self.sources[-1].readline(LONGEST_LINE)) and len(self.sources) > 1:
            self.sources.pop().close()
        return piece

    def swallowed(self) -> bool:
        """Whether the record took in the lines below a quote that was never closed, up to one that opened another."""
        if len(self.taken) < 2:
            return False
        record = Quotes(self.delimiter)
        for line in self.taken:
            record.follow(line)
        return not record.closed

    def pass_over(self) -> bool:
        """Read on to the end of the record; with a quote that is never closed it ends with the line of that quote.

        What was read after that line comes again: nobody knows a quote to be open before all is read, so that it waits
        on the disk where it is long.

        Returns:
            Whether all quotes are closed.
        """
        record, taken = Quotes(self.delimiter), iter(self.taken)
        behind, own_line = _waiting(), True
        for piece in chain(taken, iter(self._read, "")):
            if record.follow(piece):
                behind.truncate(behind.seek(0))
                own_line = True
            if not own_line:
                behind.write(piece)
            own_line &= not piece.endswith(LINE_ENDS)
            if record.over:
                break
        if record.closed:
            behind.close()
        else:
            behind.writelines(taken)
            behind.seek(0)
            self.sources.append(behind)
        return record.closed


def _waiting() -> TextIO:
    """Lines that wait to be read again: in memory where they are few."""
    return tempfile.SpooledTemporaryFile(LONGEST_LINE, "w+", encoding="utf-8", errors="surrogatepass", newline="")


def _line(file: TextIO) -> str:
    """The next line; one that is too long is cut (which no reader then accepts), and what follows of it is skipped."""
    line = file.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE and not line.endswith(LINE_ENDS):
        while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(LINE_ENDS):
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
