"""Records of delimited text and of JSON lines, one after another: what cannot be read is a record too, with its error.

A line is never longer in memory than LONGEST_LINE, a CSV field than csv.field_size_limit(): a record with a longer one
is one error, however many lines it has. A quote that is never closed costs its own line, not the rest of the file.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import TextIO

LONGEST_LINE = 1 << 20  # characters
SHOWN = 100  # characters of a line that an error shows
NEVER_CLOSED, TOO_LONG = "a quote that is never closed", "a field or a line that is too long"
QUOTE, LINE_ENDS = '"', ("\r", "\n")


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
            if fields is None or lines.ended or lines.cut:  # ended: the reader asked for more, and there was none
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

    def pass_over(self) -> bool:
        """Read on to the end of the record; with a quote that is never closed it ends with the line of that quote.

        What was read after that line comes again: nobody knows a quote to be open before all is read, so that it waits
        on the disk where it is long.

        Returns:
            Whether all quotes are closed.
        """
        record, taken = _Quotes(self.delimiter), iter(self.taken)
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


class _Quotes:
    """Follows the quotes of one record through pieces of its text, as csv.reader understands them.

    But for one thing: a quote that was opened on an earlier line closes at the end of a field, or it was never closed
    and what was found opens another. So `"4,never closed` is told from the line `"5","good day"` below it.

    Attributes:
        over: the record has ended, or was none.
        closed: no quote is open, as far as it was followed.
    """

    def __init__(self, delimiter: str) -> None:
        self.field_ends = (delimiter, *LINE_ENDS)
        # Fields without quotes are passed at once, as there may be a million of them; a cut may hide the quote.
        self.tells = re.compile(rf'{delimiter}(?="|\Z)|[\r\n]')
        self.follow_on, self.over, self.closed = self._start, False, True
        self.spans_lines = self.opened = False

    def follow(self, piece: str) -> bool:
        """Follow a piece, which is a line or what was cut from one; returns whether a quoted field begins in it."""
        place, self.opened = 0, False
        while place < len(piece) and not self.over:
            place = self.follow_on(piece, place)
        self.spans_lines |= piece.endswith(LINE_ENDS)
        return self.opened

    def _start(self, piece: str, place: int) -> int:
        """At the start of a field."""
        if piece[place] != QUOTE:
            self.follow_on = self._plain
            return place
        self.follow_on, self.closed, self.opened, self.spans_lines = self._quoted, False, True, False
        return place + 1

    def _quoted(self, piece: str, place: int) -> int:
        """Behind a quote that is open."""
        found = piece.find(QUOTE, place)
        if found < 0:
            return len(piece)
        self.follow_on, self.closed = self._behind_quote, True
        return found + 1

    def _behind_quote(self, piece: str, place: int) -> int:
        """Behind a quote within a quoted field: it was doubled, or closes the field."""
        if piece[place] == QUOTE:
            self.follow_on, self.closed = self._quoted, False
            return place + 1
        if self.spans_lines and piece[place] not in self.field_ends:
            self.over, self.closed = True, False
        self.follow_on = self._plain
        return place

    def _plain(self, piece: str, place: int) -> int:
        """Where a quote means nothing: up to the next field that may begin with one."""
        found = self.tells.search(piece, place)
        if found is None:
            return len(piece)
        self.over, self.follow_on = found[0] in LINE_ENDS, self._start
        return found.end()


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
