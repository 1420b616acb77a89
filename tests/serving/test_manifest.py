import json
import os

import model_folder
import pytest

from serving import manifest
from serving.manifest import ModelError


@pytest.fixture
def folder(tmp_path):
    """Files that look like an export; their contents do not matter here."""
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "assets").mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    model_folder.write_manifest(folder)
    return folder


def rewrite(folder, change):
    path = folder / "manifest.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_an_untouched_folder_passes(folder):
    assert manifest.verify(folder).model_version == "fixture-10-00000001"


def test_a_link_to_the_folder_passes(folder, tmp_path):
    (tmp_path / "current").symlink_to(folder)
    assert manifest.verify(tmp_path / "current").threshold == 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"grapH"), "SHA-256"),
        (lambda folder: (folder / "saved_model.pb").write_bytes(b"grap"), "has 4 bytes, not the 5"),
        (lambda folder: (folder / "saved_model.pb").unlink(), "is missing"),
        (lambda folder: (folder / "extra.so").write_bytes(b"x"), "does not list"),
        (lambda folder: (folder / "manifest.json").unlink(), "has no manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is not a manifest"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "model_version"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "is not a manifest"),
        (lambda folder: rewrite(folder, lambda value: value["labels"].pop()), "labels"),
        (lambda folder: rewrite(folder, lambda value: value["labels"].reverse()), "labels"),
        (lambda folder: rewrite(folder, lambda value: value.update(canary=[])), "canary"),
        (lambda folder: rewrite(folder, lambda value: value.update(model_version="a b")), "model_version"),
    ],
)
def test_whatever_differs_is_refused_and_named(folder, change, message):
    change(folder)
    with pytest.raises(ModelError, match=message):
        manifest.verify(folder)


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "variables/../../outside"])
def test_a_manifest_cannot_lead_out_of_its_folder(folder, name):
    (folder.parent / "outside").write_bytes(b"x")
    rewrite(folder, lambda value: value["files"].update({name: {"sha256": "0" * 64, "bytes": 1}}))
    with pytest.raises(ModelError, match="outside the folder"):
        manifest.verify(folder)


def test_a_link_cannot_lead_out_of_the_folder(folder):
    (folder.parent / "outside").write_bytes(b"graph")
    (folder / "saved_model.pb").unlink()
    (folder / "saved_model.pb").symlink_to(folder.parent / "outside")
    with pytest.raises(ModelError, match="outside the folder"):
        manifest.verify(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ModelError, match="nowhere is not a folder"):
        manifest.verify(tmp_path / "nowhere")


def test_a_manifest_of_a_million_files_is_not_even_read(folder):
    rewrite(folder, lambda value: value["files"].update({f"file-{index}": {} for index in range(100_000)}))
    with pytest.raises(ModelError, match="at most 1048576 are read"):
        manifest.verify(folder)


def test_a_manifest_that_is_no_file_is_not_waited_for(folder):
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")
    with pytest.raises(ModelError, match=r"has no manifest\.json"):
        manifest.verify(folder)


def test_a_pickle_beside_the_model_is_refused_before_anything_is_loaded(folder):
    (folder / "assets" / "python_model.pkl").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError, match="does not list"):
        manifest.verify(folder)
