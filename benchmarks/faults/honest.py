"""Honest clients: one text after another, and an account of every answer."""

from __future__ import annotations

import asyncio
from collections import Counter

from benchmarks.faults.service import Service

CONNECTIONS = 32


class Honest:
    """Clients that ask all the time, each on a connection of its own, opened again where it was broken or closed.

    An answer that announces the end of its connection is honoured: the next request goes over a new one.
    """

    def __init__(self, service: Service, connections: int = CONNECTIONS):
        self.service, self.connections = service, connections
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.milliseconds: list[float] = []
        self.refused = 0
        self.stopping = False

    async def __aenter__(self) -> Honest:
        self._tasks = [asyncio.create_task(self._client()) for _ in range(self.connections)]
        await asyncio.sleep(1)
        return self

    async def __aexit__(self, *_) -> None:
        self.stopping = True
        await asyncio.gather(*self._tasks)

    async def _client(self) -> None:
        connection = None
        while not self.stopping:
            try:
                connection = connection or await self.service.connect()
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            answer = await self.service.ask(connection)
            self.statuses[answer.status] += 1
            self.milliseconds.append(answer.milliseconds)
            if answer.status == 200:
                self.versions[answer.model_version] += 1
            if not answer.kept:
                connection[1].close()
                connection = None
            if answer.status != 200:
                await asyncio.sleep(0.01)
        if connection:
            connection[1].close()

    def __str__(self) -> str:
        others = ", ".join(
            f"{count:,} × {status or 'dropped'}" for status, count in sorted(self.statuses.items()) if status != 200
        )
        p99 = percentile(self.milliseconds, 0.99)
        return f"{self.statuses[200]:,} right answers, {others or 'no error'}; p99 {p99:,.0f} ms"


def percentile(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed; 0 where there is none.

    >>> percentile([3, 1, 2], 0.5)
    2
    """
    return sorted(values)[int(share * (len(values) - 1))] if values else 0
