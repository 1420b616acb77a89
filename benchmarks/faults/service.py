"""The service under test: started, asked, looked into and ended."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import environments

BODY = b'{"text": "my train is late again but python is great"}'
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
PATIENCE = 30  # seconds until an answer
START = 240  # seconds until something has to have happened, on a busy machine
_VERSION = re.compile(rb'"model_version": ?"([^"]+)"')
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Answer:
    """What came back: status 0 where nothing did, milliseconds, whose answer, and whether the connection is kept."""

    status: int
    milliseconds: float
    model_version: str = ""
    kept: bool = False


class Service:
    """gunicorn with two workers; its settings are environment variables.

    Args:
        folder: for its cache and its log.
        prefix: a command that runs the service's command.
        variables: what differs from the defaults.
    """

    def __init__(self, folder: Path, *, prefix: tuple[str, ...] = (), **variables: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "log"
        command = [sys.executable, "-m", "gunicorn", "-c", "serving/gunicorn_conf.py", "serving.app:create_app()"]
        own = {"PORT": str(self.port), "WORKERS": "2", "LOG_REQUESTS": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
        own |= {"API_KEY": "", "MODEL_CACHE": str(folder / "cache")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, *command], cwd=environments.ROOT, env=os.environ | own | variables, stdout=log, stderr=log
            )

    def workers(self) -> list[psutil.Process]:
        """Those that hold the model, oldest first."""
        return sorted(psutil.Process(self.process.pid).children(), key=psutil.Process.create_time)

    def memory(self) -> float:
        """Proportional memory of the workers, in MiB."""
        return sum(worker.memory_full_info().pss for worker in self.workers()) / 2**20

    def connect(self) -> asyncio.Future[Connection]:
        return asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, connection: Connection, head: bytes = HEAD % len(BODY), body: bytes = BODY) -> Answer:
        """Send one request on a connection, and wait for its answer."""
        started = time.perf_counter()
        reader, writer = connection
        try:
            writer.write(head + body)
            status = int((await asyncio.wait_for(reader.readline(), PATIENCE)).split()[1])
            headers = (await reader.readuntil(b"\r\n\r\n")).lower()
            sent = await reader.readexactly(int(headers.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        except (OSError, EOFError, IndexError, ValueError, TimeoutError):
            return Answer(0, 1000 * (time.perf_counter() - started))
        version = _VERSION.search(sent)
        took, kept = 1000 * (time.perf_counter() - started), b"connection: close" not in headers
        return Answer(status, took, version[1].decode() if version else "", kept)

    async def ask_once(self) -> Answer:
        """One text on a connection of its own."""
        connection = await self.connect()
        try:
            return await self.ask(connection)
        finally:
            connection[1].close()

    async def ready(self, *, workers: int = 2) -> float:
        """Seconds until so many workers have the model."""
        return await self.until("serving_model{", workers)

    async def replaced(self, victim: psutil.Process) -> float:
        """Seconds until two workers have the model, and the one just killed is not among them."""
        started = time.monotonic()
        while time.monotonic() - started < START:
            present = {worker.pid for worker in self.workers()}
            if len(present) == 2 and victim.pid not in present and present <= self._loaded():
                return time.monotonic() - started
            await asyncio.sleep(0.05)
        sys.exit(f"no worker in place of {victim.pid}; the service's log ends: {self.log.read_text()[-800:]}")

    def _loaded(self) -> set[int]:
        """Processes that have said that they have the model; /metrics may still count one that is dead."""
        lines = [line for line in self.log.read_text().splitlines() if '"model ready"' in line]
        return {json.loads(line)["process"] for line in lines}

    async def until(self, name: str, least: float) -> float:
        """Seconds until the samples whose line begins so add up to at least this."""
        started = time.perf_counter()
        while (await self.metric(name)) < least:
            if self.process.poll() is not None or time.perf_counter() - started > START:
                sys.exit(f"{name} has not come to {least}; the service's log ends: {self.log.read_text()[-800:]}")
            await asyncio.sleep(0.05)
        return time.perf_counter() - started

    async def metric(self, name: str) -> float:
        """The sum of the samples whose line begins so, 0 while nobody answers."""
        with suppress(OSError, asyncio.IncompleteReadError):
            reader, writer = await self.connect()
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            lines = (await reader.read()).decode().splitlines()
            writer.close()
            return sum(float(line.split()[-1]) for line in lines if line.startswith(name))
        return 0.0

    def end(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        return self.process.wait(60)


@asynccontextmanager
async def running(*, prefix: tuple[str, ...] = (), **variables: str):
    """A service that is ready."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), prefix=prefix, **variables)
        try:
            await service.ready()
            yield service
        finally:
            if service.process.poll() is None:
                service.end()
