"""Any backend of Keras trains the same network, from encoded rows alone, without the others."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from test_network import draw_weights

from pipelines import artifacts
from pipelines.dataset import batches, tokens
from pipelines.model import backend, network

ROOT = Path(__file__).resolve().parents[2]
OTHERS = [
    pytest.param(name, marks=pytest.mark.skipif(find_spec(name) is None, reason=f"{name} is an extra: not installed"))
    for name in ("jax", "torch")
]
MEASURES = {"vocabulary_size": 100, "embedding_dimensions": 8, "units": 8, "dense_units": 8, "ngram_buckets": 256}
# Arguments: the run, its measures, the epoch to be killed after, and whether TensorFlow can be had at all.
TRAIN = """
import sys
if sys.argv[4] == "without":
    sys.modules["tensorflow"] = None  # to import it is an error from here on
from pipelines import artifacts
from pipelines.model import network, training
from pipelines.model.recipe import Recipe

def after(figures):
    assert sys.argv[4] == "with" or not sys.modules.get("tensorflow"), "training has imported TensorFlow"
    if str(figures["epoch"]) == sys.argv[3]:
        raise SystemExit(9)

recipe = Recipe(epochs=3, batch_size=64, learning_rate=0.02)
run = artifacts.Dataset("invented").run(sys.argv[1])
training.train(run, network.Configuration(**eval(sys.argv[2])), recipe, on_epoch=after)
"""
FORETELL = """
import sys
import numpy as np
from pipelines import artifacts
from pipelines.model import language_model, network
configuration = network.Configuration(**eval(sys.argv[2]))
vectors = np.random.default_rng(1).normal(size=(100, configuration.pretrained_dimensions)).astype(np.float16)
print(language_model.learned(artifacts.Dataset("invented").run(sys.argv[1]), configuration, vectors))
"""
SCORE = """
import sys
import keras, numpy as np
from pipelines.model import network
model = keras.models.load_model(sys.argv[1], compile=False)
np.save(sys.argv[2], keras.ops.convert_to_numpy(model(np.load(sys.argv[3]))))
"""


def on(name: str, code: str, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = os.environ | {"KERAS_BACKEND": name}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", OTHERS)
def test_another_backend_trains_without_tensorflow_and_goes_on_when_killed(name, encoded_run, tmp_path, monkeypatch):
    # The second training need not compile again.
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    whole, killed = (encoded_run(f"{name}-{how}") for how in ("whole", "killed"))
    done = on(name, TRAIN, whole.name, MEASURES, "", "without")
    assert done.returncode == 0, done.stderr
    summary = artifacts.read_json(whole.training)
    assert (summary["backend"], summary["precision"]) == (name, "float32")
    assert summary["validation_accuracy"] > 0.95
    # Where it is installed Keras loads it to save a model, and not before.
    assert on(name, TRAIN, killed.name, MEASURES, "2", "installed").returncode == 9
    resumed = on(name, TRAIN, killed.name, MEASURES, "", "installed")
    assert "going on after epoch 2" in resumed.stdout, resumed.stderr
    ours, theirs = (keras.models.load_model(run.model, compile=False).get_weights() for run in (whole, killed))
    for left, right in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.parametrize("name", OTHERS)
def test_lstms_foretell_words_on_another_backend(name, encoded_run):
    run = encoded_run(f"{name}-foretells")
    done = on(name, FORETELL, run.name, MEASURES | {"pretrained_dimensions": 6})
    assert done.returncode == 0, done.stderr
    with np.load(done.stdout.splitlines()[-1]) as learned:
        assert all(np.isfinite(array).all() and array.any() for array in learned.values())


@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
@pytest.mark.parametrize("name", OTHERS)
def test_the_same_weights_score_the_same_on_another_backend(name, architecture, tmp_path):
    keras.utils.set_random_seed(4)
    model = network.build_network(network.Configuration(**MEASURES, architecture=architecture))
    draw_weights(model)
    model.save(tmp_path / "model.keras")
    ids = np.array([[5, 9, 3, 0], [7, 0, 0, 0], [2, 2, 4, 8]], np.int32)
    np.save(tmp_path / "ids.npy", ids)
    done = on(name, SCORE, tmp_path / "model.keras", tmp_path / "scores.npy", tmp_path / "ids.npy")
    assert done.returncode == 0, done.stderr
    ours = keras.ops.convert_to_numpy(model(ids))
    assert np.ptp(ours) > 0.01
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), ours, atol=1e-4)


def test_what_is_fed_are_the_batches_as_they_lie_when_a_pass_begins(encoded_run):
    rows = tokens.open_encoded(encoded_run("fed").encoded("train"))
    sequence = batches.BucketedBatches(rows, batch_size=64, sequence_length=12, seed=1)
    fed = backend.feed(sequence)
    for epoch in (0, 3):
        sequence.start_epoch(epoch)
        found = list(fed)
        assert len(found) == len(fed) == len(sequence)
        for (ids, labels), expected in zip(found, (sequence[n] for n in range(len(sequence))), strict=True):
            np.testing.assert_array_equal(ids, expected[0])
            np.testing.assert_array_equal(labels, expected[1])


def test_a_gpu_takes_larger_batches_while_an_epoch_keeps_its_steps(monkeypatch):
    assert backend.batch_size(512, rows=1_500_000) == 512  # no GPU here
    monkeypatch.setattr(backend, "device", lambda: backend.Device("a GPU", gpu=True, precision="mixed_bfloat16"))
    assert backend.batch_size(1024, rows=1_500_000) == 2048
    assert backend.batch_size(512, rows=120_000) == 512
    assert backend.batch_size(32, rows=60_000) == 64


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("architecture", network.ARCHITECTURES)
def test_a_mixed_network_has_the_weights_of_a_float32_one_and_nearly_its_scores(policy, architecture, monkeypatch):
    configuration = network.Configuration(**MEASURES, architecture=architecture)
    monkeypatch.setattr(backend, "device", lambda: backend.Device("a GPU", gpu=True, precision=policy))
    with backend.precision():
        mixed = network.build_network(configuration)
    draw_weights(mixed)
    whole = network.build_network(configuration)
    assert keras.config.dtype_policy().name == whole.dtype_policy.name == "float32"
    whole.set_weights(mixed.get_weights())
    assert {weight.dtype for weight in mixed.get_weights()} == {np.dtype("float32")}
    ids = np.array([[5, 9, 3, 0], [7, 0, 0, 0]], np.int32)
    scores = [keras.ops.convert_to_numpy(model(ids)) for model in (mixed, whole)]
    assert scores[0].dtype == np.float32
    assert np.abs(scores[0] - 0.5).max() > 0.05
    np.testing.assert_allclose(*scores, atol=0.02)


@pytest.mark.story
def test_training_twice_gives_the_same_figures_to_the_last_digit(encoded_run):
    histories = []
    for name in ("first", "second"):
        run = encoded_run(name)
        done = on("tensorflow", TRAIN, run.name, MEASURES, "", "with")
        assert done.returncode == 0, done.stderr
        histories.append(pd.read_csv(run.history).drop(columns="seconds").to_csv())
    assert histories[0] == histories[1]
