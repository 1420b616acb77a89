"""Connections are shared among the workers, those that are there already, too."""

import os
import signal
import time
from collections import Counter
from http.client import HTTPConnection

from live import start_fake, wait_until


def test_a_worker_with_more_than_its_share_parts_with_kept_connections_one_by_one(tmp_path):
    server = start_fake(tmp_path, WORKERS="2").wait_until_ready(workers=2)
    stopped = min(server.workers())
    os.kill(stopped, signal.SIGSTOP)
    connections = [HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(8)]
    closed = 0

    def ask():
        """Each connection asks once, and connects again where it has been told to go; how many each worker has."""
        nonlocal closed
        before = len(server.lines("request"))
        for connection in connections:
            status, headers, _ = server.call("POST", "/predict", '{"text": "good"}', connection=connection)
            assert status == 200
            closed += headers["Connection"] == "close"
        wait_until(lambda: len(server.lines("request")) >= before + len(connections))
        return Counter(line["process"] for line in server.lines("request")[before:])

    try:
        time.sleep(1.2)  # until the other takes it for gone
        assert ask() == ask() == {max(server.workers()): 8}
        assert closed == 0
        os.kill(stopped, signal.SIGCONT)
        end = time.monotonic() + 30
        while min((found := ask()).values()) < 3 or len(found) < 2:
            assert time.monotonic() < end, found
            time.sleep(0.1)
        assert closed <= 5
        before = closed
        for _ in range(5):
            time.sleep(0.06)
            ask()
        assert closed == before  # it is even, and stays so
    finally:
        os.kill(stopped, signal.SIGCONT)
        for connection in connections:
            connection.close()
        server.stop()
