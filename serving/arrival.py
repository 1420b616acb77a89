"""A request's bytes while they arrive: enough of HTTP/1 to tell when all are there. gunicorn's parser does the rest."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*0*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)
_DIGITS = 18  # of a length that are read: of more, the first are too many bytes as well
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*(?=\r\n)", re.IGNORECASE)
# Without scheme and host, which a proxy may be asked with; possessive, so that none of these is taken for a path.
_FIRST_LINE = re.compile(rb"(\S{1,20}) (?:[a-z][a-z0-9+.-]*://[^/ ?#\r\n]*+)?+([^ ?#\r\n]*)[ ?#]", re.IGNORECASE)
_OLD = re.compile(rb"[^\r\n]* HTTP/1\.0\r\n")
_SIZE = re.compile(rb"0*([0-9a-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n", re.IGNORECASE)
_HEAD_LIMIT = 65_536
_MOST_CHUNKS = 10_000  # of one body


@dataclass(frozen=True)
class Head:
    """A request's first line and headers as they have come, whole or not: enough to answer without a parser."""

    raw: bytes

    def first_line(self) -> tuple[str, str]:
        """Method and path, as the application will read it; empty where there is no such line."""
        found = _FIRST_LINE.match(self.raw)
        if found is None:
            return "", ""
        return found[1].decode("latin-1"), "/" + unquote(found[2].decode("latin-1")).lstrip("/")

    def header(self, name: str) -> str:
        """The values of a header, with commas; empty where it was not sent."""
        found = re.findall(rb"\r\n%b:[ \t]*([^\r\n]*)" % re.escape(name.encode()), self.raw, re.IGNORECASE)
        return ",".join(value.strip().decode("latin-1") for value in found)


@dataclass
class Arrival:
    """What has come of one request so far.

    Attributes:
        deadline: by the monotonic clock, in seconds.
        max_body_bytes: of a body that is worth waiting for.
        wanted: whether the body that follows such headers is worth waiting for.
        received: the bytes, from the request line on.
        malformed: what is wrong with its chunks; empty where nothing is, as far as they have come.
    """

    deadline: float
    max_body_bytes: int
    wanted: Callable[[Head], bool] = lambda head: True
    received: bytearray = field(default_factory=bytearray)
    malformed: str = ""
    _head_end: int = -1
    _total: int | None = None
    _is_cut: bool = False  # its body is not worth waiting for
    _chunk: int = 0  # where the next chunk of a chunked body begins
    _chunks: int = 0  # before that
    _ended: bool = False  # a chunked body, with its last chunk

    def complete(self) -> bool:
        """Whether gunicorn can take it from here without waiting; too large a request counts as complete."""
        if not self._read_head():
            return self.head_too_large()
        if self._total is not None:
            return len(self.received) >= self._total
        return self._read_chunks() or len(self.received) > self._head_end + 2 * self.max_body_bytes + _HEAD_LIMIT

    def whole(self) -> bool:
        """Whether all of it has come, and not only as much as is waited for: the next request can be told from it."""
        return self._read_head() and not self._is_cut and self.complete() and (self._ended or self._total is not None)

    def cost(self) -> int:
        """What reading it costs, in bytes: a chunk as much as a hundred of them."""
        return len(self.received) + 100 * self._chunks

    def owes_continue(self) -> bool:
        """Whether the client waits for `100 Continue`; true once."""
        if not self._read_head():
            return False
        asked = False
        while match := _EXPECT.search(self.received, 0, self._head_end):  # gunicorn would say it again
            asked = True
            del self.received[match.start() : match.end()]
            removed = match.end() - match.start()
            self._head_end -= removed
            self._chunk -= removed
            self._total = self._total - removed if self._total is not None else None
        # RFC 9110, 10.1.1: not to an HTTP/1.0 client. Nor to one whose body is here, or will be refused.
        return asked and not self.complete() and _OLD.match(self.received) is None

    def head_too_large(self) -> bool:
        """Whether there is no end of the headers within what is waited for."""
        return not self._read_head() and len(self.received) > _HEAD_LIMIT

    def head(self) -> Head:
        """Its first line and headers, as far as they have come."""
        return Head(bytes(self.received[: self._head_end if self._read_head() else _HEAD_LIMIT]))

    def _read_head(self) -> bool:
        if self._head_end >= 0:
            return True
        if self.received.startswith(b"\r\n"):  # RFC 9112, 2.2: some clients end their body so
            del self.received[: len(self.received) - len(self.received.lstrip(b"\r\n"))]
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head_end = self._chunk = end + 4
        head = bytes(self.received[: self._head_end])
        chunked, length = _CHUNKED.search(head), _LENGTH.search(head)
        body = int(length[1][:_DIGITS]) if length and not chunked else 0
        self._is_cut = body > self.max_body_bytes or bool((chunked or body) and not self.wanted(Head(head)))
        if self._is_cut or not chunked:
            self._total = self._head_end + (0 if self._is_cut else body)
        return True

    def _read_chunks(self) -> bool:
        """Whether a chunked body (RFC 9112, 7.1) has ended, or is none."""
        while not self.malformed and (line_end := self.received.find(b"\r\n", self._chunk)) >= 0:
            size = _SIZE.fullmatch(self.received, self._chunk, line_end + 2)
            if size is None or self.received[self._chunk - 2 : self._chunk] != b"\r\n":
                self.malformed = "The body's chunks are broken."
            elif int(size[1], 16) == 0:
                self._ended = self.received.find(b"\r\n\r\n", line_end) >= 0  # after trailers, or at once
                return self._ended or len(self.received) > line_end + _HEAD_LIMIT
            elif self._chunks == _MOST_CHUNKS:
                self.malformed = f"The body has more than {_MOST_CHUNKS} chunks."
            else:
                self._chunk = line_end + 2 + int(size[1], 16) + 2
                self._chunks += 1
        return bool(self.malformed) or len(self.received) > self._chunk + _HEAD_LIMIT
