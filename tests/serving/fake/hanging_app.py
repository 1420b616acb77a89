"""For gunicorn: the service with a predictor that hangs when it is asked to. No TensorFlow model is loaded."""

import threading
import time
from pathlib import Path

from serving.app import create_app


class HangingPredictor:
    """Positive where the text has "good" in it; "hang" hangs for ever, "hang while PATH" as long as that exists."""

    model_version = "fake-1"
    labels = ("negative", "positive")
    threshold = 0.5

    def score(self, texts):
        if "hang" in texts:
            threading.Event().wait()
        for text in texts:
            while text.startswith("hang while ") and Path(text.removeprefix("hang while ")).exists():
                time.sleep(0.01)
        return [0.91234567 if "good" in text else 0.1 for text in texts]


def create():
    return create_app(predictor=HangingPredictor())
