"""What a connection's socket, or another open file, gives and takes without waiting."""

from __future__ import annotations

import ctypes
import errno
import select
import socket
import struct
import sys
from contextlib import suppress
from typing import Protocol

_AGAIN = (errno.EAGAIN, errno.EWOULDBLOCK)
_CHUNK = 65_536
_ALL = 0xFFFF_FFFF  # bytes of a packet
_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27  # Linux: asm-generic/socket.h
# A filter of Linux's socket(7), as linux/filter.h codes it: load byte 13 of the TCP header, its flags; where SYN is
# set (2), go on, else skip one; drop the packet; keep all of it. Connections that are taken keep it, and send no SYN.
_NO_SYN = b"".join(
    struct.pack("HBBI", *each) for each in [(0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, _ALL)]
)


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


def let_none_connect(listener: socket.socket) -> None:
    """Leave whoever connects from now on without an answer, in all processes that share this listening socket.

    They try again after a second. Who has connected before can still be taken. Does nothing where the socket is not of
    TCP or the kernel has no such filter.
    """
    code = ctypes.create_string_buffer(_NO_SYN, len(_NO_SYN))
    program = struct.pack("HL", len(_NO_SYN) // struct.calcsize("HBBI"), ctypes.addressof(code))
    _set(listener, _SO_ATTACH_FILTER, program)


def let_connect(listener: socket.socket) -> None:
    """The contrary of `let_none_connect`."""
    _set(listener, _SO_DETACH_FILTER, 0)


def _set(listener, option, value):
    if sys.platform == "linux" and listener.family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):  # there is no filter to detach, or this kernel has none to attach
            listener.setsockopt(socket.SOL_SOCKET, option, value)
