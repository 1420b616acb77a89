"""The ablation: resumed, redone where something changed, its table; the training is a stand-in."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import ablation, variants
from benchmarks.variants import OURS, Variant
from pipelines import artifacts, tracking
from pipelines.model import training

UNITS = Variant("units-8", "LSTMs of 8", {"units": 8})
WORSE_ROWS = 20  # of 100, that a variant has wrong and ours right


@pytest.fixture
def trained(encoded, monkeypatch, tmp_path, fresh_store):
    """The names of the variants that the stand-in has trained."""
    names = []
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    splits = {"counts": {"train": 300, "validation": 100}, "files": {"train": "12ab", "validation": "34cd"}}
    artifacts.write_json(encoded.dataset.manifest, splits | {"raw": {"training.csv": {"sha256": "56ef"}}})

    def train(place, configuration, recipe, *, word_vectors, on_epoch):
        names.append(place.folder.name)
        labels = np.arange(100) % 2
        ours = configuration.units != UNITS.parameters["units"]
        wrong = np.arange(100) < (10 if ours else 10 + WORSE_ROWS)
        path = place.predictions("validation")
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame({"label": labels, "probability": np.where(wrong, 1 - labels, labels)}).to_parquet(path)
        for epoch, accuracy in enumerate((0.5, 0.75), 1):
            on_epoch({"epoch": epoch, "validation_accuracy": accuracy})
        return {"seconds": 2.0 if ours else 1.0, "best_epoch": 1}

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(variants, "ABLATED", (OURS, UNITS))
    return names


def test_what_is_finished_is_kept_and_killed_work_goes_on(encoded, trained, monkeypatch):
    with monkeypatch.context() as patch:

        def killed(*arguments, **options):
            raise KeyboardInterrupt

        ablation.finished(encoded, OURS)
        patch.setattr(training, "train", killed)
        with pytest.raises(KeyboardInterrupt):
            ablation.every(encoded)
    whole = ablation.every(encoded)
    assert trained == ["ours", "units-8"]
    assert ablation.every(encoded) == whole
    assert trained == ["ours", "units-8"]
    assert not list((ablation.folder_of(encoded) / "working").iterdir())
    assert not encoded.predictions("validation").exists()


def test_other_rows_are_trained_on_anew(encoded, trained):
    ablation.finished(encoded, OURS)
    labels = encoded.encoded("train") / "labels.npy"
    np.save(labels, 1 - np.load(labels))
    ablation.finished(encoded, OURS)
    assert trained == ["ours", "ours"]


def test_the_table_holds_differences_and_their_intervals(encoded, trained):
    lines = ablation.table(encoded, ablation.every(encoded))
    assert list(lines["validation accuracy, %"]) == ["90.00", "70.00"]
    difference = lines["difference from ours, points [95 %]"]
    assert difference[0] == "–"
    low, high = (float(edge) for edge in difference[1].partition("[")[2].rstrip("]").split(","))
    assert difference[1].startswith("-20.00 ")
    assert low < -20 < high < 0
    assert list(lines["of ours"]) == ["1.00 ×", "0.50 ×"]


def test_each_line_names_its_run_of_mlflow(encoded, trained):
    found = ablation.every(encoded)
    lines = ablation.table(encoded, found)
    assert list(lines["MLflow run"]) == [f"`{figures['run_id']}`" for figures in found.values()]
    run = tracking.client().get_run(found[UNITS]["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["units"] == "8"
    assert run.data.tags["variant"] == "units-8"
    assert run.data.metrics["accuracy_of_kept_epoch"] == 0.7
    history = tracking.client().get_metric_history(run.info.run_id, "validation_accuracy")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.75)]
    assert {one.dataset.name.rpartition("/")[2] for one in run.inputs.dataset_inputs} == {"train", "validation"}


def test_a_variant_that_changes_nothing_is_left_out(encoded, monkeypatch):
    usual = variants.usual_parameters()
    same = Variant("same", "nothing", {"dropout_rate": usual["dropout_rate"]})
    monkeypatch.setattr(variants, "ABLATED", (OURS, same, UNITS))
    assert ablation.wanted(encoded) == [OURS, UNITS]


def test_some_are_asked_for_by_name(encoded, monkeypatch):
    other = Variant("units-16", "LSTMs of 16", {"units": 16})
    monkeypatch.setattr(variants, "ABLATED", (OURS, other, UNITS))
    assert ablation.wanted(encoded, ["units-8"]) == [OURS, UNITS]
    with pytest.raises(ValueError, match="no variant 'units-9'; there are ours, units-16, units-8"):
        ablation.wanted(encoded, ["units-9"])


def test_every_variant_can_be_built(encoded):
    names = [variant.name for variant in variants.ABLATED]
    assert len(set(names)) == len(names)
    found = {variant.name: variants.settings_of(encoded, variant) for variant in variants.ABLATED}
    widths = {name: configuration.pretrained_dimensions for name, (configuration, _, _) in found.items()}
    assert {widths[name] for name in ("ours", "without-ngrams", "dropout-0")} == {600}
    assert [widths[name] for name in ("wide-only", "near-only", "hybrid-random", "classic")] == [400, 200, 0, 0]
    np.testing.assert_array_equal(found["near-only"][2], np.load(encoded.word_vectors)[:, 400:])
    assert found["hybrid-random"][2] is None


def test_views_of_other_vectors_cannot_be_told_apart(encoded):
    with pytest.raises(ValueError, match=r"8 dimensions, 03_tokenize makes 400 \+ 200"):
        variants.views_of(np.zeros((5, 8)), ("wide",))


def test_a_run_without_word_vectors_says_what_makes_them():
    with pytest.raises(FileNotFoundError, match="make train SIZE=7"):
        variants.settings_of(artifacts.Dataset("tiny").run("7"))
