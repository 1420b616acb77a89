import json

import model_folder
import pytest

from serving import predict, predictor
from serving.app import create_app
from serving.manifest import ModelError
from serving.settings import Settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folder.export(tmp_path_factory.mktemp("export") / "saved_model")


def test_a_model_scores_any_text_and_any_number_of_them(folder):
    model = predictor.load(folder)
    texts = ["", "good", "\x00", "😀 good", "x" * 10_000]
    assert model.score(texts) == pytest.approx([model_folder.probability(text) for text in texts])
    assert model.score([]) == []


def test_a_model_that_scores_its_canary_differently_is_refused(folder, tmp_path):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["canary"][0]["probability"] += 0.001
    for path in folder.rglob("*.*"):
        (tmp_path / path.relative_to(folder)).parent.mkdir(exist_ok=True)
        (tmp_path / path.relative_to(folder)).write_bytes(path.read_bytes())
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="scores its canary text 'a good day'"):
        predictor.load(tmp_path)


@pytest.mark.parametrize(
    ("names", "message"),
    [(("other",), "no signature serving_default"), (("serving_default", "describe"), "has the signature .*unknown")],
)
def test_another_signature_is_refused(tmp_path, names, message):
    with pytest.raises(ModelError, match=message):
        predictor.load(model_folder.export(tmp_path / "model", names=names))


def test_an_older_export_that_tells_only_probabilities_adds_nothing_to_the_counts(folder):
    client = create_app(Settings(), predictor.load(folder)).test_client()
    assert client.post("/predict", json={"text": "good zebra"}).status_code == 200
    assert "serving_tokens_total 0.0" in client.get("/metrics").get_data(as_text=True)


def test_what_is_no_saved_model_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no graph")
    model_folder.write_manifest(tmp_path)
    with pytest.raises(ModelError, match="is not a SavedModel"):
        predictor.load(tmp_path)


def test_the_shell_command_prints_json(folder, monkeypatch, capsys):
    monkeypatch.setenv("MODEL_URI", str(folder))
    assert predict.main(["a good day", "bad"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["label"] for line in lines] == ["positive", "negative"]
    assert lines[0]["model_version"] == "fixture-10-00000001"


@pytest.mark.parametrize(
    ("arguments", "uri", "message"),
    [([""], "", "No text was given"), (["x"], "", "MODEL_URI is not set"), (["x"], "/nowhere", "is not a folder")],
)
def test_the_shell_command_says_what_is_missing(arguments, uri, message, monkeypatch, capsys):
    monkeypatch.setenv("MODEL_URI", uri)
    assert predict.main(arguments) in (1, 2)
    assert message in capsys.readouterr().err
