"""The light form of an export scores as the SavedModel around it, without TensorFlow."""

import json
import shutil
import sys
from pathlib import Path

import model_folder
import pytest
import real_export
from test_server import Server

from pipelines.dataset import text
from pipelines.model.export import CANARY
from pipelines.model.network import ARCHITECTURES
from serving import predictor
from serving.app import create_app
from serving.manifest import ModelError
from serving.settings import Settings

pytest.importorskip("onnxruntime")
pytest.importorskip("re2")

TEXTS = [*text.UGLY, *CANARY, "good day " * 4, "good", "not a bad day"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A factory: architecture → folder of an export."""
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_FOLDER", str(folder))
        made = {}
        yield lambda name: made.get(name) or made.setdefault(name, real_export.export(folder, name))


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of an export, to be spoiled; its manifest is made anew by `seal`."""
    return shutil.copytree(exported("hybrid"), tmp_path / "model")


def seal(folder: Path) -> Path:
    """Make the manifest list what is there by now, with the canary as it was."""
    canary = json.loads((folder / "manifest.json").read_text())["canary"]
    manifest = model_folder.write_manifest(folder) | {"canary": canary}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_runtimes_score_alike_and_read_alike(exported, architecture):
    folder = exported(architecture)
    light, full = (predictor.load(folder, runtime=runtime).score(TEXTS) for runtime in ("onnx", "tensorflow"))
    assert light == pytest.approx(full, abs=1e-6)
    assert max(full) - min(full) > 0.01
    read = [[(score.tokens, score.unknown, score.truncated) for score in scores] for scores in (light, full)]
    assert read[0] == read[1]


def test_a_score_tells_what_was_read(exported):
    model = predictor.load(exported("hybrid"), runtime="onnx")
    scores = model.score(["", "good zebra day", "good day " * 4])
    found = [(score.tokens, score.unknown, score.truncated) for score in scores]
    assert found == [(1, 1, False), (3, 1, False), (real_export.SEQUENCE_LENGTH, 0, True)]


def test_a_text_scores_the_same_alone_and_in_company(exported):
    model = predictor.load(exported("hybrid"), runtime="onnx")
    many = TEXTS * 5
    assert model.score(many) == pytest.approx([model.score([words])[0] for words in many], abs=1e-6)
    assert model.score([]) == []


def test_an_export_without_the_light_form_is_refused_with_the_ways_out(copy):
    shutil.rmtree(copy / "assets.extra")
    with pytest.raises(ModelError, match=r"network\.onnx.*export the run again.*SERVING_RUNTIME=tensorflow"):
        predictor.load(seal(copy), runtime="onnx")
    assert predictor.load(copy).score(["good"])


def test_a_light_form_that_scores_its_canary_differently_is_refused(copy):
    rules = copy / "assets.extra" / "light" / "text.json"
    rules.write_text(json.dumps(json.loads(rules.read_text()) | {"before_lower": []}))
    with pytest.raises(ModelError, match="scores its canary text"):
        predictor.load(seal(copy), runtime="onnx")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("network.onnx", b"no graph", "is no network"),
        ("text.json", b"{}", "cannot be used"),
        ("text.json", b"\xff", "cannot be used"),
        ("text.json", {"after_lower": [["(", ""]]}, r"cannot be used.*missing \)"),
        ("text.json", {"upper": "AB", "lower": "a"}, "upper has 2 characters"),
    ],
)
def test_a_broken_light_form_is_refused(copy, name, content, message):
    path = copy / "assets.extra" / "light" / name
    if isinstance(content, dict):
        content = json.dumps(json.loads(path.read_text()) | content).encode()
    path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        predictor.load(seal(copy), runtime="onnx")


def test_a_changed_light_file_is_refused_by_either_runtime(copy):
    (copy / "assets.extra" / "light" / "vocabulary.txt").write_text("x\n")
    for runtime in ("onnx", "tensorflow"):
        with pytest.raises(ModelError, match=r"vocabulary\.txt has 2 bytes"):
            predictor.load(copy, runtime=runtime)


@pytest.mark.parametrize(
    ("runtime", "library", "lock"),
    [
        ("onnx", "onnxruntime", "requirements-light"),
        ("onnx", "re2", "requirements-light"),
        ("tensorflow", "tensorflow", "requirements.txt"),
    ],
)
def test_a_runtime_that_is_not_installed_is_named_with_what_to_install(monkeypatch, runtime, library, lock):
    for module in ("serving.saved_model", "serving.light", "serving.light_text"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelError, match=f"SERVING_RUNTIME={runtime} needs {library}.*{lock}"):
        predictor.import_runtime(runtime)


def test_metrics_count_what_was_read_of_predicted_texts(exported):
    model = predictor.load(exported("hybrid"), runtime="onnx")
    client = create_app(Settings(), model).test_client()
    client.post("/predict", json={"texts": ["good zebra day", "good day " * 4]})
    figures = client.get("/metrics").get_data(as_text=True).splitlines()
    assert {"serving_tokens_total 9.0", "serving_unknown_tokens_total 1.0", "serving_truncated_texts_total 1.0"} <= set(
        figures
    )


def test_a_worker_answers_without_tensorflow(exported, tmp_path):
    folder = exported("hybrid")
    server = Server(tmp_path / "log", MODEL_URI=str(folder), SERVING_RUNTIME="onnx", WORKERS="2")
    try:
        server.wait_until_ready()
        full = predictor.load(folder).score(["not a bad day"])[0]
        assert server.predict("not a bad day")["probability"] == pytest.approx(full, abs=2e-6)
        for process in (server.process.pid, *server.workers()):
            maps = Path(f"/proc/{process}/maps").read_text()
            assert "onnxruntime" in maps
            assert "tensorflow" not in maps
            assert "pyarrow" not in maps
    finally:
        server.stop()


def test_a_server_without_the_light_form_ends_with_one_line(tmp_path):
    folder = model_folder.export(tmp_path / "saved_model")
    server = Server(tmp_path / "log", MODEL_URI=str(folder), SERVING_RUNTIME="onnx", WORKERS="1")
    try:
        assert server.process.wait(60) != 0
    finally:
        server.process.kill()
    log = (tmp_path / "log").read_text()
    assert "SERVING_RUNTIME=tensorflow" in log
    assert "Traceback" not in log
