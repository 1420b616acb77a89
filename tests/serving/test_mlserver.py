"""The registered model behind MLServer, the server that KServe and Seldon run: unchanged, and with the same scores.

MLServer needs an older protobuf than ours, so it lives in an environment of its own (`benchmarks/environments.py`).
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from socket import socket

import model_folder
import pytest
import yaml

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "serving" / "kserve.yaml"
REGISTERS = """
import os
from pipelines import artifacts, tracking
from pipelines.model import registry

run = artifacts.Dataset("fixture").run("10")
os.environ["MLFLOW_RUN_ID"] = tracking.start_run(name="fixture", tags={})
version = registry.register(run)

from mlflow.artifacts import download_artifacts
print(download_artifacts(f"models:/{registry.registered_name(run.dataset)}/{version}"))
"""
NAME = yaml.safe_load(MANIFEST.read_text())["metadata"]["name"]


@pytest.fixture(scope="module")
def python(python_of):
    return python_of("mlserver")


@pytest.fixture(scope="module")
def model(tmp_path_factory, fresh_store):
    """The folder that a tiny model's version in the registry points to."""
    folder = tmp_path_factory.mktemp("registered")
    model_folder.export(folder / "data" / "fixture" / "runs" / "10" / "saved_model")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    places = {"DATA_FOLDER": str(folder / "data"), "MLRUNS_FOLDER": fresh_store(folder / "mlruns")}
    command = [sys.executable, "-c", REGISTERS]
    done = subprocess.run(command, cwd=ROOT, env=kept | places, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def address(python, model, tmp_path_factory):
    """MLServer, started with the variables that KServe's runtime sets."""
    with ExitStack() as free:
        ports = [free.enter_context(socket()) for _ in range(3)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        http, grpc, metrics = (str(port.getsockname()[1]) for port in ports)
    variables = {
        "MLSERVER_HOST": "127.0.0.1",
        "MLSERVER_HTTP_PORT": http,
        "MLSERVER_GRPC_PORT": grpc,
        "MLSERVER_METRICS_PORT": metrics,
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_MODEL_IMPLEMENTATION": "mlserver_mlflow.MLflowRuntime",
        "MLSERVER_MODEL_NAME": NAME,
        "MLSERVER_MODEL_URI": model,
    }
    log = tmp_path_factory.mktemp("mlserver") / "log"
    command = [python, "-c", "from mlserver.cli import main; main()", "start", model]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=log.parent, env=os.environ | variables, stdout=output, stderr=output)
    try:
        wait_until_ready(f"http://127.0.0.1:{http}/v2/models/{NAME}/ready", process, log)
        yield f"http://127.0.0.1:{http}/v2/models/{NAME}/infer"
    finally:
        process.terminate()
        process.wait(30)


def wait_until_ready(address, process, log):
    end = time.monotonic() + 120
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)


def infer(address, texts):
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES", "data": texts}
    body = json.dumps({"inputs": [tensor]}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.mark.story  # installs MLServer first
def test_mlserver_serves_the_registered_model_with_the_same_scores(address):
    texts = ["a good day", "bad, sad and bad", "", "good 😀 good"]
    (output,) = infer(address, texts)["outputs"]
    assert output["name"] == "probability"
    assert output["data"] == pytest.approx([model_folder.probability(text) for text in texts], abs=1e-6)


def test_kserve_is_told_to_serve_an_mlflow_model_by_the_open_inference_protocol():
    manifest = yaml.safe_load(MANIFEST.read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    model = manifest["spec"]["predictor"]["model"]
    assert model["modelFormat"] == {"name": "mlflow"}
    assert model["protocolVersion"] == "v2"
    assert model["storageUri"].startswith("s3://")
