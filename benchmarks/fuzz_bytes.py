"""Sends broken HTTP to real gunicorn workers, byte by byte: what arrives at `gate`, `arrival` and `worker`.

    MODEL_URI=data/sentiment140/runs/200000/saved_model python -m benchmarks.fuzz_bytes --seconds 60

Valid requests are mutated, pipelined, cut into parts that come late, and left half-way. Ends with status 1 where an
answer was a 5xx, a valid request got none, a client was left without answer and end, the log holds a traceback, or a
worker has ended or still holds connections when all clients have gone. Each finding is printed as the parts that were
sent, in Python's notation.
What the application makes of whole requests is `fuzz_requests`' matter.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path

from benchmarks.faults.service import Service

BODY_SECONDS = 1  # so that those who wait do not take the time of the others
SILENCE = 15  # seconds after which a client has been forgotten, on a busy machine too
CLIENTS = 48
KEY = b"Authorization: Bearer key\r\n"
JSON = b"Host: x\r\nContent-Type: application/json\r\n" + KEY
BODY = b'{"text": "a good day"}'
CHUNKS = b"6\r\n" + BODY[:6] + b"\r\n10;note=x\r\n" + BODY[6:] + b"\r\n0\r\nX-Sum: x\r\n\r\n"
SEEDS = (
    b"GET /predict?text=good HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n",
    b"GET /?input_str=python%20is%20great HTTP/1.1\r\nHost: x\r\n" + KEY + b"\r\n",
    b"POST /predict HTTP/1.1\r\n" + JSON + b"Content-Length: 22\r\n\r\n" + BODY,
    b"POST /explain HTTP/1.1\r\n" + JSON + b"Content-Length: 22\r\nX-Request-ID: one\r\n\r\n" + BODY,
    b"POST /predict HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"POST /explain HTTP/1.1\r\n" + JSON + b"Expect: 100-continue\r\nContent-Length: 22\r\n\r\n" + BODY,
    b"POST /predict HTTP/1.1\r\n" + JSON + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /readyz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /static/page.js HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nIf-None-Match: x\r\n\r\n",
    b"OPTIONS /predict HTTP/1.1\r\nHost: x\r\nOrigin: http://y\r\nAccess-Control-Request-Method: POST\r\n\r\n",
)
WORDS = (
    *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\x00", b"\xff", b" ", b"\t", b":", b",", b";", b"%00", b"%ff", b"//", b"?"),
    *(
        b"0\r\n\r\n",
        b"ffffffff\r\n",
        b"-1",
        b"+1",
        b"0x10",
        b"1_0",
        b"99999999999999999999",
        "١٦".encode(),
        b"HTTP/1.0",
    ),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"Content-Length: 5\r\n", b"chunked"),
    *(b"Content-Length: 0\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n", b"Connection: upgrade\r\n"),
    *(
        b"Upgrade: h2c\r\n",
        b"Host: y\r\n",
        b"X-Forwarded-For: 1.2.3.4\r\n",
        b"Content-Encoding: gzip\r\n",
        b"PRI * HTTP/2",
    ),
    *(b"\x16\x03\x01", b"A" * 9000, b"x: y\r\n" * 150, b"[" * 200, b'{"texts": ["a", "b"]}', b'"\\ud800"', b"1e999"),
)
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) [A-Z]")


def requests(chance: random.Random) -> tuple[bytes, int]:
    """One to four requests one after another with zero to six mutations, and how many answers there must be."""
    chosen = chance.choices(SEEDS, k=chance.choice((1, 1, 1, 2, 4)))
    data, mutations = b"".join(chosen), chance.choice((0, 1, 1, 2, 3, 6))
    for _ in range(mutations):
        data = _mutated(data, chance)
    last = next((place for place, one in enumerate(chosen) if b"Connection: close" in one), len(chosen) - 1)
    return data, 0 if mutations else last + 1


def _mutated(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randint(0, len(data)) for _ in range(2))
    end = min(end, start + chance.choice((1, 4, 40)))
    match chance.randrange(7):
        case 0:
            return data[:start] + chance.randbytes(end - start) + data[end:]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]
        case 3:
            return data[:start] or data
        case 4:
            numbers = list(re.finditer(rb"\d+", data))
            found = chance.choice(numbers) if numbers else re.match(b"", data)
            return data[: found.start()] + b"%d" % chance.choice((0, 1, 15, 23, 65_536, 2**31)) + data[found.end() :]
        case 5:
            lines = data.split(b"\r\n")
            chance.shuffle(lines)
            return b"\r\n".join(lines)
        case _:
            return data[:start] + chance.choice(WORDS) + data[start:]


def parts(data: bytes, chance: random.Random) -> list[bytes]:
    """The same bytes, cut at up to five places."""
    places = sorted(chance.randint(0, len(data)) for _ in range(chance.choice((0, 0, 1, 2, 5))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _finished(received: bytes) -> int:
    """Answers, without those that only say that the body may come."""
    return sum(status != b"100" for status in _STATUS.findall(received))


class Fuzzer:
    """Clients of one service, and what they have seen."""

    def __init__(self, service: Service, seed: int):
        self.service, self.chance = service, random.Random(seed)
        self.statuses: Counter[str] = Counter()
        self.sent = 0
        self.findings: list[tuple[str, list[bytes]]] = []
        self.lately: deque[list[bytes]] = deque(maxlen=4 * CLIENTS)

    async def client(self, end: float) -> None:
        while time.monotonic() < end and len(self.findings) < 20:
            data, answers = requests(self.chance)
            data = parts(data, self.chance)
            self.lately.append(data)
            self.sent += 1
            await self.send(data, answers=answers, leaves=self.chance.random())

    async def send(self, data: list[bytes], *, answers: int = 0, leaves: float = 0) -> None:
        """Send the parts, then go away, end the sending side or wait, as `leaves` in 0 … 1 says."""
        reader, writer = await self.service.connect()
        received = b""
        try:
            for number, part in enumerate(data):
                await asyncio.sleep(0.01 * (number > 0))
                writer.write(part)
                with suppress(ConnectionError):
                    await writer.drain()
            if leaves > 0.9:
                writer.transport.abort()
                return
            if leaves > 0.6:
                writer.write_eof()
            received = await self._answers(reader, answers)
            if _finished(received) < answers:
                self.findings.append((f"{_finished(received)} of {answers} answers", data))
        except TimeoutError:
            self.findings.append(("neither an answer nor an end", data))
        except OSError:
            self.statuses["reset"] += 1
        finally:
            writer.close()
        for status in _STATUS.findall(received):
            self.statuses[status.decode()] += 1
            if status.startswith(b"5"):
                self.findings.append((status.decode(), data))

    async def _answers(self, reader: asyncio.StreamReader, least: int) -> bytes:
        """All that comes until the end or, once so many answers have come, a pause."""
        received = b""
        while True:
            enough = _finished(received) >= max(1, least)
            try:
                chunk = await asyncio.wait_for(reader.read(65_536), 2 * BODY_SECONDS if enough else SILENCE)
            except TimeoutError:
                if enough:
                    return received
                raise
            if not chunk:
                return received
            received += chunk

    async def run(self, seconds: float) -> None:
        """Fuzz, then look at the workers."""
        before = {worker.pid for worker in self.service.workers()}
        traced = asyncio.create_task(self._watch_log())
        await asyncio.gather(*(self.client(time.monotonic() + seconds) for _ in range(CLIENTS)))
        await asyncio.sleep(2 * BODY_SECONDS + 3)  # what lingers is gone by then
        traced.cancel()
        if {worker.pid for worker in self.service.workers()} != before:
            self.findings.append(("a worker has ended; the log says why", []))
        left = sum(bool(each.raddr) for worker in self.service.workers() for each in worker.net_connections("tcp"))
        if left:
            self.findings.append((f"{left} connections are held still", []))
        if (await self.service.metric("serving_model{")) != len(before):
            self.findings.append(("not every worker answers with a model", []))

    async def _watch_log(self) -> None:
        while "Traceback" not in self.service.log.read_text(errors="replace"):
            await asyncio.sleep(0.2)
        suspects = list(self.lately)
        for data in suspects:
            before = self.service.log.stat().st_size
            with suppress(OSError):
                await self.send(data, leaves=0.8)
            if "Traceback" in self.service.log.read_text(errors="replace")[before:]:
                self.findings.append(("a traceback in the log", data))
                return
        self.findings.append(("a traceback in the log, by one of the requests before", suspects[-1]))


async def fuzz(seconds: float, seed: int) -> int:
    """Start a service and fuzz it; the exit status."""
    limits = {"BODY_SECONDS": str(BODY_SECONDS), "MAX_BODY_BYTES": "20000", "API_KEY": "key", "DRAIN_SECONDS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder), **limits)
        try:
            await service.ready()
            fuzzer = Fuzzer(service, seed)
            await fuzzer.run(seconds)
        finally:
            service.end()
        log = service.log.read_text(errors="replace")
    print(f"seed {seed}: {fuzzer.sent:,} connections, answers {dict(sorted(fuzzer.statuses.items()))}")
    for kind, data in fuzzer.findings:
        print(f"{kind}: {data!r}")
    if "Traceback" in log:
        print(log[max(0, log.index("Traceback") - 500) :][:3000])
    return bool(fuzzer.findings or "Traceback" in log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="default: %(default)g")
    parser.add_argument("--seed", type=int, default=1, help="of what is sent; default: %(default)s")
    options = parser.parse_args()
    if not os.environ.get("MODEL_URI"):
        sys.exit("MODEL_URI must name the folder of an exported model (…/saved_model).")
    sys.exit(asyncio.run(fuzz(options.seconds, options.seed)))


if __name__ == "__main__":
    main()
