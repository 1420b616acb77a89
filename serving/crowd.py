"""Who gives way where a worker has nearly all the connections that it can hold: the one that has idled longest."""

from __future__ import annotations

from itertools import islice

from gunicorn.workers.gthread import TConn

from serving.arrival import Arrival
from serving.gate import LINGER_SECONDS, GatedWorker

_FREE = 64  # places for new connections: about as many as one round of events brings, see `sharing.py`


class CrowdedWorker(GatedWorker):
    """Keeps a few places free, or a health check would wait until one of a thousand clients that say nothing has gone.

    Calls `crowd_out` with the connection that has waited longest for its client. No request that is here whole is lost.
    """

    def crowd_out(self, conn: TConn, arriving: Arrival) -> None:
        """Send a client away that keeps a place waiting."""
        raise NotImplementedError

    def murder_pending(self):
        super().murder_pending()
        if self.alive and self.sockets:
            free = min(_FREE, self.worker_connections // 8)
            # Here and not with each new connection: the event of one that is closed may be among those still to come.
            for _ in range(self.nr_conns - (self.worker_connections - free)):
                self._end_longest_waiting()

    def _end_longest_waiting(self):
        held = (  # each in the order of their deadlines, and how long these are
            (self.keepalived_conns, lambda conn: conn.timeout - self.cfg.keepalive, self._end_kept),
            (self._arriving, lambda conn: self.since(self._arriving[conn]), self._end_arriving),
            (self._deaf, lambda conn: self.since(self._deaf[conn]), self._end_deaf),
            (self._lingering, lambda conn: self._lingering[conn] - LINGER_SECONDS, self._stop_lingering),
        )
        first = [(since(conn), end, conn) for conns, since, end in held for conn in islice(conns, 1)]
        if first:
            _, end, conn = min(first, key=lambda each: each[0])
            end(conn)

    def _end_kept(self, conn):
        self.on_client_socket_readable(conn, conn.sock)  # a last look: what it has asked meanwhile is answered
        if conn in self._arriving and not self._arriving[conn].received:
            self.crowd_out(conn, self._leave(conn))

    def _end_arriving(self, conn):
        self._receive_more(conn, conn.sock)  # a last look here, too
        if conn in self._arriving:
            self.crowd_out(conn, self._leave(conn))

    def _end_deaf(self, conn):
        self.crowd_out(conn, self._hear_no_more(conn))
