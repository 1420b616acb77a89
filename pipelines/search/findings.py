"""What the trials of a study say: their table, which parameters mattered, and whether the best differs from the usual.

The best of many is partly luck. So the p-value of its difference from the usual parameters (McNemar, on the same
validation rows) is multiplied by the number of trials that it was chosen from (Bonferroni).
"""

from __future__ import annotations

import numpy as np
import optuna
import pandas as pd
from optuna.trial import FrozenTrial, TrialState

from pipelines import artifacts
from pipelines.evaluation import metrics
from pipelines.search.study import USUAL, Sweep

LEAST_TRIALS = 8  # complete ones; resamples of fewer are too alike to show the spread that there is
RESAMPLES, TREES = 40, 16  # of the trials, for the spread of the importances; of each forest
LEVEL = 0.05


def table(study: optuna.Study, sweep: Sweep) -> pd.DataFrame:
    """Finished trials, the best first and pruned ones last: trial, state, usual, the searched parameters, figures.

    Columns accuracy (share of validation rows; of a pruned trial, after its last epoch), log_loss (nats, without label
    smoothing), epochs, seconds, mlflow_run.

    Raises:
        ValueError: none is complete.
    """
    finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    if not any(trial.state == TrialState.COMPLETE for trial in finished):
        raise ValueError(f"{len(finished)} trials of {sweep.name} are finished and none complete: ask for more TRIALS")
    lines = [_line(trial) for trial in finished]
    columns = ("trial", "state", USUAL, *sweep.space, "accuracy", "log_loss", "epochs", "seconds", "mlflow_run")
    found = pd.DataFrame(lines, columns=list(columns))
    return found.sort_values(["state", "accuracy", "trial"], ascending=[True, False, True], ignore_index=True)


def _line(trial: FrozenTrial) -> dict[str, object]:
    known = trial.user_attrs
    return {
        "trial": trial.number,
        "state": trial.state.name.lower(),
        USUAL: bool(known.get(USUAL)),
        **known["values"],
        "accuracy": trial.value if trial.state == TrialState.COMPLETE else trial.intermediate_values[trial.last_step],
        "log_loss": known.get("validation_log_loss"),
        "epochs": trial.last_step,
        "seconds": known.get("seconds"),
        "mlflow_run": known["mlflow_run"],
    }


def write_table(found: pd.DataFrame, sweep: Sweep) -> None:
    """Write trials.csv, where it changes: what is newer than the notebook makes the notebook run again."""
    path, text = sweep.folder / "trials.csv", found.to_csv(index=False)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with artifacts.written_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def importances(study: optuna.Study, sweep: Sweep, *, resamples: int = RESAMPLES) -> pd.DataFrame | None:
    """How much of the spread of the trials' accuracies each parameter explains by itself: fANOVA (Hutter et al. 2014).

    Optuna gives one number for each, however few the trials are. Here complete trials are resampled, so that the
    spread shows what another search would have found as well. Pruned trials have no final accuracy and are left out.

    Returns:
        Columns parameter, share, low, high (2.5 and 97.5 percentiles), the largest share first; None for fewer than
        LEAST_TRIALS complete trials, or where all have the same accuracy.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(complete) < LEAST_TRIALS or not np.ptp([trial.value for trial in complete]):
        return None
    names, generator = list(sweep.space), np.random.default_rng(0)
    draws = [generator.integers(len(complete), size=len(complete)) for _ in range(resamples)]
    drawn = [_shares([complete[place] for place in draw], names) for draw in draws]
    low, high = np.percentile([one for one in drawn if one is not None], metrics.INTERVAL, axis=0)
    found = pd.DataFrame({"parameter": names, "share": _shares(complete, names), "low": low, "high": high})
    return found.sort_values("share", ascending=False, ignore_index=True)


def _shares(trials: list[FrozenTrial], names: list[str]) -> list[float] | None:
    """The importance of each parameter, or None where there is no spread to explain."""
    if not np.ptp([trial.value for trial in trials]):
        return None
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    forest = optuna.importance.FanovaImportanceEvaluator(n_trees=TREES, seed=0)
    try:
        found = optuna.importance.get_param_importances(study, evaluator=forest)
    except RuntimeError:  # no tree of the forest has found a split: Optuna's way to say that nothing is explained
        return None
    return [found.get(name, 0.0) for name in names]


def comparison(found: pd.DataFrame, sweep: Sweep) -> dict[str, object] | None:
    """The best trial against the usual parameters on the same validation rows.

    Returns:
        What `metrics.mcnemar` returns (best − usual), with "best" and "usual" (trial numbers), "looks" (how many
        trials the best was chosen from, itself left out if it is the usual one), "p_corrected" and "told_apart";
        None where the usual trial or the predictions of one are not there.
    """
    complete = found[found["state"] == "complete"]
    usual = complete.loc[complete[USUAL], "trial"]
    if usual.empty:
        return None
    best, usual = int(complete["trial"].iloc[0]), int(usual.iloc[0])
    if not all(sweep.predictions(number).exists() for number in (best, usual)):
        return None
    chosen = right(sweep, best)
    tested, looks = metrics.mcnemar(chosen, right(sweep, usual)), len(complete) - 1
    corrected = min(1.0, tested["p_value"] * max(looks, 1))
    apart = corrected < LEVEL and tested["difference"] > 0
    numbers = {"best": best, "usual": usual, "rows": len(chosen), "looks": looks}
    return numbers | tested | {"p_corrected": corrected, "told_apart": bool(apart)}


def right(sweep: Sweep, number: int) -> np.ndarray:
    """Which validation rows a complete trial has right: bool [rows]."""
    scored = pd.read_parquet(sweep.predictions(number))
    return metrics.correct(scored["label"].to_numpy(), scored["probability"].to_numpy())
