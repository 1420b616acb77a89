"""The same SavedModel behind BentoML, as its documentation sets it up for throughput.

- batchable, max_batch_size, max_latency_ms: https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html.
  The latency is BentoML's default: a request for which it expects a longer wait is answered 503.
- workers: https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html
"""

import os

import bentoml

from benchmarks.serving.peers.saved_model import SavedModel


@bentoml.service(workers=int(os.environ.get("WORKERS", "2")))
class Sentiment:
    def __init__(self) -> None:
        self.model = SavedModel(os.environ["MODEL_URI"])

    @bentoml.api(route="/predict", batchable=True, max_batch_size=64, max_latency_ms=60_000)
    def predict(self, texts: list[str]) -> list[float]:
        return self.model.score(texts)
