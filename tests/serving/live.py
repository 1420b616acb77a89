"""Real gunicorn workers over loopback, and how to talk to them."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import model_folder

ROOT = Path(__file__).parents[2]


class Server:
    """gunicorn as `make serve` starts it."""

    def __init__(self, log: Path, *arguments: str, app: str = "serving.app:create_app()", **variables: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = log
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "-c",
            "serving/gunicorn_conf.py",
            *arguments,
            app,
        ]
        # Set by `import pipelines`, and no part of how it is started.
        environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stderr=file,
                stdout=file,
                env=environment | {"PORT": str(self.port), "DRAIN_SECONDS": "0"} | variables,
            )

    def call(self, method, path, body=None, *, headers=None, connection=None):
        """Status, headers and parsed or raw body."""
        own = connection or HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json", "Authorization": "Bearer key"} | (headers or {})
            own.request(method, path, body, headers)
            answer = own.getresponse()
            content = answer.read()
            return (
                answer.status,
                answer.headers,
                json.loads(content) if "json" in answer.headers["Content-Type"] else content,
            )
        finally:
            if connection is None:
                own.close()

    def predict(self, text, connection=None):
        status, _, answer = self.call("POST", "/predict", json.dumps({"text": text}), connection=connection)
        assert status == 200, answer
        return answer

    def wait_until_ready(self, workers=2):
        """Until each worker has a model: /readyz alone is answered by any that has."""
        end = time.monotonic() + 240  # a machine that does other work too
        while True:
            assert time.monotonic() < end, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            with suppress(ConnectionError):
                if sum(versions(self).values()) == workers:
                    return self
            time.sleep(0.02)

    def metric(self, name):
        """The figure with this name and these labels; 0 where there is none yet."""
        found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", self.call("GET", "/metrics")[2].decode())
        return float(found[1]) if found else 0.0

    def lines(self, message):
        return [line for line in self.lines_with(message) if line["message"] == message]

    def lines_with(self, part):
        found = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith('{"time"')]
        return [line for line in found if part in line["message"]]

    def workers(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(child) for child in children}

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


def start_fake(folder: Path, **variables: str) -> Server:
    """A server with the predictor of fake/hanging_app.py, which needs no TensorFlow."""
    model = str(model_folder.pretend(folder / "model"))
    path = str(Path(__file__).parent / "fake")
    return Server(folder / "log", app="hanging_app:create()", PYTHONPATH=path, MODEL_URI=model, **variables)


def raw(server, data, *, pause=None):
    """What comes back for bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for part in data if isinstance(data, list) else [data]:
            connection.sendall(part)
            time.sleep(pause or 0)
        received = b""
        while True:
            chunk = connection.recv(65536)
            received += chunk
            head, found, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            if not chunk or (found and length and len(body) >= int(length[1])):
                return int(head.split()[1]) if head else None, head, body


def versions(server):
    exposition = server.call("GET", "/metrics")[2].decode()
    return {
        name: float(count) for name, count in re.findall(r'serving_model\{model_version="([^"]+)"\} (\S+)', exposition)
    }


def wait_until(condition):
    end = time.monotonic() + 180  # a busy machine starts servers slowly
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
