"""The MLflow model, as code: MLflow runs this file wherever the registered model is loaded.

It stands alone (TensorFlow, NumPy, pandas and MLflow only) and unpickles nothing: the weights are the SavedModel beside
it.
"""

import mlflow
import numpy as np
import pandas as pd

BATCH_ROWS = 1024


class TweetSentiment(mlflow.pyfunc.PythonModel):
    """Texts in, probability of positive out."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        import tensorflow as tf

        self.model = tf.saved_model.load(context.artifacts["saved_model"])

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        """Score the column `text`; returns the column `probability`, float32, in the same order; of no text NaN.

        Texts of about one length go together, so that a large table neither fills the memory nor is mostly padding.
        """
        import tensorflow as tf

        texts = model_input["text"]
        scores = np.full(len(texts), np.nan, np.float32)
        given = np.flatnonzero(texts.notna())
        order = given[np.argsort(texts.iloc[given].str.len().to_numpy(), kind="stable")]
        for start in range(0, len(order), BATCH_ROWS):
            part = order[start : start + BATCH_ROWS]
            batch = tf.constant(texts.iloc[part].tolist(), dtype=tf.string)
            scores[part] = self.model.signatures["serving_default"](text=batch)["probability"].numpy()
        return pd.DataFrame({"probability": scores}, index=model_input.index)


mlflow.models.set_model(TweetSentiment())
