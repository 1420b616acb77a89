"""How a network is trained, and when training stops."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


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
        seed: of initial weights, dropout and batches.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    patience: int = 2
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: at least 1")
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate {self.learning_rate}: above 0")

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def usual(rows: int) -> dict[str, int]:
    """Epochs and batch size for a number of training rows: fewer rows need more passes, and steps enough in each.

    >>> usual(200_000)
    {'epochs': 3, 'batch_size': 1024}
    """
    if rows < 8_000:
        return {"epochs": 8, "batch_size": 32}
    if rows < 40_000:
        return {"epochs": 5, "batch_size": 128}
    return {"epochs": 3, "batch_size": 512 if rows < 150_000 else 1024}


def stops_early(validation_loss: list[float], *, patience: int) -> bool:
    """Whether the best epoch lies `patience` or more epochs back: [0.5, 0.4, 0.41, 0.42], 2 → True."""
    return bool(validation_loss) and len(validation_loss) - 1 - int(np.argmin(validation_loss)) >= patience
