"""The model behind the scoring of files: both of its runtimes score as the service does."""

import shutil
import subprocess
import sys

import exported_model
import numpy as np
import pyarrow as pa
import pytest

from pipelines import artifacts
from pipelines.dataset import text
from pipelines.operation import exported
from serving import predictor


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return exported_model.export(tmp_path_factory.mktemp("data"))


TEXTS = [*exported_model.texts(3000), *text.UGLY, "", " ", "\x00", "x" * 10_000, "good " * 500]


@pytest.mark.parametrize("runtime", exported.RUNTIMES)
def test_scores_are_the_service_s(folder, runtime, monkeypatch):
    monkeypatch.setitem(exported.BATCH_ROWS, runtime, 256)
    model = exported.ExportedModel(folder, runtime=runtime)
    assert (model.runtime, model.why) == (runtime, "")
    scores = model.score(model.prepare(pa.array(TEXTS)))
    theirs = predictor.load(folder).score(TEXTS)
    assert scores.dtype == np.float32
    assert np.ptp(scores) > 0.2
    np.testing.assert_allclose(scores, theirs, atol=1e-5)


def test_labels_are_the_manifest_s(folder):
    model = exported.ExportedModel(folder, runtime="tensorflow")
    model.manifest |= {"labels": ["cold", "warm"], "threshold": 0.25}
    assert model.labels(np.array([0.2, 0.25, 0.9], np.float32)).to_pylist() == ["cold", "warm", "warm"]


def test_no_texts_no_scores(folder):
    model = exported.ExportedModel(folder)
    assert model.score(model.prepare(pa.array([], pa.string()))).shape == (0,)


def test_an_export_of_other_text_rules_is_scored_by_its_own(folder, monkeypatch):
    monkeypatch.setattr(text, "GROUPS_AFTER_LOWER", (text.SPACE_RULES,))
    monkeypatch.setattr(text, "AFTER_LOWER", text.SPACE_RULES)
    model = exported.ExportedModel(folder)
    assert model.runtime == "tensorflow"
    assert "text rules that differ" in model.why
    np.testing.assert_allclose(
        model.score(model.prepare(pa.array(TEXTS))), predictor.load(folder).score(TEXTS), atol=1e-5
    )
    with pytest.raises(exported.ModelError, match="text rules that differ"):
        exported.ExportedModel(folder, runtime="onnx")


def test_an_export_without_a_light_form_is_scored_by_tensorflow(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "saved_model")
    shutil.rmtree(copy / artifacts.LIGHT_FORM)
    manifest = artifacts.read_json(copy / "manifest.json")
    manifest["files"] = {name: facts for name, facts in manifest["files"].items() if (copy / name).exists()}
    artifacts.write_json(copy / "manifest.json", manifest)
    model = exported.ExportedModel(copy)
    assert (model.runtime, "has no light form" in model.why) == ("tensorflow", True)


@pytest.mark.parametrize("canary", [0.987, None])
def test_a_light_form_that_scores_otherwise_is_not_used(folder, tmp_path, canary, monkeypatch):
    if canary is None:
        monkeypatch.setattr(
            exported.light_model.LightModel, "probabilities", lambda self, ids: np.full(len(ids), np.nan, np.float32)
        )
    copy = shutil.copytree(folder, tmp_path / "saved_model")
    manifest = artifacts.read_json(copy / "manifest.json")
    manifest["canary"][0]["probability"] = canary or manifest["canary"][0]["probability"]
    artifacts.write_json(copy / "manifest.json", manifest)
    model = exported.ExportedModel(copy)
    assert (model.runtime, "scores its canary texts otherwise" in model.why) == ("tensorflow", True)
    assert not np.isnan(model.score(model.prepare(pa.array(["good"])))).any()


def test_files_are_scored_without_tensorflow(folder):
    said = f"""
import sys
from pathlib import Path
import pyarrow as pa
from pipelines.operation import exported, scoring
model = exported.ExportedModel(Path({str(folder)!r}))
print(model.score(model.prepare(pa.array(["good day"]))), model.runtime)
assert not {{"tensorflow", "keras", "mlflow"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", said], cwd=artifacts.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("onnx")


def test_a_model_that_is_not_what_its_manifest_says_is_refused(folder, tmp_path):
    with pytest.raises(exported.ModelError, match="is no exported model"):
        exported.ExportedModel(tmp_path)
    copy = shutil.copytree(folder, tmp_path / "saved_model")
    (copy / artifacts.LIGHT_FORM / "vocabulary.txt").write_text("\n[UNK]\nother\n")
    with pytest.raises(exported.ModelError, match=r"vocabulary\.txt is missing or not what its manifest says"):
        exported.ExportedModel(copy)


def test_what_mlflow_keeps_is_fetched(folder, tmp_path, monkeypatch, fresh_store):
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    import mlflow

    from pipelines import tracking

    tracking.client()
    with mlflow.start_run():
        mlflow.log_artifacts(str(folder), "model/artifacts/saved_model")
        run_id = mlflow.active_run().info.run_id
    found = exported.folder_of(f"runs:/{run_id}/model", cache=tmp_path)
    assert artifacts.sha256(found / "manifest.json") == artifacts.sha256(folder / "manifest.json")
    with pytest.raises(exported.ModelError, match="MODEL_URI=models:/nothing/1 cannot be fetched"):
        exported.folder_of("models:/nothing/1", cache=tmp_path)
    assert exported.folder_of(str(folder), cache=tmp_path) == folder
