"""How a network is trained, and when training stops."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from pipelines import parameters


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs: passes over the training rows, at most.
        batch_size: rows a step.
        learning_rate: the highest one of the schedule (see `schedule.OneCycle`).
        patience: epochs without a better validation loss before training stops.
        label_smoothing: how far a target is drawn from 0 or 1 towards one half, against noisy emoticon labels.
        weight_decay: of AdamW, on all weights but biases and word tables.
        naive_bayes_start: the weights of n-grams start at this share of their log-odds in the training rows (hybrid
            only); 0: at nothing.
        language_model: whether the LSTMs have foretold words before; see `language_model`.
        seed: of initial weights, dropout and batches.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int = 2
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    naive_bayes_start: float = 0.5
    language_model: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        parameters.check_at_least_one(self, "epochs", "batch_size", "patience")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate {self.learning_rate}: above 0")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"label_smoothing {self.label_smoothing}: from 0 up to, not including, 1")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed {self.seed}: from 0 to {2**32 - 1:,}")

    @property
    def least_loss(self) -> float:
        """The loss of a network that gives each smoothed target itself, in nats: no training comes below it.

        >>> round(Recipe(epochs=1, batch_size=1, learning_rate=0.1, label_smoothing=0.05).least_loss, 3)
        0.117
        """
        share = self.label_smoothing / 2
        return -sum(part * math.log(part) for part in (share, 1 - share) if part)

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def usual(rows: int) -> dict[str, int]:
    """Epochs, batch size and width of each LSTM for a number of training rows.

    Fewer rows need more passes, and steps enough in each. Up to 200,000 LSTMs of 64 come within 0.3 points of those of
    128 in half the time; with more rows the wide ones are worth theirs.

    >>> usual(200_000)
    {'epochs': 3, 'batch_size': 512, 'units': 64}
    """
    steps = (
        (8_000, 8, 32),
        (40_000, 5, 128),
        (150_000, 4, 256),
        (600_000, 3, 512),
    )
    epochs, batch_size = next((step[1:] for step in steps if rows < step[0]), (3, 1024))
    return {"epochs": epochs, "batch_size": batch_size, "units": 128 if rows >= 300_000 else 64}


def word_offsets(rows: int) -> bool:
    """Whether there are rows enough for each word to learn its own departure from its fixed vector."""
    return rows >= 600_000


def stops_early(validation_loss: list[float], *, patience: int) -> bool:
    """Whether the best epoch lies `patience` or more epochs back: [0.5, 0.4, 0.41, 0.42], 2 → True."""
    return bool(validation_loss) and len(validation_loss) - 1 - int(np.argmin(validation_loss)) >= patience
