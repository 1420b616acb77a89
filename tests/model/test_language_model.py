"""LSTMs that foretold words first: their loss against one made by hand, killed work, and where a network begins."""

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts
from pipelines.dataset import tokens
from pipelines.dataset.vocabulary import count_tokens, fit_vocabulary, write_vocabulary
from pipelines.model import checkpoints, language_model, network, training
from pipelines.model.recipe import Recipe

WIDTH = 6
RECIPE = Recipe(epochs=1, batch_size=64, learning_rate=0.02, language_model=True)


def settings(**changes):
    measures = {"embedding_dimensions": 4, "units": 5, "dense_units": 4, "ngram_buckets": 64}
    return network.Configuration(100, pretrained_dimensions=WIDTH, **measures | changes)


def vectors():
    return np.random.default_rng(1).normal(size=(100, WIDTH)).astype(np.float16)


@pytest.fixture
def run(encoded_run, request):
    return encoded_run(request.node.name)


@pytest.fixture
def few_parts(monkeypatch, run):
    """A pass in two parts, begun anew: other tests share the data set."""
    monkeypatch.setattr(language_model, "PARTS", 2)
    monkeypatch.setattr(language_model, "BATCH_SIZE", 64)
    monkeypatch.setattr(artifacts.Dataset, "pretrained", property(lambda self: run.folder / "pretrained"))


def test_the_loss_is_that_of_a_softmax_among_the_right_word_and_the_drawn_ones():
    layer = language_model.Foretelling(10, 3, 2)
    random = np.random.default_rng(3)
    ids = np.array([[4, 5, 4, 7], [6, 8, 0, 0]], np.int32)
    forward, backward = (random.normal(size=(2, 4, 5)).astype(np.float32) for _ in range(2))
    layer(ids, forward, backward)
    layer.vectors.table.assign(random.normal(size=(10, 3)))
    found = keras.ops.convert_to_numpy(layer(ids, forward, backward))[:, 0]

    # Among 512 draws each word of the batch comes up so evenly that counts may stand for the sample.
    table = keras.ops.convert_to_numpy(layer.vectors.table).astype(np.float32)
    words = table @ keras.ops.convert_to_numpy(layer.vectors.projection)
    share = np.bincount(ids.ravel(), minlength=10) / ids.size * language_model.CANDIDATES
    share[0] = 0
    expected = np.zeros(2)
    for text, length in enumerate((4, 2)):
        row = ids[text, :length]
        for states, order, guess in ((forward, row, 0), (backward, row[::-1], 1)):
            kernel = keras.ops.convert_to_numpy(layer.guesses[guess].kernel)
            for place in range(length - 1):
                scores = words @ (states[text, place] @ kernel)
                right = order[place + 1]
                others = share.copy()
                others[right] = 0
                expected[text] += np.log(np.exp(scores[right]) + others @ np.exp(scores)) - scores[right]
    np.testing.assert_allclose(found, expected / 2, rtol=0.05)  # (3 + 1) / 2 foretold tokens a text


def test_padding_changes_no_loss():
    layer = language_model.Foretelling(10, 3, 2)
    states = np.random.default_rng(3).normal(size=(1, 3, 5)).astype(np.float32)
    longer = np.concatenate([states, np.full((1, 2, 5), 9, np.float32)], axis=1)
    layer(np.array([[4, 4, 4]]), states, states)
    layer.vectors.table.assign(np.random.default_rng(4).normal(size=(10, 3)))
    # Every candidate is the right word or padding: luck has no part in it.
    short = layer(np.array([[4, 4, 4]]), states, states)
    padded = layer(np.array([[4, 4, 4, 0, 0]]), longer, longer)
    np.testing.assert_allclose(short, padded, atol=1e-6)


def test_a_network_begins_with_what_foretelling_taught(run, few_parts, capsys):
    weights = language_model.learned(run, settings(), vectors())
    record = artifacts.read_json(weights.with_name("language_model.json"))
    assert record["rows"] == 600
    assert not (weights.parent / "texts").exists()
    assert not (weights.parent / "checkpoints").exists()

    rows = tokens.open_encoded(run.encoded("train"))
    model = training.compiled(settings(), RECIPE, vectors(), rows, start=weights)
    with np.load(weights) as arrays:
        np.testing.assert_array_equal(model.get_layer("embedding").projection, arrays["projection"])
        for name in ("lstm_forward", "lstm_backward"):
            for part, found in enumerate(model.get_layer(name).get_weights()):
                np.testing.assert_array_equal(found, arrays[f"{name}_{part}"])

    assert language_model.learned(run, settings(), vectors()) == weights
    assert "taken from" in capsys.readouterr().out
    assert language_model.learned(run, settings(units=6), vectors()) != weights


def test_what_has_learned_foretells_better_than_what_has_not(encoded_run, few_parts, monkeypatch):
    dataset = artifacts.Dataset("counting")
    texts = [" ".join(f"w{'abcdefghij'[(row + place) % 10]}" for place in range(6)) for row in range(600)]
    table = pa.table({"row": range(600), "text": texts, "label": pa.array([0] * 600, pa.int8())})
    dataset.splits.mkdir(parents=True)
    for split in ("train", "validation"):
        pq.write_table(table, dataset.split(split))
    run = dataset.run("all")
    words = fit_vocabulary(count_tokens(dataset.split("train")), maximum_size=100)
    write_vocabulary(words, run.vocabulary)
    for split in ("train", "validation"):
        tokens.encode_split(dataset.split(split), run.encoded(split), encoder=tokens.Encoder(words, sequence_length=12))
    losses = {}
    for rate in (1e-9, 0.03):
        monkeypatch.setattr(language_model, "LEARNING_RATE", rate)
        monkeypatch.setattr(artifacts.Dataset, "pretrained", property(lambda self, rate=rate: run.folder / str(rate)))
        weights = language_model.learned(run, settings(), vectors())
        losses[rate] = artifacts.read_json(weights.with_name("language_model.json"))["validation_loss"]
    assert losses[0.03] < losses[1e-9] - 1


def test_killed_it_goes_on_and_ends_the_same(run, few_parts, monkeypatch):
    save = checkpoints.save

    def killed(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            language_model.learned(run, settings(), vectors())
    seen = []
    monkeypatch.setattr(checkpoints, "save", lambda *arguments: (seen.append(len(arguments[3])), save(*arguments)))
    with np.load(language_model.learned(run, settings(), vectors())) as arrays:
        resumed = dict(arrays)
    assert seen == [2]

    monkeypatch.setattr(artifacts.Dataset, "pretrained", property(lambda self: run.folder / "elsewhere"))
    with np.load(language_model.learned(run, settings(), vectors())) as arrays:
        for name, whole in arrays.items():
            np.testing.assert_allclose(resumed[name], whole, atol=1e-5)
    assert seen == [2, 1, 2]


def test_training_starts_from_it_where_the_recipe_says_so(run, few_parts):
    result = training.train(run, settings(), RECIPE, word_vectors=vectors())
    assert result["parameters"]["language_model"] is True
    assert len(list((run.folder / "pretrained").glob("language-model-5-*/weights.npz"))) == 1


@pytest.mark.parametrize(
    ("configuration", "table"),
    [(network.Configuration(100, "classic", embedding_dimensions=4, units=5), None), (settings(), None)],
)
def test_what_has_no_lstms_behind_fixed_vectors_is_refused(run, configuration, table):
    with pytest.raises(ValueError, match=r"language_model.*pretrained"):
        language_model.learned(run, configuration, table)
