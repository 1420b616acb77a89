"""What the service does when something breaks: each fault is caused for real, in turn, beside honest requests.

    MODEL_URI=data/sentiment140/runs/200000/saved_model python -m benchmarks.faults

Two workers on loopback, driven by 32 connections that ask one text after another. Prints a table, and writes it to
benchmarks/FAULTS.md. A dropped request is one that was sent and got no answer on a connection that was open.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
PAGE = Path(__file__).with_name("FAULTS.md")
BODY = b'{"text": "my train is late again but python is great"}'
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
HONEST = 32  # connections that ask all the time


class Service:
    """The service under test, with two workers; its settings are environment variables."""

    def __init__(self, folder: Path, **variables: str):
        self.port, self.log = 8000 + os.getpid() % 20_000 + 10_000, folder / "log"
        command = [sys.executable, "-m", "gunicorn", "-c", "serving/gunicorn_conf.py", "serving.app:create_app()"]
        own = {"PORT": str(self.port), "WORKERS": "2", "LOG_REQUESTS": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
        own |= {"API_KEY": "", "MODEL_CACHE": str(folder / "cache")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=os.environ | own | variables, stdout=log, stderr=log)

    def workers(self) -> list[psutil.Process]:
        """Those that hold the model, oldest first."""
        return sorted(psutil.Process(self.process.pid).children(), key=psutil.Process.create_time)

    def memory(self) -> float:
        """Proportional memory of the workers, in MiB."""
        return sum(worker.memory_full_info().pss for worker in self.workers()) / 2**20

    async def ask(self, head: bytes, body: bytes = b"", *, connection=None) -> tuple[int, float]:
        """Status and milliseconds of one request; status 0 where there was no answer."""
        started = time.perf_counter()
        try:
            reader, writer = connection or await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(head + body)
            status = int((await asyncio.wait_for(reader.readline(), 30)).split()[1])
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(headers.partition(b"content-length: ")[2].split(b"\r\n")[0]))
            if connection is None:
                writer.close()
        except (OSError, EOFError, IndexError, ValueError, TimeoutError, asyncio.IncompleteReadError):
            status = 0
        return status, 1000 * (time.perf_counter() - started)

    async def ready(self, *, workers: int = 2) -> float:
        """Seconds until so many workers have the model."""
        started = time.perf_counter()
        while (await self.metric("serving_model{")) < workers:
            if self.process.poll() is not None:
                sys.exit(f"the service has ended: {self.log.read_text()[-800:]}")
            await asyncio.sleep(0.05)
        return time.perf_counter() - started

    async def metric(self, name: str) -> float:
        """The sum of the samples whose line begins so, 0 while nobody answers."""
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            lines = (await reader.read()).decode().splitlines()
            writer.close()
            return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
        return 0.0

    def end(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(60)


class Honest:
    """Clients that ask one text after another, each on a connection of its own which it opens again when it breaks."""

    def __init__(self, service: Service, connections: int = HONEST):
        self.service, self.connections = service, connections
        self.statuses: Counter[int] = Counter()
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
                connection = connection or await asyncio.open_connection("127.0.0.1", self.service.port)
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            status, took = await self.service.ask(HEAD % len(BODY), BODY, connection=connection)
            self.statuses[status] += 1
            self.milliseconds.append(took)
            if status != 200:
                connection[1].close()
                connection = None
                await asyncio.sleep(0.01)
        if connection:
            connection[1].close()

    def __str__(self) -> str:
        others = ", ".join(
            f"{count:,} × {status or 'dropped'}" for status, count in sorted(self.statuses.items()) if status != 200
        )
        slowest = sorted(self.milliseconds)
        p99 = slowest[int(0.99 * (len(slowest) - 1))] if slowest else 0
        return f"{self.statuses[200]:,} right answers, {others or 'no error'}; p99 {p99:,.0f} ms"


@asynccontextmanager
async def running(**variables: str):
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), **variables)
        try:
            await service.ready()
            yield service
        finally:
            if service.process.poll() is None:
                service.end()


async def worker_killed() -> str:
    async with running() as service, Honest(service) as honest:
        service.workers()[0].kill()
        await asyncio.sleep(0.5)
        seconds = 0.5 + await service.ready()
        await asyncio.sleep(1)
    return f"{honest}; two workers again after {seconds:.1f} s"


async def memory_limit() -> str:
    async with running() as service, Honest(service) as honest:
        victim = service.workers()[0]
        mapped = victim.memory_info().vms
        resource.prlimit(victim.pid, resource.RLIMIT_AS, (mapped, mapped))
        await asyncio.sleep(5)
        alive = victim.is_running() and victim.status() != psutil.STATUS_ZOMBIE
    return f"no new page for one worker: {honest}; it {'goes on with what it has' if alive else 'was replaced'}"


async def slow_clients() -> str:
    async with running(BODY_SECONDS="3") as service:
        half = (HEAD % 50 + b"{", b"POST /predict HTTP/1.1\r\nHost: x\r\n")
        slow = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(400)]
        for number, (_, writer) in enumerate(slow):
            writer.write(half[number % 2])
        async with Honest(service, 8) as honest:
            await asyncio.sleep(2)
        sent_away = Counter([(await reader.read(65_536)).split()[1].decode() for reader, _ in slow])
        for _, writer in slow:
            writer.close()
    return f"beside them {honest}; the slow ones after 3 s: {dict(sent_away)}"


async def reloads() -> str:
    async with running() as service, Honest(service) as honest:
        for number in range(1, 11):
            service.process.send_signal(signal.SIGHUP)
            while await service.metric("serving_reloads_total") < 2 * number:
                await asyncio.sleep(0.1)
    return f"10 reloads of both workers: {honest}"


async def source_gone() -> str:
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        shutil.copytree(os.environ["MODEL_URI"], model)
        async with running(MODEL_URI=str(model)) as service, Honest(service) as honest:
            shutil.rmtree(model)
            service.process.send_signal(signal.SIGHUP)
            while await service.metric("serving_failed_reloads_total") < 2:
                await asyncio.sleep(0.1)
            await asyncio.sleep(1)
    return f"two failed reloads are counted, the model in use stays: {honest}"


async def overload(seconds: int) -> str:
    async with running(QUEUE_REQUESTS="64") as service:
        before, health = service.memory(), []
        async with Honest(service, 10 * HONEST) as honest:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for path in (b"/livez", b"/readyz"):
                    health.append(await service.ask(b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n" % path))
                await asyncio.sleep(0.05)
        after = service.memory()
    times = sorted(took for _, took in health)
    checks = f"/livez and /readyz {dict(Counter(status for status, _ in health))}, p50 {times[len(times) // 2]:.0f} ms"
    return f"{honest}; {checks}, p99 {times[int(0.99 * len(times))]:.0f} ms; memory {before:.0f} → {after:.0f} MiB"


async def ended() -> str:
    async with running() as service, Honest(service) as honest:
        service.process.terminate()
        status = await asyncio.to_thread(service.process.wait, 60)
    return f"{honest}, {honest.refused:,} connections refused afterwards; exit status {status}"


async def every(options: argparse.Namespace) -> list[tuple[str, str]]:
    """Each fault and what happened."""
    faults = {
        "a worker is killed (SIGKILL) under load": worker_killed,
        "a worker may not take more memory": memory_limit,
        "200 slow bodies and 200 slow headers": slow_clients,
        "10 reloads under load": reloads,
        "the model's source is gone at a reload": source_gone,
        f"10 × the connections for {options.seconds} s": lambda: overload(options.seconds),
        "SIGTERM under load": ended,
    }
    found = []
    for name, cause in faults.items():
        found.append((name, await cause()))
        print(f"{name}: {found[-1][1]}", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="of overload")
    options = parser.parse_args()
    if not os.environ.get("MODEL_URI"):
        sys.exit("MODEL_URI must name the folder of an exported model (…/saved_model).")
    os.environ["MODEL_URI"] = str(Path(os.environ["MODEL_URI"]).resolve())
    rows = asyncio.run(every(options))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    about = f"{datetime.now(UTC):%Y-%m-%d}, commit {commit.strip() or 'unknown'}, {os.cpu_count()} cores"
    lines = [f"| {name} | {what} |" for name, what in rows]
    head = f"# Faults tried\n\nWritten by `python -m benchmarks.faults`: {about}, Python {platform.python_version()}.\n"
    text = "\n".join([head, __doc__.split("\n\n")[2].strip(), "", "| fault | what happened |", "|---|---|", *lines, ""])
    temporary = PAGE.with_suffix(".part")
    temporary.write_text(text)
    temporary.replace(PAGE)


if __name__ == "__main__":
    main()
