"""What a connection's socket gives and takes without waiting."""

from __future__ import annotations

import errno
import select
import socket

_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_CHUNK = 65_536


def read(sock: socket.socket) -> tuple[bytes, bool]:
    """What has come, and whether the client has ended."""
    try:
        received = sock.recv(_CHUNK)
    except OSError as error:
        return b"", error.errno not in _AGAIN
    return received, not received


def takes(sock: socket.socket) -> bool:
    """Whether a small answer can be sent."""
    poll = select.poll()
    poll.register(sock, select.POLLOUT)
    return bool(poll.poll(0))
