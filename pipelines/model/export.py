"""The export: a SavedModel that takes raw strings, with text rules, vocabulary and calibration inside.

    serving_default(text: string [batch]) -> probability: float32 [batch]

A second signature, `describe`, also tells what the network read of each text. `assets.extra/light/` holds the same
model for whoever scores without TensorFlow. Beside them lies manifest.json: version, signature, SHA-256 and size of
every file, and canary texts with their scores.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipelines import artifacts, calibrator
from pipelines.dataset import text, tokens
from pipelines.dataset.vocabulary import read_vocabulary

SIGNATURE = {"inputs": {"text": "string [batch]"}, "outputs": {"probability": "float32 [batch]"}}
# Invented texts, with what tends to go wrong among them; whoever loads the export must find the same scores.
CANARY = (
    "python is great",
    "my train is late again and it rains",
    "@anna I &lt;3 this!!! http://t.co/x Sooooo good",
    "not bad, not bad at all…",
    "",
    "12345 ☂ 😀 #fail",
    "ΣΊΣΥΦΟΣ İstanbul\x00 ẞ",
    "why " * 100,
)


def build_module(run: artifacts.Run, trained, *, points: calibrator.Points = calibrator.AS_TRAINED):
    """A network behind its text rules, as one `tf.Module`.

    Args:
        run: holds vocabulary.txt and encoded/train/encoding.json.
        trained: from `network.trained`.
        points: of the calibration, log-odds before and after.
    """
    import keras
    import tensorflow as tf

    from pipelines.model import fused

    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(f"the export is made by TensorFlow, not {keras.backend.backend()}: unset KERAS_BACKEND")
    model = fused.fused(trained)
    sequence_length = artifacts.read_json(run.encoded("train") / "encoding.json")["sequence_length"]
    vectorise = keras.layers.TextVectorization(
        standardize=text.normalise_in_graph, split="whitespace", vocabulary=read_vocabulary(run.vocabulary)
    )
    module = tf.Module()
    module.network, module.vectorise = model, vectorise

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def describe(texts):
        every_id = tf.cast(vectorise(texts), tf.int32)
        ids = every_id[:, :sequence_length]
        ids = tf.pad(ids, [[0, 0], [0, tf.maximum(1 - tf.shape(ids)[1], 0)]])
        # A text without a token is one unknown id, as in the encoded rows.
        first = tf.where(ids[:, :1] == 0, tokens.UNKNOWN_ID, ids[:, :1])
        ids = tf.concat([first, ids[:, 1:]], axis=1)
        return {
            "probability": _calibrated(tf.reshape(model(ids, training=False), [-1]), points),
            "tokens": tf.reduce_sum(tf.minimum(ids, 1), axis=1),
            "unknown": tf.reduce_sum(tf.cast(ids == tokens.UNKNOWN_ID, tf.int32), axis=1),
            "truncated": tf.reduce_any(every_id[:, sequence_length:] != 0, axis=1),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def serve(texts):
        return {"probability": describe(texts)["probability"]}

    module.serve, module.describe = serve, describe
    module.sequence_length = sequence_length
    return module


def _calibrated(probability, points: calibrator.Points):
    """`calibrator.apply` in the graph: float32 [batch]."""
    import tensorflow as tf

    if points == calibrator.AS_TRAINED:
        return probability
    line, smallest = calibrator.pieces(points), np.float32(calibrator.SMALLEST_PROBABILITY)
    bounded = tf.clip_by_value(probability, smallest, 1 - smallest)
    odds = tf.math.log(bounded) - tf.math.log1p(-bounded)
    way = tf.clip_by_value(odds[:, tf.newaxis] - line.starts, line.lows, line.highs)
    return tf.sigmoid(line.first + tf.reduce_sum(way * line.slopes, axis=1))


def export(run: artifacts.Run, *, points: calibrator.Points = calibrator.AS_TRAINED) -> Path:
    """Write the SavedModel of a run and its manifest, whole; returns the folder.

    Args:
        run: trained.
        points: of the calibration, log-odds before and after, rising in both.
    """
    import tensorflow as tf

    from pipelines.model import light, network

    trained = network.trained(run.model)
    module = build_module(run, trained, points=points)
    with artifacts.folder_written_whole(run.saved_model) as folder:
        signatures = {"serving_default": module.serve, "describe": module.describe}
        tf.get_logger().setLevel("WARNING")  # or it tells the reader of 06 of a folder that is about to be renamed
        tf.saved_model.save(module, str(folder), signatures=signatures)
        light.write(
            folder,
            model=trained,
            vocabulary=run.vocabulary,
            sequence_length=module.sequence_length,
            points=points,
        )
        files = {
            str(path.relative_to(folder)): {"sha256": artifacts.sha256(path), "bytes": path.stat().st_size}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        scores = module.serve(tf.constant(CANARY))["probability"].numpy()
        manifest = _manifest(run, trained.get_weights(), points)
        canary = [{"text": words, "probability": float(score)} for words, score in zip(CANARY, scores, strict=True)]
        artifacts.write_json(folder / "manifest.json", {**manifest, "files": files, "canary": canary})
    return run.saved_model


def _manifest(run: artifacts.Run, weights: list[np.ndarray], points: calibrator.Points) -> dict:
    # The version names what the model computes: the same training gives the same version, on any day.
    digest = hashlib.sha256(run.vocabulary.read_bytes() + repr(points).encode())
    for array in weights:
        digest.update(np.ascontiguousarray(array))
    return {
        "model_version": f"{run.dataset.name}-{run.name}-{digest.hexdigest()[:8]}",
        "dataset": run.dataset.name,
        "run": run.name,
        "rows_train": artifacts.read_json(run.training)["rows_train"],
        "signature": SIGNATURE,
        "labels": ["negative", "positive"],
        "threshold": 0.5,
        "calibration": points,
    }


def score(folder: Path, texts: Iterable[pa.Array], *, batch_size: int = 1024) -> np.ndarray:
    """Probabilities by an exported model, for arrays of texts, in their order: float32 [rows].

    Texts of one array are scored in order of length, so that short ones are not padded to the longest.
    """
    import tensorflow as tf

    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    return np.concatenate([_score_array(serve, array, batch_size) for array in texts] or [np.zeros(0, np.float32)])


def _score_array(serve, texts: pa.Array, batch_size: int) -> np.ndarray:
    import tensorflow as tf

    words = np.array(texts.to_pylist(), dtype=object)
    order = np.argsort([len(word) for word in words], kind="stable")
    parts = (order[start : start + batch_size] for start in range(0, len(words), batch_size))
    scores = np.empty(len(words), np.float32)
    # The text rules of one part, which take one core, beside the network of another.
    scored = tokens.side_by_side(
        lambda part: (part, serve(text=tf.constant(words[part].tolist()))["probability"].numpy()), parts
    )
    for part, probabilities in scored:
        scores[part] = probabilities
    return scores


def texts_of(split: Path, size: int | None = None) -> Iterator[pa.Array]:
    """The texts of a split, some thousands at a time."""
    return (batch["text"] for batch in tokens.batches(split, columns=["text"], size=size))


def parity(run: artifacts.Run, *, rows: int | None = None) -> dict:
    """The largest difference between the export and the training graph on the validation split.

    Args:
        run: exported, with predictions/validation.parquet from training.
        rows: of the validation split; None for all.

    Returns:
        {"rows", "max_difference"}, of probabilities as calibrated.
    """
    import pandas as pd

    trained = pd.read_parquet(run.predictions("validation"))["probability"].to_numpy()[:rows]
    points = calibrator.of_run(run)
    exported = score(run.saved_model, texts_of(run.dataset.split("validation"), size=rows))
    difference = np.abs(np.asarray(_calibrated(trained, points)) - exported)
    return {"rows": len(exported), "max_difference": float(difference.max())}
