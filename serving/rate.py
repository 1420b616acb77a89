"""How many requests a client may make: one table in shared memory, so that a limit holds over all processes.

A token bucket in one number (GCRA, ITU-T I.371): the time by which the client's bucket will be full again.
"""

from __future__ import annotations

import fcntl
import hashlib
import ipaddress
import mmap
import os
import secrets
import struct
import tempfile
import threading
import time
import weakref
from typing import IO

_WAYS = 8  # clients that share one stretch of the table, and its lock
_STRETCH = struct.Struct("<" + "Qd" * _WAYS)  # of each: key, time by which its bucket is full


class Table:
    """Buckets of the clients seen last, in 1 MiB. Make it before the fork.

    A client that others push out of it starts with a full bucket: the limit can become laxer, never stricter.
    """

    def __init__(self, stretches: int = 8192):
        # Anonymous memory that a fork shares: where a mapped file's disk is full, the kernel kills who writes to it.
        self._memory = mmap.mmap(-1, stretches * _STRETCH.size)
        self._file = _empty_file()  # open for as long as the table is; for its locks
        weakref.finalize(self, self._file.close)
        self._stretches = stretches
        self._secret = secrets.token_bytes(16)  # or a client could choose an address that collides with another's
        self._lock = threading.Lock()

    def take(self, client: str, *, per_minute: int) -> float:
        """Take a token of the client, who has `per_minute` at first and gets one back every 60 / `per_minute` seconds.

        Returns:
            Seconds until the next token, where there is none now; 0 where one was taken.
        """
        digest = hashlib.blake2b(client.encode(), digest_size=12, key=self._secret).digest()
        key, number = struct.unpack("<QI", digest)
        start = number % self._stretches * _STRETCH.size
        # The kernel frees a file lock when its process dies, which no lock in shared memory does. It holds between
        # processes only: hence the second lock, between threads.
        with self._lock:
            fcntl.lockf(self._file, fcntl.LOCK_EX, _STRETCH.size, start)
            try:
                return self._take(start, key or 1, 60 / per_minute, per_minute)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _STRETCH.size, start)

    def _take(self, start: int, key: int, interval: float, burst: int) -> float:
        now = time.monotonic()  # the same clock in every process
        row = list(_STRETCH.unpack_from(self._memory, start))
        keys, full_at = row[::2], row[1::2]
        place = keys.index(key) if key in keys else full_at.index(min(full_at))  # the fullest bucket is missed least
        full = max(full_at[place], now) if keys[place] == key else now
        wait = full - now - (burst - 1) * interval
        if wait > 1e-9:
            return wait
        row[2 * place : 2 * place + 2] = key, full + interval
        _STRETCH.pack_into(self._memory, start, *row)
        return 0.0


def _empty_file() -> IO[bytes]:
    """In memory where that can be: the disk may be full."""
    return os.fdopen(os.memfd_create("rates"), "wb") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()


def client_key(address: str) -> str:
    """The part of an address that one client cannot change: an IPv6 client owns the last 64 bits of its own.

    >>> client_key("2001:db8::1"), client_key("::ffff:192.0.2.1"), client_key("192.0.2.1")
    ('2001:db8::/64', '192.0.2.1', '192.0.2.1')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
