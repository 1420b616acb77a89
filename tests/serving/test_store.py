"""Models from a real S3 endpoint and from MLflow, whole, and broken in every way that matters."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import model_folder
import pytest
from live import ROOT

from serving import manifest, store
from serving import predictor as predictors
from serving.loader import Loader
from serving.manifest import ModelError
from serving.metrics import Metrics
from serving.settings import Settings
from serving.shared import Board
from serving.slot import Slot

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")


@pytest.fixture(autouse=True)
def forgetful():
    """As if each call were in a new process."""
    store.folder.cache_clear()
    yield
    store.folder.cache_clear()


@pytest.fixture
def source(tmp_path):
    return model_folder.pretend(tmp_path / "source")


@pytest.fixture(scope="module")
def endpoint():
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch):
    for name, value in {
        "ENDPOINT_URL": endpoint,
        "ACCESS_KEY_ID": "x",
        "SECRET_ACCESS_KEY": "x",
        "DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    bucket = boto3.resource("s3").Bucket("weights")
    bucket.create()
    yield bucket
    bucket.objects.all().delete()


@pytest.fixture
def upload(bucket):
    def upload(folder):
        for path in folder.rglob("*"):
            if path.is_file():
                bucket.upload_file(str(path), f"models/{path.relative_to(folder)}")

    return upload


@pytest.fixture
def settings(tmp_path):
    return Settings(model_uri="s3://weights/models", model_cache=tmp_path / "cache")


def fetch(settings):
    """As the start of a service whose model then answers."""
    store.folder.cache_clear()
    folder = store.folder(settings)
    store.keep(settings, folder)
    return folder


def test_a_model_in_s3_is_fetched_verified_and_kept(upload, source, settings):
    upload(source)
    folder = fetch(settings)
    assert (folder / "variables" / "variables.index").read_bytes() == b"index" * 1000
    assert not list(folder.parent.glob(".fetching*"))


def test_a_newer_model_takes_the_place_and_the_older_one_stays_on_disk(upload, source, settings):
    upload(source)
    older = fetch(settings)
    (source / "saved_model.pb").write_bytes(b"another graph")
    model_folder.write_manifest(source, version="fixture-10-00000002")
    upload(source)
    newer = fetch(settings)
    assert newer != older
    assert older.is_dir()
    assert (newer.parent / "current").resolve() == newer.resolve()


def test_what_is_there_already_is_not_fetched_again(upload, bucket, source, settings):
    upload(source)
    folder = fetch(settings)
    bucket.Object("models/saved_model.pb").delete()
    assert store.fetch(settings) == folder


def test_a_look_reads_the_manifest_and_nothing_else(upload, bucket, source, settings):
    upload(source)
    before = store.digest(settings)
    bucket.Object("models/saved_model.pb").delete()
    assert store.digest(settings) == before
    model_folder.write_manifest(source, version="fixture-10-00000002")
    upload(source)
    assert store.digest(settings) != before


def test_a_model_that_was_fetched_and_not_kept_is_no_last_good_one(upload, source, settings):
    upload(source)
    good = fetch(settings)
    model_folder.write_manifest(source, version="fixture-10-00000002")
    upload(source)
    assert store.fetch(settings) != good
    assert store.last_good(settings) == good


def test_the_cache_keeps_the_newest_model_the_last_good_one_and_what_may_be_loading(upload, source, settings):
    folders = []
    for number in range(5):
        model_folder.write_manifest(source, version=f"fixture-10-0000000{number}")
        upload(source)
        folders.append(fetch(settings) if number < 2 else store.fetch(settings))
        if number != 2:  # that one has just been given to a worker
            os.utime(folders[-1], (0, 0))
    store.fetch(settings)
    assert [number for number, folder in enumerate(folders) if folder.exists()] == [1, 2, 4]
    assert store.last_good(settings) == folders[1]


def test_what_a_killed_fetch_has_left_is_removed_by_the_next(upload, source, settings):
    upload(source)
    place = fetch(settings).parent
    (place / ".fetching-killed" / "model").mkdir(parents=True)
    store.fetch(settings)
    assert not list(place.glob(".fetching-*"))


def test_a_version_that_cannot_be_loaded_stops_no_restart_and_is_not_tried_at_every_look(
    upload, source, settings, monkeypatch, predictor, caplog
):
    loads = []

    def load(folder, **options):
        loads.append(manifest.read(folder).model_version)
        if loads[-1] == "fixture-10-00000002":
            raise ModelError("scores its canary text wrong")
        return predictor

    monkeypatch.setattr(predictors, "load", load)
    upload(source)
    fetch(settings)
    model_folder.write_manifest(source, version="fixture-10-00000002")
    upload(source)
    store.folder.cache_clear()
    slot, figures = Slot(settings), Metrics()
    loader = Loader(settings, slot, figures, Board())
    loader._start()
    assert slot.filled()
    assert "scores its canary text wrong; going on with " in caplog.text
    loader.look()
    assert loads == ["fixture-10-00000002", "fixture-10-00000001"]
    model_folder.write_manifest(source, version="fixture-10-00000003")
    upload(source)
    loader.look()
    assert loads[2:] == ["fixture-10-00000003"]


def test_a_version_whose_files_are_not_what_its_manifest_says_is_not_fetched_at_every_look(
    upload, source, settings, monkeypatch, predictor
):
    monkeypatch.setattr(predictors, "load", lambda folder, **options: predictor)
    upload(source)
    fetch(settings)
    figures = Metrics()
    loader = Loader(settings, Slot(settings), figures, Board())
    loader._start()
    model_folder.write_manifest(source, version="fixture-10-00000002")
    whole = (source / "saved_model.pb").read_bytes()
    (source / "saved_model.pb").write_bytes(whole[::-1])
    upload(source)
    for _ in range(3):
        loader.look()
    assert figures.failed_reloads._value.get() == 1
    (source / "saved_model.pb").write_bytes(whole)
    upload(source)
    later = time.monotonic() + 100
    monkeypatch.setattr(time, "monotonic", lambda: later)
    loader.look()
    assert figures.reloads._value.get() == 1


def rewrite(change):
    def apply(folder):
        value = json.loads((folder / "manifest.json").read_text())
        change(value)
        (folder / "manifest.json").write_text(json.dumps(value))

    return apply


FILE = {"sha256": "0" * 64, "bytes": 1}
BROKEN = {
    "corrupt": (lambda folder: (folder / "saved_model.pb").write_bytes(b"grapH"), "SHA-256"),
    "truncated": (lambda folder: (folder / "saved_model.pb").write_bytes(b"gra"), "has 3 bytes"),
    "longer than listed": (
        lambda folder: (folder / "saved_model.pb").write_bytes(b"graph" * 2),
        "more than the 5 bytes",
    ),
    "a manifest of 100 MB": (
        lambda folder: (folder / "manifest.json").write_bytes(b" " * 10**8),
        "more than the 1048576",
    ),
    "itself listed": (rewrite(lambda value: value["files"].update({"manifest.json": FILE})), "do not trust it"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "cannot be fetched"),
    "half a manifest": (lambda folder: (folder / "manifest.json").write_text('{"model'), "is not a manifest"),
    "a missing file": (rewrite(lambda value: value["files"].update(more=FILE)), "cannot be fetched"),
    "path traversal": (rewrite(lambda value: value["files"].update({"../../x": FILE})), "do not trust it"),
    "an absolute path": (rewrite(lambda value: value["files"].update({"/tmp/x": FILE})), "do not trust it"),
    "too large": (rewrite(lambda value: value["files"].update({"x": FILE | {"bytes": 2**40}})), "MODEL_MAX_BYTES"),
}


@pytest.fixture(scope="module")
def good_cache(tmp_path_factory):
    """What fetching the good model has left, made once."""
    return tmp_path_factory.mktemp("good")


@pytest.fixture
def fetched(good_cache, upload, bucket, source, settings):
    """The folder of the good model in the cache; the bucket is empty again."""
    if not any(good_cache.iterdir()):
        good = source.with_name("good")
        shutil.copytree(source, good)
        model_folder.write_manifest(good, version="fixture-10-00000009")
        upload(good)
        fetch(settings.model_copy(update={"model_cache": good_cache}))
        bucket.objects.all().delete()
    shutil.copytree(good_cache, settings.model_cache, symlinks=True)
    return next(settings.model_cache.glob("*/current")).resolve()


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_is_refused_and_never_replaces_what_works(upload, fetched, source, settings, name, caplog):
    change, message = BROKEN[name]
    change(source)
    upload(source)
    assert fetch(settings) == fetched
    assert "going on with fixture-10-00000009" in caplog.text
    assert re.search(message, caplog.text)
    assert not list(fetched.parent.glob(".fetching*"))


def test_without_anything_fetched_before_a_broken_source_is_an_error(upload, source, settings):
    (source / "saved_model.pb").write_bytes(b"grapH")
    upload(source)
    with pytest.raises(ModelError, match="SHA-256"):
        fetch(settings)


def test_with_the_source_down_a_good_cache_starts_the_service_and_a_damaged_one_does_not(
    upload, source, settings, monkeypatch
):
    upload(source)
    folder = fetch(settings)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert fetch(settings) == folder
    (folder / "saved_model.pb").write_bytes(b"grapH")
    with pytest.raises(ModelError, match="cannot be fetched"):
        fetch(settings)


class Drip(BaseHTTPRequestHandler):
    """A server that is never done: a byte now and then, of a file that it says is long."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        with contextlib.suppress(OSError):
            while not self.server.stopping.wait(0.1):
                self.wfile.write(b" ")

    def log_message(self, *arguments):
        pass


class Elsewhere(BaseHTTPRequestHandler):
    """An MLflow server gone bad: it says that the model lies at `location`, or sends its client there."""

    def do_GET(self):
        location, redirects = self.server.answer
        self.send_response(302 if redirects else 200)
        if redirects:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if not redirects:
            self.wfile.write(json.dumps({"artifact_uri": location}).encode())

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(handler, **attributes):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.stopping = threading.Event()
    vars(server).update(attributes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_source_that_never_ends_is_given_up_and_what_was_fetched_before_is_used(
    fetched, settings, monkeypatch, caplog
):
    with serving(Drip) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert fetch(settings.model_copy(update={"model_fetch_seconds": 4})) == fetched
    assert "MODEL_FETCH_SECONDS=4" in caplog.text


def test_a_fetch_whose_worker_is_gone_ends_by_itself(bucket, tmp_path, monkeypatch):
    command = [sys.executable, "-m", "serving.remote", "s3://weights/models", str(tmp_path), "1000000", "1"]
    with serving(Drip) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert subprocess.run(command, cwd=ROOT, timeout=60).returncode == -signal.SIGALRM


def test_a_start_with_a_good_model_waits_little_for_a_slow_source_and_asks_again_later(
    fetched, upload, source, settings, monkeypatch, predictor
):
    monkeypatch.setattr(predictors, "load", lambda folder, **options: predictor)
    monkeypatch.setattr(store, "_START_SECONDS", 4)
    monkeypatch.setattr(store, "_given_up", False)
    patient, good = settings.model_copy(update={"model_fetch_seconds": 500}), os.environ["AWS_ENDPOINT_URL"]
    with serving(Drip) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert fetch(patient) == fetched
    assert store.given_up()
    monkeypatch.setenv("AWS_ENDPOINT_URL", good)
    upload(source)  # by now it answers, with another model
    loader = Loader(patient, Slot(patient), Metrics(), Board())
    loader._start()
    assert loader._digest == store.digest(patient) != manifest.digest(fetched)


def test_a_cache_of_another_user_is_not_trusted(fetched, upload, source, settings, monkeypatch):
    upload(source)
    monkeypatch.setattr(os, "geteuid", lambda: fetched.stat().st_uid + 1)
    assert store.last_good(settings) == fetched  # a volume may show any owner
    settings.model_cache.chmod(0o1777)  # but where all may write, as in /tmp
    assert store.last_good(settings) is None
    with pytest.raises(ModelError, match="belongs to another user: set MODEL_CACHE"):
        store.fetch(settings)


def test_what_is_not_needed_leaves_before_more_is_fetched(fetched, upload, source, settings):
    upload(source)
    unused = store.fetch(settings)
    os.utime(unused, (0, 0))
    model_folder.write_manifest(source, version="fixture-10-00000003")
    (source / "saved_model.pb").write_bytes(b"not what the manifest says")
    upload(source)
    with pytest.raises(ModelError):
        store.fetch(settings)
    assert not unused.exists()
    assert store.last_good(settings) == fetched


def test_workers_that_look_at_the_same_time_ask_once(upload, bucket, source, settings):
    upload(source)
    polling = settings.model_copy(update={"model_poll_seconds": 60})
    (settings.model_cache / "x").mkdir(parents=True)
    fetch(polling)
    before = store.digest(polling)
    bucket.objects.all().delete()
    assert store.digest(polling) == before
    os.utime(next(settings.model_cache.glob("*/.seen")), (0, 0))
    with pytest.raises(ModelError):
        store.digest(polling)


def test_a_full_disk_is_named_and_what_was_fetched_before_stays(upload, fetched, source, settings, caplog, tmp_path):
    (source / "variables" / "variables.index").write_bytes(b"index" * 100_000)
    model_folder.write_manifest(source, version="fixture-10-00000002")
    upload(source)
    full = tmp_path / "full"
    full.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(full)], capture_output=True).returncode:
        pytest.skip("a full disk needs the right to mount one of 200 kB")
    try:
        shutil.copytree(settings.model_cache, full / "cache", symlinks=True)
        folder = fetch(settings.model_copy(update={"model_cache": full / "cache"}))
        assert folder.name == fetched.name
        assert "No space left on device" in caplog.text
        assert not list(folder.parent.glob(".fetching*"))
    finally:
        subprocess.run(["umount", str(full)], check=True)


ELSEWHERE = {
    "a folder of this machine": ("file:///etc", False, "says that the model lies at file:///etc"),
    "another host": ("http://127.0.0.1:9/model", False, "says that the model lies at http://127.0.0.1:9/model"),
    "a redirect": ("http://127.0.0.1:9/api", True, "302"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_mlflow_server_cannot_send_the_service_elsewhere(settings, monkeypatch, name):
    location, redirects, message = ELSEWHERE[name]
    with serving(Elsewhere, answer=(location, redirects)) as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        with pytest.raises(ModelError, match=message):
            fetch(settings.model_copy(update={"model_uri": "models:/sentiment/1"}))


@pytest.mark.parametrize("answers", [True, False])
def test_the_password_of_an_mlflow_server_is_in_no_message(settings, monkeypatch, answers):
    with serving(Elsewhere, answer=("file:///etc", False)) as address:
        server = address.removeprefix("http://") if answers else "127.0.0.1:9"
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@{server}")
        with pytest.raises(ModelError, match="says that the model lies" if answers else "cannot be fetched") as caught:
            fetch(settings.model_copy(update={"model_uri": "models:/sentiment/1"}))
    assert "secret" not in str(caught.value)


def test_an_unknown_scheme_is_a_missing_folder(settings):
    with pytest.raises(ModelError, match=r"is not a folder.*models:/…, runs:/… or s3://…"):
        fetch(settings.model_copy(update={"model_uri": "http://127.0.0.1/model"}))


@pytest.fixture(scope="module")
def tracking(tmp_path_factory, fresh_store):
    """The address of a real MLflow server."""
    folder = tmp_path_factory.mktemp("mlflow")
    fresh_store(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port, "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 180
        while True:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            time.sleep(0.1)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def test_models_of_an_mlflow_server_are_fetched_by_run_version_and_alias(tracking, source, settings, monkeypatch):
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking)
    client = MlflowClient(tracking)
    run = client.create_run("0").info.run_id
    client.log_artifacts(run, str(source), "model/artifacts/saved_model")
    client.create_registered_model("sentiment")
    client.create_model_version("sentiment", f"runs:/{run}/model", run)
    client.set_registered_model_alias("sentiment", "champion", "1")
    allowed = f"models:/sentiment, runs:/, {tracking}"
    for uri in (f"runs:/{run}/model", f"runs:/{run}/model/artifacts/saved_model", "models:/sentiment@champion"):
        folder = fetch(settings.model_copy(update={"model_uri": uri, "model_uri_allow": allowed}))
        assert (folder / "saved_model.pb").read_bytes() == b"graph"
    with pytest.raises(ModelError, match="cannot be fetched"):
        fetch(settings.model_copy(update={"model_uri": "models:/sentiment/2"}))
    # One whose files are not all there is not looked for elsewhere, and the reason is said.
    (source / "saved_model.pb").unlink()
    client.log_artifacts(broken := client.create_run("0").info.run_id, str(source), "model/artifacts/saved_model")
    with pytest.raises(ModelError, match=r"cannot be fetched: .*saved_model/saved_model\.pb.*(404|No such|not found)"):
        fetch(settings.model_copy(update={"model_uri": f"runs:/{broken}/model", "model_uri_allow": allowed}))
