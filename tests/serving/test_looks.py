"""A service that looks for itself whether the alias names another model, with a real MLflow server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack, suppress

import model_folder
import pytest
from live import Server, versions, wait_until

pytest.importorskip("mlflow")
VERSIONS = [f"fixture-10-0000000{number}" for number in range(1, 4)]


@pytest.fixture(scope="module")
def registry(tmp_path_factory, fresh_store):
    """The process and the address of an MLflow server."""
    folder = tmp_path_factory.mktemp("mlflow")
    fresh_store(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    stores = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "files")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *stores], cwd=folder, stdout=log, stderr=log)

    def answers():
        assert process.poll() is None, (folder / "log").read_text()
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status == 200

    wait_until(answers)
    yield process, f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def tracking(registry, tmp_path_factory):
    """A client of it, with three versions of one model; the third does not score as its manifest says."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(registry[1])
    source = model_folder.export(tmp_path_factory.mktemp("export") / "saved_model")
    client.create_registered_model("sentiment")
    experiment = client.create_experiment("serving")
    for version in VERSIONS:
        model_folder.write_manifest(source, version=version)
        if version == VERSIONS[-1]:
            manifest = source / "manifest.json"
            manifest.write_text(manifest.read_text().replace('"probability": 0.5', '"probability": 0.6'))
        run = client.create_run(experiment).info.run_id
        client.log_artifacts(run, str(source), "model/artifacts/saved_model")
        client.create_model_version("sentiment", f"runs:/{run}/model", run)
    client.set_registered_model_alias("sentiment", "champion", "1")
    return client


@pytest.fixture
def start(registry, tmp_path):
    """Starts a service that has fetched to this cache before."""
    with ExitStack() as stack:

        def start(log):
            server = Server(
                tmp_path / log,
                MODEL_URI="models:/sentiment@champion",
                MODEL_CACHE=str(tmp_path / "cache"),
                MODEL_POLL_SECONDS="2",
                MLFLOW_TRACKING_URI=registry[1],
                MLFLOW_HTTP_REQUEST_MAX_RETRIES="0",
            )
            stack.callback(server.stop)
            return server.wait_until_ready()

        yield start


def replace_a_worker(server):
    victim = min(server.workers())
    os.kill(victim, signal.SIGKILL)

    def replaced():
        workers, ready = server.workers(), {line["process"] for line in server.lines("model ready")}
        return victim not in workers and len(workers) == 2 and workers <= ready

    wait_until(replaced)
    server.wait_until_ready()  # it shows its model a moment later


@pytest.mark.story  # two services of two workers, each with models from a real MLflow server
def test_an_alias_that_moves_moves_all_workers_and_nothing_else_does(start, registry, tracking, tmp_path):
    server = start("log")
    shutil.rmtree(tmp_path / "cache")
    replace_a_worker(server)  # with what it fetches anew
    assert versions(server) == {VERSIONS[0]: 2}
    tracking.set_registered_model_alias("sentiment", "champion", "2")
    wait_until(lambda: versions(server).get(VERSIONS[1]) == 2)
    wait_until(lambda: server.metric("serving_reloads_total") == 2)
    assert server.predict("good")["model_version"] == VERSIONS[1]

    tracking.set_registered_model_alias("sentiment", "champion", "3")  # its canary fails
    wait_until(lambda: server.metric("serving_failed_reloads_total") >= 2)
    assert server.predict("good")["model_version"] == VERSIONS[1]

    restarted = start("restarted")  # while the alias names the one whose canary fails
    assert versions(restarted) == {VERSIONS[1]: 2}
    assert restarted.lines_with("; going on with ")
    for each in (server, restarted):  # a worker tries it once, however often it looks
        assert each.metric("serving_failed_reloads_total") <= 2

    process, _ = registry
    process.terminate()
    process.wait(30)
    wait_until(lambda: server.metric("serving_failed_looks_total") >= 2)
    assert server.lines_with("no look at models:/sentiment@champion")
    replace_a_worker(server)  # with what was fetched before, and of that the last that was good
    assert versions(server)[VERSIONS[1]] == 2
    assert server.metric("serving_reloads_total") == 2
