"""What the workers of one machine share: a little memory, made in gunicorn's master before it forks."""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass, field

from serving.rate import Table

_LOAD = struct.Struct("<dq")  # when it was written, by the monotonic clock, and connections
_COUNT = struct.Struct("<q")
_FRESH_SECONDS = 1.0


class Board:
    """Which workers are ready, and how many connections each has.

    A worker writes its own place only; the master clears that of one that has ended, and counts the reloads asked for.
    """

    def __init__(self, places: int = 1024):
        # Anonymous memory that a fork shares, all zeros: a byte for each place, one for `ever`, the loads, the reloads.
        self._memory = mmap.mmap(-1, places + 1 + places * _LOAD.size + _COUNT.size)
        self._places = places
        self.place = 0  # of this process
        self._heard = 0  # reloads that this process knows of

    def reserve(self, taken: set[int]) -> int:
        """The first place that is not taken; it becomes that of the process which is forked next."""
        self.place = next(place for place in range(self._places) if place not in taken)
        self._heard = self._reloads()
        return self.place

    def show(self, ready: bool, connections: int = 0) -> None:
        """Whether this process has a model that answers, and how many connections it holds."""
        _LOAD.pack_into(self._memory, self._load(self.place), time.monotonic(), connections)
        self._memory[self.place] = ready
        self._memory[self._places] |= ready

    def clear(self, place: int) -> None:
        """The process at this place is no more."""
        self._memory[place] = 0

    def anyone_ready(self) -> bool:
        """Whether some process can answer now."""
        return self._memory.find(b"\x01", 0, self._places) >= 0

    def least_connections(self) -> int:
        """The fewest connections of a ready process that has shown itself lately; none: a number above all."""
        now, least, place = time.monotonic(), 1 << 40, -1
        while (place := self._memory.find(b"\x01", place + 1, self._places)) >= 0:
            shown, connections = _LOAD.unpack_from(self._memory, self._load(place))
            if now - shown < _FRESH_SECONDS:
                least = min(least, connections)
        return least

    def _load(self, place: int) -> int:
        return self._places + 1 + place * _LOAD.size

    def ever_ready(self) -> bool:
        """Whether some process has been able to answer since the start."""
        return self._memory[self._places] == 1

    def ask_for_reload(self) -> None:
        """All workers shall load what MODEL_URI names by now; those too that no signal reaches yet."""
        _COUNT.pack_into(self._memory, self._load(self._places), self._reloads() + 1)

    def reload_asked(self) -> bool:
        """Whether that has been asked for since this process was forked, or since it asked here."""
        before, self._heard = self._heard, self._reloads()
        return self._heard != before

    def _reloads(self) -> int:
        return _COUNT.unpack_from(self._memory, self._load(self._places))[0]


@dataclass(frozen=True)
class Memory:
    """All of it."""

    board: Board = field(default_factory=Board)
    rates: Table = field(default_factory=Table)


MASTER: int | None = None  # gunicorn's first process, set by its configuration: no model may be loaded there
_memory: Memory | None = None


def prepare() -> Memory:
    """Make the memory, in the master; what it forks shares it."""
    global _memory
    _memory = Memory()
    return _memory


def memory() -> Memory:
    """What the master has made; without a master, memory of one's own."""
    return _memory or Memory()
