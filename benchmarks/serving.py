"""How fast the service answers, beside the plainest Flask handler over the same model, as ratios from one run.

    MODEL_URI=data/sample/runs/50000/saved_model python -m benchmarks.serving

Both run under gunicorn with as many processes; wrk drives them in turn, round after round, so that whatever else
the machine does falls on both.
"""

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "serving.json"
TEXT = "my train is late again but python is great and the weather is not bad at all"
SCRIPT = """wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.status + e.connect + e.read + e.timeout))
end
"""
LOADS = {
    "1 connection": (1, 1),
    "8 connections": (8, 1),
    "64 connections": (64, 1),
    "256 connections": (256, 1),
    "8 of 64 texts": (8, 64),
}
COLUMNS = ("requests_per_second", "p50_ms", "p99_ms", "errors")


def plain_app():
    """What one writes in five minutes: no checks, no limits, no batching."""
    import tensorflow as tf
    from flask import Flask, jsonify, request

    score = tf.saved_model.load(os.environ["MODEL_URI"]).signatures["serving_default"]
    app = Flask("plain")

    @app.post("/predict")
    def predict():
        value = request.get_json()
        texts = value.get("texts") or [value["text"]]
        return jsonify(score(text=tf.constant(texts))["probability"].numpy().tolist())

    return app


class Server:
    """One contestant, started and waited for."""

    def __init__(self, name: str, arguments: list[str], workers: int):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.name, self.address = name, f"http://127.0.0.1:{port}/predict"
        command = [sys.executable, "-m", "gunicorn", *(part.format(port=port, workers=workers) for part in arguments)]
        environment = os.environ | {"PORT": str(port), "WORKERS": str(workers), "LOG_REQUESTS": "false"}
        started = time.perf_counter()
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
        self._wait()
        self.cold_start = time.perf_counter() - started

    def _wait(self):
        for _ in range(2400):
            if self.process.poll() is not None:
                sys.exit(f"{self.name} did not start; is MODEL_URI={os.environ.get('MODEL_URI')} an exported model?")
            try:
                urllib.request.urlopen(f"{self.address}?text=x", timeout=5).close()
                return
            except urllib.error.HTTPError as error:
                if error.code == 405:  # the plain handler takes no GET, and has loaded its model by the time it says so
                    return
            except OSError:
                pass
            time.sleep(0.05)
        sys.exit(f"{self.name} was not ready in two minutes")

    def memory(self) -> float:
        """Mean proportional memory of the workers, in MiB."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        sizes = [re.search(r"Pss:\s+(\d+)", Path(f"/proc/{child}/smaps_rollup").read_text())[1] for child in children]
        return statistics.mean(map(int, sizes)) / 1024

    def load(self, connections: int, texts: int, seconds: int) -> dict:
        """One round of wrk."""
        body = json.dumps({"text": TEXT} if texts == 1 else {"texts": [TEXT] * texts})
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT.replace("{body}", body))
            script.flush()
            command = [
                "wrk",
                "-t1",
                f"-c{connections}",
                f"-d{seconds}s",
                "--timeout",
                "10s",
                "-s",
                script.name,
                self.address,
            ]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        requests, duration, p50, p99, errors = map(int, re.search(r"RESULT (.*)", output)[1].split())
        return dict(zip(COLUMNS, (requests / duration * 1e6, p50 / 1e3, p99 / 1e3, errors), strict=True))


def measure(servers: list[Server], seconds: int, rounds: int) -> dict:
    """Medians over the rounds, for each load and server."""
    results = {}
    for name, (connections, texts) in LOADS.items():
        found = {server.name: [] for server in servers}
        for server in servers:
            server.load(connections, texts, 1)
        for _ in range(rounds):
            for server in servers:
                found[server.name].append(server.load(connections, texts, seconds))
        results[name] = {
            server: {column: statistics.median(each[column] for each in each_round) for column in COLUMNS}
            for server, each_round in found.items()
        }
        show(name, results[name])
    return results


def show(load: str, by_server: dict) -> None:
    ours, plain = by_server.values()
    print(f"\n{load}")
    for column in COLUMNS:
        ratio = f"{ours[column] / plain[column]:8.2f} ×" if plain[column] else ""
        print(f"  {column:22}{ours[column]:12.2f}{plain[column]:12.2f}{ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=5, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("wrk") is None or not os.environ.get("MODEL_URI"):
        sys.exit("wrk must be installed, and MODEL_URI name an exported model (…/saved_model).")
    plain = ["-k", "gthread", "--threads", "32", "-w", "{workers}", "-b", "127.0.0.1:{port}", "--no-control-socket"]
    contestants = {
        "ours": ["-c", "serving/gunicorn_conf.py", "serving.app:create_app()"],
        "plain Flask": [*plain, "benchmarks.serving:plain_app()"],
    }
    servers = []
    try:
        servers = [Server(name, arguments, options.workers) for name, arguments in contestants.items()]
        print(f"{'':24}{'ours':>12}{'plain Flask':>12}  ours / plain")
        results = measure(servers, options.seconds, options.rounds)
        own = {server.name: {"cold_start_s": server.cold_start, "memory_mib": server.memory()} for server in servers}
        print(
            "\n"
            + "\n".join(
                f"{name}: ready after {each['cold_start_s']:.1f} s, {each['memory_mib']:.0f} MiB a worker"
                for name, each in own.items()
            )
        )
    finally:
        for server in servers:
            server.process.terminate()
            server.process.wait(60)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"loads": results, "servers": own}, indent=1))


if __name__ == "__main__":
    main()
