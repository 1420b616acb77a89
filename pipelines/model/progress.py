"""What a reader sees while a network is trained."""

from __future__ import annotations

import keras
from tqdm import tqdm


class EpochBar(keras.callbacks.Callback):
    """A progress bar over the steps of an epoch, and one line of figures at its end."""

    def __init__(self, title: str, *, steps: int) -> None:
        super().__init__()
        self.bar = tqdm(total=steps, desc=title, unit=" steps", mininterval=1)

    def on_train_batch_end(self, batch, logs=None) -> None:
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.bar.set_postfix({name: f"{value:.4f}" for name, value in (logs or {}).items()})
        self.bar.close()
