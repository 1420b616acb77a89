"""Which of the workers has a connection: one that can answer, and none that has more than its share."""

from __future__ import annotations

import time

from gunicorn.workers.gthread import TConn

from serving import shared
from serving.drain import DrainingWorker

_UNEVEN = 8  # a worker may have one connection more than the one with the fewest, and an eighth
_AT_A_TIME = 64  # connections that are taken before the others are looked at again
_GIVES_WAY = 0.005  # seconds that it then waits before it looks again: many may come at once
_PARTS = 0.05  # seconds between connections that it parts with, in which another takes what comes back


class SharingWorker(DrainingWorker):
    """Leaves connections to others where they are better placed."""

    _gives_way = False  # to workers with fewer connections
    _parts_at = 0.0  # with the next connection, at the earliest

    def fit(self) -> bool:
        """Whether this process can answer as it should."""
        raise NotImplementedError()

    def alone(self):
        return not shared.memory().board.anyone_ready()

    def set_accept_enabled(self, enabled):
        """Leave new connections to a worker that can answer them; where none can, /livez still must be answered.

        Connections stay for long, so one that took more than its share would be busy while others idle.
        """
        board = shared.memory().board
        fit = self.alive and not self.draining and self.fit()
        board.show(fit, self.nr_conns)
        its_turn = self.nr_conns <= _share() if fit else not board.anyone_ready()
        self._gives_way = fit and enabled and not its_turn
        super().set_accept_enabled(enabled and its_turn)

    def open_or_close(self) -> None:
        """Look again whether it is this worker's turn."""
        if self.alive:
            self.set_accept_enabled(self.nr_conns < self.worker_connections)

    def parts(self, conn: TConn) -> bool:
        """Whether a connection that is being answered should be closed: its client will come back to another worker.

        Connections that came while another worker was busy, or was not there yet, would stay here for as long as they
        are used.
        """
        now = time.monotonic()
        if not self._gives_way or now < self._parts_at or conn.parser.unreader.left():  # a client that asks on already
            return False
        uneven = self.nr_conns > _share() + 1  # more than new ones can make it
        self._parts_at = now + _PARTS if uneven else self._parts_at
        return uneven

    def accept(self, listener):
        """Take one connection, and more while it is this worker's turn: the next look may be some requests off."""
        super().accept(listener)
        for _ in range(_AT_A_TIME):
            before = self.nr_conns
            if self._accepting:  # not where this takes the last ones at the end
                self.open_or_close()
            if not self._accepting:
                return
            super().accept(listener)
            if self.nr_conns == before:
                return

    def wait_for_and_dispatch_events(self, timeout):
        super().wait_for_and_dispatch_events(min(timeout, _GIVES_WAY) if self._gives_way else timeout)
        self.open_or_close()


def _share() -> int:
    """With how many connections a worker still takes another."""
    least = shared.memory().board.least_connections()
    return least + 1 + least // _UNEVEN
