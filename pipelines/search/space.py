"""What may be searched: named parameters of 04_train with their ranges, and which of them a search takes.

The ranges hold the usual values. `epochs` and `architecture` are searched by name only: trainings of different length
cannot be compared after each epoch, so that none is pruned, and the architectures want other values of all the rest.
"""

from __future__ import annotations

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from pipelines import parameters

SPACE: dict[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(3e-4, 2e-2, log=True),  # the highest one of the schedule
    "batch_size": IntDistribution(32, 1024, log=True),  # rows a step
    "units": IntDistribution(32, 256, step=32),  # width of each LSTM
    "dense_units": IntDistribution(16, 128, step=16),  # width of the dense layer
    "dropout_rate": FloatDistribution(0.0, 0.6, step=0.05),  # share of activations
    "label_smoothing": FloatDistribution(0.0, 0.2, step=0.01),  # towards one half
    "naive_bayes_start": FloatDistribution(0.0, 1.0, step=0.1),  # share of the counted log-odds
    "epochs": IntDistribution(1, 8),  # passes over the training rows
    "architecture": CategoricalDistribution(("classic", "pooled", "hybrid")),
}
BY_NAME_ONLY = ("epochs", "architecture")
DIGITS = 3  # significant ones of a sampled float, so that the command that repeats a trial can be read


def chosen(search: str, fixed: dict[str, str]) -> dict[str, BaseDistribution]:
    """The parameters to search, in the order of SPACE.

    >>> list(chosen("units learning_rate", {}))
    ['learning_rate', 'units']

    Args:
        search: names with spaces or commas between; "" is all but those of BY_NAME_ONLY and `fixed`.
        fixed: parameters that the user has set, name → text.

    Raises:
        ParameterError: an unknown name (with the nearest known one), or one that is fixed too, or nothing is left.
    """
    names = search.replace(",", " ").split()
    parameters.refuse_unknown(names, SPACE, where="SEARCH")
    if both := [name for name in names if name in fixed]:
        raise parameters.ParameterError(
            f"{both[0]} is in SEARCH and in PARAMS ({both[0]}={fixed[both[0]]}): leave it out of one of them"
        )
    idle = ["naive_bayes_start"] if fixed.get("architecture", "hybrid") != "hybrid" else []  # nothing there reads it
    wanted = names or [name for name in SPACE if name not in (*BY_NAME_ONLY, *idle, *fixed)]
    if not wanted:
        raise parameters.ParameterError(f"PARAMS fixes all that is searched; SEARCH may name {', '.join(BY_NAME_ONLY)}")
    return {name: distribution for name, distribution in SPACE.items() if name in wanted}


def suggest(trial: optuna.Trial, space: dict[str, BaseDistribution]) -> dict[str, object]:
    """The values of a trial, as they are trained with: floats are rounded to DIGITS."""
    return {name: _suggested(trial, name, distribution) for name, distribution in space.items()}


def _suggested(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> object:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    bounds = {"step": distribution.step, "log": distribution.log}
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, **bounds)
    return float(f"{trial.suggest_float(name, distribution.low, distribution.high, **bounds):.{DIGITS}g}")


def bounds(distribution: BaseDistribution) -> tuple[float, float, bool] | None:
    """Lowest and highest value of a range, and whether it is logarithmic; None for words."""
    if isinstance(distribution, CategoricalDistribution):
        return None
    return distribution.low, distribution.high, distribution.log


def in_words(distribution: BaseDistribution) -> str:
    """A range as people read it: "32 to 1024, logarithmic"."""
    if isinstance(distribution, CategoricalDistribution):
        return ", ".join(distribution.choices)
    how = "logarithmic" if distribution.log else f"steps of {distribution.step:g}" if distribution.step else "any"
    return f"{distribution.low:g} to {distribution.high:g}, {how}"
