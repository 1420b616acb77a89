"""Faults beside honest requests: each is caused, and what happened is said. Those of the source are in `reloading`."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import psutil

from benchmarks.faults.health import watched
from benchmarks.faults.honest import CONNECTIONS, Honest
from benchmarks.faults.service import HEAD, Answer, Connection, Service

Cause = Callable[[Service], Awaitable[str]]
LARGE = json.dumps({"texts": ["my train is late again but python is great " * 90] * 128}).encode()
LARGE_ONES = 12
CROWD = 1_600  # connections: two workers hold 2 × (32 threads + 512 waiting) = 1,088 requests by default


async def worker_killed(service: Service) -> str:
    async with Honest(service) as honest:
        victim = service.workers()[0]
        victim.kill()
        seconds = await service.replaced(victim)
        await asyncio.sleep(1)
    return f"{honest}; two workers again after {seconds:.1f} s"


async def worker_killed_in_flight(service: Service) -> str:
    """Nothing else is asked, so what the worker computes is what it is killed over."""
    connections = [await service.connect() for _ in range(LARGE_ONES)]
    asked = [asyncio.create_task(service.ask(each, HEAD % len(LARGE), LARGE)) for each in connections]
    victim, held, seconds = await _busy(service, connections)
    unanswered = [place for place in held if not asked[place].done()]
    victim.kill()
    replacement = asyncio.create_task(service.replaced(victim))
    answers = await asyncio.gather(*asked)
    others = Counter(answer.status for place, answer in enumerate(answers) if place not in held)
    lost = [place for place in unanswered if answers[place].status == 0]
    again = Counter([(await _again(service)).status for _ in lost])
    after = await replacement
    for _, writer in connections:
        writer.close()
    return (
        f"the worker had {len(held)} of {LARGE_ONES} requests of 128 long texts, {len(unanswered)} of them unanswered, "
        f"and had computed for {seconds:.2f} s of CPU time: {len(lost)} dropped; the other worker's {dict(others)}; "
        f"the dropped ones asked again {dict(again)}; two workers again after {after:.1f} s"
    )


async def _again(service: Service) -> Answer:
    """As a client does that lost its connection: the large request once more, on another."""
    connection = await service.connect()
    try:
        return await service.ask(connection, HEAD % len(LARGE), LARGE)
    finally:
        connection[1].close()


async def _busy(service: Service, connections: list[Connection]) -> tuple[psutil.Process, list[int], float]:
    """A worker that has computed for a while, the places of the connections that it holds, and its CPU seconds."""
    ports = {writer.get_extra_info("sockname")[1]: place for place, (_, writer) in enumerate(connections)}
    before = {worker: worker.cpu_times().user for worker in service.workers()}
    while True:
        await asyncio.sleep(0.02)
        for worker, seconds in before.items():
            spent = worker.cpu_times().user - seconds
            held = [ports[each.raddr.port] for each in worker.net_connections("tcp") if each.raddr]
            if spent > 0.3 and held:
                return worker, held, spent


async def memory_limit(service: Service) -> str:
    async with Honest(service) as honest:
        victim = service.workers()[0]
        mapped = victim.memory_info().vms
        resource.prlimit(victim.pid, resource.RLIMIT_AS, (mapped, resource.RLIM_INFINITY))
        await asyncio.sleep(5)
        alive = victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE
        if alive:  # or it would be short of memory in the faults to come
            resource.prlimit(victim.pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        else:
            await service.replaced(victim)
    return f"no new page for one worker: {honest}; it {'goes on with what it has' if alive else 'was replaced'}"


async def slow_clients(service: Service) -> str:
    half = (HEAD % 50 + b"{", b"POST /predict HTTP/1.1\r\nHost: x\r\n")
    slow = [await service.connect() for _ in range(400)]
    for number, (_, writer) in enumerate(slow):
        writer.write(half[number % 2])
    async with Honest(service, 8) as honest:
        await asyncio.sleep(5)
    sent_away = Counter([(await reader.read(65_536)).split()[1].decode() for reader, _ in slow])
    for _, writer in slow:
        writer.close()
    return f"beside them {honest}; the slow ones after BODY_SECONDS: {dict(sent_away)}"


async def overload(service: Service, *, seconds: int, connections: int) -> str:
    before = service.memory()
    async with Honest(service, connections) as honest:
        health = await watched(service.port, seconds)
    return f"{honest}; {health}; memory {before:.0f} → {service.memory():.0f} MiB"


async def ended(service: Service) -> str:
    async with Honest(service) as honest:
        service.process.terminate()
        started = time.monotonic()
        status = await asyncio.to_thread(service.process.wait, 60)
        seconds = time.monotonic() - started
    return f"{honest}, {honest.refused:,} connections refused afterwards; exit status {status} after {seconds:.1f} s"


def causes(seconds: int) -> dict[str, Cause]:
    """Each fault by its name, in turn on one service; the last one ends it."""
    return {
        "a worker is killed with requests in flight": worker_killed_in_flight,
        "a worker is killed (SIGKILL) under load": worker_killed,
        "a worker may not take more memory": memory_limit,
        "200 slow bodies and 200 slow headers": slow_clients,
        **{
            f"{name} ({connections:,}) for {seconds} s": partial(overload, seconds=seconds, connections=connections)
            for name, connections in (("10 × the connections", 10 * CONNECTIONS), ("more than is held", CROWD))
        },
        "SIGTERM under load": ended,
    }
