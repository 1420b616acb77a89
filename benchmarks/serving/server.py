"""One contestant's processes: started, waited for, weighed and ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil

from benchmarks import environments
from benchmarks.serving.contestants import Contestant

PATIENCE = 120  # seconds until the first answer
TOLERANCE = 1e-4  # between probabilities: other batches add in another order


class WrongAnswerError(Exception):
    """A contestant cannot be timed: it does not start, or does not return the probabilities of the model."""


class Server:
    """A running contestant; `with` ends it and all its processes.

    Args:
        contestant: whom to start.
        workers: processes that hold the model.
        log: file for what it prints.
        places: what to fill into its arguments and variables: model, mlflow_model, scratch.
    """

    def __init__(self, contestant: Contestant, *, workers: int, log: Path, places: dict[str, str]):
        ports = _free_ports(3)
        filled = places | {"workers": workers, "port": ports[0], "port2": ports[1], "port3": ports[2]}
        self.contestant, self.workers, self.log = contestant, workers, log
        self.address = f"http://127.0.0.1:{ports[0]}{contestant.path}"
        variables = {name: value.format(**filled) for name, value in contestant.variables.items()}
        self.variables = {"MODEL_URI": places["model"], "WORKERS": str(workers)} | variables
        self.command = [str(interpreter(contestant)), *(part.format(**filled) for part in contestant.arguments)]

    def __enter__(self) -> Server:
        self.started = time.perf_counter()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=environments.ROOT,
                env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"} | self.variables,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_) -> None:
        processes = self._processes()
        self.process.terminate()
        _, left = psutil.wait_procs(processes, timeout=20)
        for process in left:
            process.kill()
        self.process.wait(20)

    def ask(self, texts: list[str]) -> list[float]:
        """Probabilities of the texts.

        Raises:
            OSError: there is no answer (also as urllib's HTTPError, where it is not a 200).
        """
        make = self.contestant.one if len(texts) == 1 else self.contestant.many
        body = json.dumps(make(texts)).encode()
        request = urllib.request.Request(self.address, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return self.contestant.read(json.load(answer))

    def wait(self, text: str, probability: float) -> float:
        """Seconds from the start to the first right answer. Returns once twenty in a row, over all workers, are right.

        Raises:
            WrongAnswerError: it ended, or was not ready in time.
        """
        first, in_a_row = None, 0
        while in_a_row < 20:
            if self.process.poll() is not None or time.perf_counter() - self.started > PATIENCE:
                raise WrongAnswerError(f"no right answer within {PATIENCE} s; its log ends: {self.tail()}")
            try:
                right = abs(self.ask([text])[0] - probability) <= TOLERANCE
            except OSError:
                right = False
                time.sleep(0.05)
            first = first or (time.perf_counter() - self.started if right else None)
            in_a_row = in_a_row + 1 if right else 0
        return first

    def memory(self) -> dict[str, float]:
        """Proportional memory in MiB: of all processes together, and the mean of those that hold the model."""
        sizes = sorted((process.memory_full_info().pss / 2**20 for process in self._processes()), reverse=True)
        return {"memory_mib": sum(sizes), "worker_mib": sum(sizes[: self.workers]) / self.workers}

    def tail(self) -> str:
        """The last lines of its log."""
        return self.log.read_text(errors="replace")[-600:]

    def _processes(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def interpreter(contestant: Contestant) -> Path:
    """Python of the contestant's environment, which is made where it is missing."""
    return environments.python_of(contestant.environment) if contestant.environment else Path(sys.executable)


def versions(contestant: Contestant) -> str:
    """Of its packages, as its environment says."""
    ask = "import sys, importlib.metadata as m; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    command = [interpreter(contestant), "-c", ask, *contestant.packages, "tensorflow"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
