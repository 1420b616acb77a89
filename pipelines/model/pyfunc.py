"""The MLflow model, as code: MLflow runs this file wherever the registered model is loaded.

It stands alone (TensorFlow, pandas and MLflow only) and unpickles nothing: the weights are the SavedModel beside it.
"""

import mlflow
import pandas as pd


class TweetSentiment(mlflow.pyfunc.PythonModel):
    """Texts in, probability of positive out."""

    def load_context(self, context: mlflow.pyfunc.PythonModelContext) -> None:
        import tensorflow as tf

        self.model = tf.saved_model.load(context.artifacts["saved_model"])

    def predict(self, context, model_input: pd.DataFrame, params: dict | None = None) -> pd.DataFrame:
        """Score the column `text`; returns the column `probability`, float32, in the same order."""
        import tensorflow as tf

        texts = tf.constant(model_input["text"].tolist(), dtype=tf.string)
        scores = self.model.signatures["serving_default"](text=texts)["probability"]
        return pd.DataFrame({"probability": scores.numpy()}, index=model_input.index)


mlflow.models.set_model(TweetSentiment())
