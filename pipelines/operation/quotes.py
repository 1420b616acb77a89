"""The quotes of a delimited record, followed piece by piece."""

from __future__ import annotations

import re

QUOTE, LINE_ENDS = '"', ("\r", "\n")


class Quotes:
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
