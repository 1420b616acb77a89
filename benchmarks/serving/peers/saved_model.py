"""The SavedModel as every contestant but ours calls it, and the probabilities that all must return.

echo '["a text", "another"]' | python -m benchmarks.serving.peers.saved_model FOLDER
"""

import json
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class SavedModel:
    """Texts in, probabilities out; TensorFlow's own settings throughout."""

    def __init__(self, folder: str):
        import tensorflow as tf

        self._constant = tf.constant
        self._loaded = tf.saved_model.load(folder)
        self._score = self._loaded.signatures["serving_default"]

    def score(self, texts: list[str]) -> list[float]:
        """P(positive) of each text, in order."""
        return self._score(text=self._constant(texts))["probability"].numpy().tolist()


if __name__ == "__main__":
    print(json.dumps(SavedModel(sys.argv[1]).score(json.load(sys.stdin))))
