"""A tiny exported model: the share of good among good and bad words, as a SavedModel with its manifest."""

import hashlib
import json
from pathlib import Path

CANARY = ("a good day", "bad, sad and bad", "", "good\x00 😀")


def probability(text: str) -> float:
    """What the model computes, in plain Python."""
    words = text.lower().split(" ")
    good, bad = words.count("good"), words.count("bad")
    return (good + 1) / (good + bad + 2)


def export(folder: Path, *, version: str = "fixture-10-00000001", names: tuple = ("serving_default",)) -> Path:
    """Write the model, under signatures of these names, and its manifest."""
    import tensorflow as tf

    class Counter(tf.Module):
        def __init__(self):
            super().__init__()
            self.prior = tf.Variable(1.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
        def serve(self, text):
            words = tf.strings.split(tf.strings.lower(text), " ")
            good, bad = (tf.reduce_sum(tf.cast(words == word, tf.float32), axis=1) for word in ("good", "bad"))
            return {"probability": (good + self.prior) / (good + bad + 2 * self.prior)}

    counter = Counter()
    tf.saved_model.save(counter, str(folder), signatures=dict.fromkeys(names, counter.serve))
    write_manifest(folder, version=version)
    return folder


def pretend(folder: Path) -> Path:
    """Write files that look like an export; they are verified and never loaded."""
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index" * 1000)
    write_manifest(folder)
    return folder


def write_manifest(folder: Path, *, version: str = "fixture-10-00000001") -> dict:
    """Describe the files that are in the folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != "manifest.json"]
    manifest = {
        "model_version": version,
        "dataset": "fixture",
        "rows_train": 10,
        "signature": {"inputs": {"text": "string [batch]"}, "outputs": {"probability": "float32 [batch]"}},
        "labels": ["negative", "positive"],
        "threshold": 0.5,
        "files": {
            str(path.relative_to(folder)): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in paths
        },
        "canary": [{"text": text, "probability": probability(text)} for text in CANARY],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return manifest
