"""The allocator of the C library, told to keep what is freed: every step of training wants the same memory again."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3  # glibc: malloc.h, explained in mallopt(3)
_KEPT = {_TRIM_THRESHOLD: 1 << 30, _TOP_PAD: 1 << 26, _MMAP_THRESHOLD: 1 << 25}  # bytes; the last is the most there is


def keep_freed() -> None:
    """Keep freed memory in this process from now on, up to a gigabyte above each heap.

    By itself glibc gives it back to the system, which clears each page before it hands it out again: 16,000 pages a
    step of 512 rows, a third of its time or more. The most that a process takes stays what it was. Does nothing where
    the C library is another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in _KEPT.items():
        mallopt(option, value)
