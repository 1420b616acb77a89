"""The same SavedModel as a runtime of MLServer, the server behind KServe's and Seldon's prediction protocol.

A runtime of one's own, with the simple interface (https://docs.seldon.ai/mlserver/user-guide/custom), answers faster
than MLServer's runtime for MLflow models, which makes a data frame of each batch. Settings: `contestants.py`.
"""

from typing import List  # noqa: UP035 - decode_args does not know list[str]

import numpy as np
from mlserver import MLModel
from mlserver.codecs import decode_args

from benchmarks.serving.peers.saved_model import SavedModel


class Sentiment(MLModel):
    async def load(self) -> bool:
        self.model = SavedModel(self.settings.parameters.uri)
        return True

    @decode_args
    async def predict(self, text: List[str]) -> np.ndarray:  # noqa: UP006
        return np.array(self.model.score(text), np.float32)
