"""Ten reloads while clients keep asking, with two models that score differently: no error, and both answer in turn."""

import json
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import model_folder
import pytest
from live import Server, versions, wait_until

CLIENTS = 32
PRIORS = {"fixture-10-00000001": 1.0, "fixture-10-00000002": 4.0}


def probability(text, prior):
    good, bad = (text.lower().split(" ").count(word) for word in ("good", "bad"))
    return (good + prior) / (good + bad + 2 * prior)


def export_another(model, folder, version):
    """The same model with the prior of this version, so that an answer shows whose it is."""
    import tensorflow as tf

    other = tf.saved_model.load(str(model))
    other.prior.assign(PRIORS[version])
    tf.saved_model.save(other, str(folder), signatures={"serving_default": other.serve})
    manifest = model_folder.write_manifest(folder, version=version)
    manifest["canary"] = [{"text": t, "probability": probability(t, PRIORS[version])} for t in model_folder.CANARY]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def models(tmp_path):
    first, second = PRIORS
    model = model_folder.export(tmp_path / "first", version=first)
    return {first: model, second: export_another(model, tmp_path / "second", second)}


def point(link, folder):
    """Make the link name this folder, at one instant."""
    fresh = link.with_name("fresh")
    fresh.symlink_to(folder)
    os.replace(fresh, link)


@pytest.mark.story  # twenty loads of a model, beside clients that take all the CPU time they can get
def test_ten_reloads_by_signal_and_by_call_while_clients_keep_asking(models, tmp_path):
    link, (first, second) = tmp_path / "model", models
    point(link, models[first])
    server = Server(tmp_path / "log", MODEL_URI=str(link), WORKERS="2", API_KEY="key", LOG_REQUESTS="false")
    answered, stop = Counter(), threading.Event()

    def keep_asking():
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            while not stop.is_set():
                answer = server.predict("good", connection)
                assert answer["probability"] == pytest.approx(probability("good", PRIORS[answer["model_version"]]))
                answered[answer["model_version"]] += 1

    try:
        server.wait_until_ready()
        with ThreadPoolExecutor(CLIENTS) as threads:
            asking = [threads.submit(keep_asking) for _ in range(CLIENTS)]
            try:
                for number in range(1, 11):
                    version, before = (first, second)[number % 2], Counter(answered)
                    point(link, models[version])
                    if number % 2:
                        assert server.call("POST", "/admin/reload")[0] == 202
                    else:
                        server.process.send_signal(signal.SIGHUP)
                    wait_until(lambda version=version: versions(server).get(version) == 2)
                    wait_until(lambda version=version, before=before: answered[version] > before[version])
            finally:
                stop.set()
            for each in asking:
                each.result()  # raises what an answer other than 200, or none, has raised
        assert server.metric("serving_reloads_total") == 20
        assert server.metric("serving_failed_reloads_total") == 0
        assert set(answered) == set(PRIORS)
    finally:
        server.stop()
    assert "Traceback" not in server.log.read_text()
