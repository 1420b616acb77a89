"""The same SavedModel behind LitServe, as its documentation sets it up for throughput.

- max_batch_size, batch_timeout: https://lightning.ai/docs/litserve/features/batching.
  With a timeout of 0 the workers ask their queue without pause and take whole cores while idle.
- workers_per_device, fast_queue, num_api_servers (as many as workers): https://lightning.ai/docs/litserve/features/
"""

import os
import sys

import litserve

from benchmarks.serving.peers.saved_model import SavedModel


class Sentiment(litserve.LitAPI):
    """A request is one item, whatever number of texts it holds."""

    def setup(self, device: str) -> None:
        self.model = SavedModel(os.environ["MODEL_URI"])

    def decode_request(self, request: dict) -> list[str]:
        return request["texts"]

    def batch(self, inputs: list[list[str]]) -> list[list[str]]:
        return inputs

    def predict(self, batch: list[list[str]]) -> list[list[float]]:
        scores = iter(self.model.score([text for texts in batch for text in texts]))
        return [[next(scores) for _ in texts] for texts in batch]

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        return output

    def encode_response(self, output: list[float]) -> list[float]:
        return output


def main() -> None:
    api = Sentiment(max_batch_size=64, batch_timeout=0.002, api_path="/predict")
    server = litserve.LitServer(
        api, accelerator="cpu", workers_per_device=int(os.environ.get("WORKERS", "2")), fast_queue=True
    )
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="error", generate_client_file=False)


if __name__ == "__main__":
    main()
