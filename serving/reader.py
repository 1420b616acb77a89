"""What gunicorn's parser reads a request from that is here whole: in small pieces, and not a byte beyond it.

Given all at once, the parser would copy what is left of a body with each kilobyte and each chunk that it takes off.
"""

from __future__ import annotations

import errno

from gunicorn.http.unreader import Unreader

_PIECE = 1024  # bytes: what gunicorn asks a body for at a time


class WholeRequest(Unreader):
    """Reads from the bytes that have come.

    Args:
        received: a request, and perhaps the beginning of the next one.
    """

    def __init__(self, received: bytes):
        super().__init__()
        self._received, self._read = received, 0

    def chunk(self) -> bytes:
        """The next piece.

        Raises:
            ConnectionResetError: there is none: a request that is shorter than it says must not hold a thread.
        """
        piece = self._received[self._read : self._read + _PIECE]
        if not piece:
            raise ConnectionResetError(errno.ECONNRESET, "the request is shorter than it says")
        self._read += len(piece)
        return piece

    def left(self) -> bool:
        """Whether something has come that is not read yet."""
        return bool(self.buf.tell()) or self._read < len(self._received)

    def take_buffered(self) -> bytes:
        """All that is not read yet."""
        rest = super().take_buffered() + self._received[self._read :]
        self._read = len(self._received)
        return rest
