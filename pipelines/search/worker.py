"""A worker: takes trials of a study until so many are finished, beside others that do the same.

A trial is taken under a lock, so that workers of one machine never start more than are wanted. One that is pruned is
finished too; one that failed, was interrupted or whose process died is not, and another takes its place.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

import numpy as np
import optuna
from optuna.trial import TrialState

from pipelines import artifacts
from pipelines.search import study as studies
from pipelines.search import trials
from pipelines.search.study import USUAL, Sweep

SEED = 13  # of the sampler; the nine draws at random that it begins with cover all of the usual space
POLL_SECONDS = 2


def work(sweep: Sweep, *, wanted: int) -> optuna.Study:
    """Run trials until `wanted` of the study are finished, those of other workers and of earlier times counted.

    Raises:
        KeyboardInterrupt: that trial has failed; the same call goes on.
    """
    study, waiting = studies.opened(sweep), False
    while True:
        with ExitStack() as claim:
            claim.enter_context(artifacts.lock(sweep.folder / "claim"))
            found = studies.counts(study)
            finished = found["complete"] + found["pruned"]
            if finished >= wanted:
                return study
            if finished + found["running"] < wanted:
                _one(study, sweep, claim, wanted=wanted)
                waiting = False
                continue
        if not waiting:
            print(
                f"{finished} of {wanted} trials are finished; other workers have the last {found['running']}: waiting"
            )
            waiting = True
        time.sleep(POLL_SECONDS)


def _one(study: optuna.Study, sweep: Sweep, claim: ExitStack, *, wanted: int) -> None:
    """Run one trial; `claim` is given back as soon as the study has it."""
    known = study.get_trials(deepcopy=False)
    # Seeded by the number of the trial: workers at once, and a study that goes on, must not draw the same again.
    seed = int(np.random.SeedSequence((SEED, len(known))).generate_state(1)[0])
    study.sampler = optuna.samplers.TPESampler(seed=seed)
    held = (TrialState.COMPLETE, TrialState.RUNNING, TrialState.WAITING)
    if not any(trial.user_attrs.get(USUAL) and trial.state in held for trial in known):
        study.enqueue_trial({name: sweep.usual[name] for name in sweep.space}, user_attrs={USUAL: True})

    def objective(trial: optuna.Trial) -> float:
        claim.close()
        return trials.objective(trial, sweep=sweep)

    study.optimize(objective, n_trials=1, callbacks=[partial(_say, wanted=wanted)])


def _say(study: optuna.Study, trial: optuna.trial.FrozenTrial, *, wanted: int) -> None:
    found = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    accuracies = [one.value for one in found if one.state == TrialState.COMPLETE]
    how = "pruned" if trial.state == TrialState.PRUNED else f"validation accuracy {trial.value:.2%}"
    best = f", the best so far {max(accuracies):.2%}" if accuracies else ""
    print(f"trial {trial.number}: {how}{best}; {len(found)} of {wanted} finished", flush=True)
