"""What a connection's socket, or another open file, gives and takes without waiting."""

from __future__ import annotations

import errno
import select
import socket
from typing import Protocol

_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_CHUNK = 65_536


class HasFileno(Protocol):
    """A socket or a file."""

    def fileno(self) -> int:
        """Its descriptor."""


def read(sock: socket.socket) -> tuple[bytes, bool]:
    """What has come, and whether the client has ended."""
    try:
        received = sock.recv(_CHUNK)
    except OSError as error:
        return b"", error.errno not in _AGAIN
    return received, not received


def takes(file: HasFileno, *, milliseconds: int = 0) -> bool:
    """Whether a little can be written to it, by then."""
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    return bool(poll.poll(milliseconds))
