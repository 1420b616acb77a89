"""Models from a real S3 endpoint and from MLflow, whole, and broken in every way that matters."""

import json
import shutil

import model_folder
import pytest

from serving import store
from serving.manifest import ModelError
from serving.settings import Settings

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
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "cannot be fetched"),
    "half a manifest": (lambda folder: (folder / "manifest.json").write_text('{"model'), "is not a manifest"),
    "a missing file": (rewrite(lambda value: value["files"].update(more=FILE)), "cannot be fetched"),
    "path traversal": (rewrite(lambda value: value["files"].update({"../../x": FILE})), "do not trust it"),
    "an absolute path": (rewrite(lambda value: value["files"].update({"/tmp/x": FILE})), "do not trust it"),
    "too large": (rewrite(lambda value: value["files"].update({"x": FILE | {"bytes": 2**40}})), "MODEL_MAX_BYTES"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_source_is_refused_and_never_replaces_what_works(upload, bucket, source, settings, name, caplog):
    good = source.with_name("good")
    shutil.copytree(source, good)
    model_folder.write_manifest(good, version="fixture-10-00000009")
    change, message = BROKEN[name]
    change(source)
    upload(source)
    with pytest.raises(ModelError, match=message):
        fetch(settings)
    bucket.objects.all().delete()
    upload(good)
    folder = fetch(settings)
    bucket.objects.all().delete()
    upload(source)
    assert fetch(settings) == folder
    assert "going on with fixture-10-00000009" in caplog.text


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


@pytest.mark.parametrize("uri", ["s3://others/models", "/etc", "file:///etc", "models:/x/1", "http://127.0.0.1/x"])
def test_only_what_is_allowed_is_read(settings, uri):
    with pytest.raises(ModelError, match="MODEL_URI_ALLOW"):
        fetch(settings.model_copy(update={"model_uri": uri, "model_uri_allow": "s3://weights/, /models"}))


def test_an_unknown_scheme_is_a_missing_folder(settings):
    with pytest.raises(ModelError, match="is not a folder"):
        fetch(settings.model_copy(update={"model_uri": "http://127.0.0.1/model"}))


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """An MLflow database and its client."""
    mlflow = pytest.importorskip("mlflow")
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    yield MlflowClient(uri)
    mlflow.set_tracking_uri(before)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's own, of SQLAlchemy
def test_models_of_mlflow_are_fetched_by_run_version_and_alias(tracking, source, settings, tmp_path):
    experiment = tracking.create_experiment("serving", artifact_location=(tmp_path / "artifacts").as_uri())
    run = tracking.create_run(experiment).info.run_id
    tracking.log_artifacts(run, str(source), "model/artifacts/saved_model")
    tracking.create_registered_model("sentiment")
    tracking.create_model_version("sentiment", f"runs:/{run}/model", run)
    tracking.set_registered_model_alias("sentiment", "champion", "1")
    for uri in (
        f"runs:/{run}/model",
        f"runs:/{run}/model/artifacts/saved_model",
        "models:/sentiment/1",
        "models:/sentiment@champion",
    ):
        folder = fetch(settings.model_copy(update={"model_uri": uri}))
        assert (folder / "saved_model.pb").read_bytes() == b"graph"
    with pytest.raises(ModelError, match="cannot be fetched"):
        fetch(settings.model_copy(update={"model_uri": "models:/sentiment/2"}))
