"""The learning rate over the steps of a training."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("tweet_sentiment")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to `peak` over the first `warm_up` share of the steps, then a half cosine down to 1 % of it.

    Source: Smith & Topin, "Super-convergence", 2018; the cosine is Loshchilov & Hutter's, "SGDR", 2017.
    """

    def __init__(self, *, peak: float, steps: int, warm_up: float = 0.1) -> None:
        self.peak, self.steps, self.warm_up = peak, steps, warm_up

    def __call__(self, step):
        done = ops.minimum(ops.cast(step, "float32") / max(self.steps, 1), 1.0)
        falling = ops.cos((done - self.warm_up) / (1 - self.warm_up) * 3.14159265)
        return self.peak * ops.where(done < self.warm_up, done / self.warm_up, 0.01 + 0.99 * (1 + falling) / 2)

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "warm_up": self.warm_up}
