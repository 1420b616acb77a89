"""LSTMs that have foretold words before they see a label: a start for those of the network.

Each direction guesses the next word from all before it, in the texts of the whole training split; no label is read, and
no text of validation or test is learned from. What was learned (the projection of word vectors and both LSTMs) is where
training on labels begins. Dai & Le, "Semi-supervised sequence learning", NeurIPS 2015. It is made once for a data set
and a width, kept beside the word vectors, and serves every size; one that was killed goes on.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from pipelines import artifacts
from pipelines.dataset import batches, buckets, tokens, vocabulary
from pipelines.model import backend, checkpoints, network, schedule
from pipelines.model import layers as own_layers
from pipelines.model.layers import PretrainedEmbedding, Reverse
from pipelines.model.progress import EpochBar

BATCH_SIZE = 512
PARTS = 8  # of the one pass over the texts: after each there is a checkpoint
LEARNING_RATE = 0.003
CANDIDATES = 512  # words that the right one is told apart from, drawn as often as they occur
SEED = 1
GIVEN = ("embedding", "lstm_forward", "lstm_backward")  # layers of the network that begin with what was learned


class Foretelling(layers.Layer):
    """How badly LSTMs foretell words: ids int32 [batch, steps], states [batch, steps, units] each way → [batch, 1].

    A state's guess is held against the vectors (a `PretrainedEmbedding`) of the right word and of CANDIDATES words of
    the batch, in which words come up as often as they occur. The mean over texts is that over all tokens.
    """

    def __init__(self, words: int, width: int, dimensions: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.vectors = PretrainedEmbedding(words, width, dimensions, name="foretold")
        self.guesses = [layers.Dense(dimensions, use_bias=False, name=f"guess_{name}") for name in ("after", "before")]
        self.reverse = Reverse()
        self.draws = keras.random.SeedGenerator(SEED)

    def build(self, ids_shape, forward_shape, backward_shape):
        self.vectors.build(ids_shape)
        for guess, shape in zip(self.guesses, (forward_shape, backward_shape), strict=True):
            guess.build(shape)

    def call(self, ids, forward, backward):
        flat = ops.reshape(ids, (-1,))
        places = keras.random.uniform((CANDIDATES,), seed=self.draws) * ops.cast(ops.size(flat), "float32")
        candidates = ops.take(flat, ops.cast(places, "int32"), axis=0)
        vectors, drawn = self.vectors(ids), self.vectors(candidates)
        losses = self._of_texts(ids, vectors, self.guesses[0](forward), candidates, drawn)
        turned = self.reverse(ids), self.reverse(ids, vectors)
        losses = losses + self._of_texts(*turned, self.guesses[1](backward), candidates, drawn)
        tokens_a_text = ops.mean(ops.sum(ops.cast(ids[:, 1:] != 0, "float32"), axis=1))
        return losses / ops.maximum(tokens_a_text, 1)

    @staticmethod
    def _of_texts(ids, vectors, guesses, candidates, drawn):
        """The sum over the foretold tokens of each text: [batch, 1]."""
        following, guesses = ids[:, 1:], guesses[:, :-1]
        right = ops.sum(guesses * vectors[:, 1:], axis=-1, keepdims=True)
        others = ops.matmul(guesses, ops.transpose(drawn))
        no_other = ops.logical_or(following[:, :, None] == candidates, candidates == 0)
        others = ops.where(no_other, -1e4, others)
        losses = ops.logsumexp(ops.concatenate([right, others], axis=-1), axis=-1) - right[:, :, 0]
        return ops.sum(losses * ops.cast(following != 0, "float32"), axis=1, keepdims=True)

    def compute_output_shape(self, ids_shape, forward_shape, backward_shape):
        return (ids_shape[0], 1)


def learned(run: artifacts.Run, configuration: network.Configuration, word_vectors: np.ndarray | None) -> Path:
    """The file of what the LSTMs of a network learn from texts alone, which is made first where it is missing.

    Args:
        run: whose data set, vocabulary and length of rows are meant; its validation rows are watched, not learned from.
        configuration: the network.
        word_vectors: float16 [vocabulary_size, pretrained_dimensions].

    Returns:
        An .npz file for `give`.

    Raises:
        ValueError: the network has no LSTMs each way behind fixed word vectors.
    """
    if configuration.architecture == "classic" or word_vectors is None:
        raise ValueError("language_model: set architecture to 'hybrid' or 'pooled', and pretrained to True")
    made_from = _made_from(run, configuration, word_vectors)
    digest = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()
    folder = run.dataset.pretrained / f"language-model-{configuration.units}-{digest[:8]}"
    with artifacts.lock(folder, waiting=f"another run makes {folder}; waiting for it …"):
        weights, record = folder / "weights.npz", folder / "language_model.json"
        if record.exists():
            print(f"language model: taken from {folder}", flush=True)
            return weights
        texts = folder / "texts"
        if not (texts / "encoding.json").exists():
            words = vocabulary.read_vocabulary(run.vocabulary)
            encoder = tokens.Encoder(words, sequence_length=made_from["sequence_length"])
            tokens.encode_split(run.dataset.split("train"), texts, encoder=encoder)
        figures = _learn(run, configuration, word_vectors, folder, sequence_length=made_from["sequence_length"])
        artifacts.write_json(record, {"made_from": made_from, **figures})
        shutil.rmtree(texts)
        shutil.rmtree(folder / "checkpoints")
    return weights


def give(path: Path, model: keras.Model) -> None:
    """Let a network begin with what `learned` has written."""
    with np.load(path) as arrays:
        model.get_layer("embedding").projection.assign(arrays["projection"])
        for name in GIVEN[1:]:
            model.get_layer(name).set_weights([arrays[f"{name}_{part}"] for part in range(3)])


def foretelling(model: keras.Model) -> keras.Model:
    """A model of the same layers, up to the first LSTMs, that returns how badly they foretell the words of texts."""
    embedding = model.get_layer("embedding")
    states = [model.get_layer(name).output for name in GIVEN[1:]]
    measures = embedding.words, embedding.width, embedding.dimensions
    loss = Foretelling(*measures, dtype="float32", name="foretelling")
    whole = keras.Model(model.input, loss(model.input, *states), name="language_model")
    loss.vectors.table.assign(ops.convert_to_numpy(embedding.table))  # a copy: JAX lets no two variables share one
    return whole


def _made_from(run: artifacts.Run, configuration: network.Configuration, word_vectors: np.ndarray) -> dict:
    code = [Path(module.__file__) for module in (own_layers, network, schedule, batches, buckets)]
    return {
        "train_sha256": artifacts.sha256(run.dataset.split("train")),
        "vocabulary_sha256": artifacts.sha256(run.vocabulary),
        "word_vectors_sha256": hashlib.sha256(np.ascontiguousarray(word_vectors)).hexdigest(),
        "code_sha256": [artifacts.sha256(path) for path in (Path(__file__), *code)],
        "sequence_length": artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"],
        "units": configuration.units,
        "embedding_dimensions": configuration.embedding_dimensions,
        "dropout_rate": configuration.dropout_rate,
        "backend": backend.name(),
    }


def _learn(run, configuration, word_vectors, folder: Path, *, sequence_length: int) -> dict[str, float]:
    backend.set_seed(SEED)
    with backend.precision():
        classifier = network.build_network(replace(configuration, word_offsets=False), word_vectors)
    model = foretelling(classifier)
    texts = tokens.open_encoded(folder / "texts")
    edges = np.linspace(0, len(texts), PARTS + 1).astype(int)
    batch_size = backend.batch_size(BATCH_SIZE, rows=len(texts))
    layout = {"batch_size": batch_size, "sequence_length": sequence_length}
    parts = [
        batches.BucketedBatches(texts.between(start, stop), **layout, seed=SEED)
        for start, stop in itertools.pairwise(edges)
        if stop > start
    ]
    steps = sum(len(part) for part in parts)
    optimizer = keras.optimizers.Adam(schedule.OneCycle(peak=LEARNING_RATE, steps=steps), clipnorm=1.0)
    model.compile(optimizer=optimizer, loss=_as_returned)
    validation = backend.feed(batches.BucketedBatches(tokens.open_encoded(run.encoded("validation")), **layout))
    history = checkpoints.restore(model, folder / "checkpoints", folder.name)
    for number in range(len(history), len(parts)):
        started, title = time.monotonic(), f"language model, part {number + 1} of {len(parts)}"
        found = model.fit(
            backend.feed(parts[number]),
            validation_data=validation,
            initial_epoch=number,
            epochs=number + 1,
            shuffle=False,
            verbose=0,
            callbacks=[backend.SeedOfEpoch(SEED), EpochBar(title, steps=len(parts[number]))],
        ).history
        seconds = round(time.monotonic() - started, 3)
        history.append({"seconds": seconds, "loss": found["loss"][0], "validation_loss": found["val_loss"][0]})
        checkpoints.save(model, folder / "checkpoints", folder.name, history)
    arrays = {"projection": ops.convert_to_numpy(classifier.get_layer("embedding").projection)}
    for name in GIVEN[1:]:
        arrays |= {f"{name}_{part}": array for part, array in enumerate(classifier.get_layer(name).get_weights())}
    with artifacts.written_whole(folder / "weights.npz") as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
    return {
        "rows": len(texts),
        "seconds": round(sum(part["seconds"] for part in history), 1),
        "validation_loss": history[-1]["validation_loss"],
    }


def _as_returned(labels, losses):
    """The model's own loss of each text; labels are not read."""
    return losses
