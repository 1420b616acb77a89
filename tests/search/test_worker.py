"""Workers: resumed, at once, killed, stopped. The training is a stand-in; test_trials has the real one."""

import os
import signal
import subprocess
import sys

import pytest

from pipelines.search import study as studies
from pipelines.search import trials, worker

# The objective of every worker here: quick, and without TensorFlow.
STAND_IN = """
import os, signal, time
from pipelines import artifacts
from pipelines.search import space, study, trials, worker
def objective(trial, *, sweep):
    values = space.suggest(trial, sweep.space)
    trial.set_user_attr("values", values)
    {body}
    return values["dropout_rate"]
trials.objective = objective
study.HEARTBEAT_SECONDS, study.GRACE_SECONDS, worker.POLL_SECONDS = 1, {grace}, 0.2
sweep = study.sweep_of(artifacts.Dataset("tiny").run("300"), search="learning_rate dropout_rate")
worker.work(sweep, wanted={wanted})
"""


def start(*, wanted: int, body: str = "pass", grace: int = 120) -> subprocess.Popen:
    code = STAND_IN.format(wanted=wanted, body=body, grace=grace)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def states(sweep) -> list[str]:
    return [trial.state.name for trial in studies.opened(sweep).get_trials()]


@pytest.fixture
def sweep(encoded):
    return studies.sweep_of(encoded, search="learning_rate dropout_rate")


@pytest.fixture
def stand_in(monkeypatch):
    def objective(trial, *, sweep):
        values = {name: trial.suggest_float(name, one.low, one.high) for name, one in sweep.space.items()}
        return values["dropout_rate"]

    monkeypatch.setattr(trials, "objective", objective)


def test_a_study_goes_on_and_draws_what_it_would_have_drawn(sweep, encoded, stand_in):
    worker.work(sweep, wanted=2)
    resumed = worker.work(sweep, wanted=4).get_trials()
    assert worker.work(sweep, wanted=3).get_trials() == resumed
    other = studies.sweep_of(encoded, search="learning_rate dropout_rate", fixed={"units": "8"})
    whole = worker.work(other, wanted=4).get_trials()
    assert [trial.params for trial in resumed] == [trial.params for trial in whole]
    assert resumed[0].params == {name: sweep.usual[name] for name in sweep.space}
    assert len({trial.params["learning_rate"] for trial in resumed}) == 4


def test_another_space_is_another_study(sweep, encoded):
    assert studies.sweep_of(encoded, search="learning_rate").name != sweep.name
    assert studies.sweep_of(encoded, search="dropout_rate learning_rate").name == sweep.name
    assert sweep.name.startswith("tiny-300-learning_rate+dropout_rate-")


def test_two_workers_at_once_end_with_as_many_as_were_wanted(sweep):
    # The first trial ends only when the other worker has taken the second, so that both are at it.
    together = "while len(trial.study.get_trials(deepcopy=False)) < 2: time.sleep(0.1)"
    workers = [start(wanted=7, body=together) for _ in range(2)]
    said = [one.communicate(timeout=240) for one in workers]
    assert [one.returncode for one in workers] == [0, 0], said
    assert states(sweep) == ["COMPLETE"] * 7
    found = studies.opened(sweep).get_trials()
    assert len({trial.params["learning_rate"] for trial in found}) == 7
    assert all("of 7 finished" in out for out, _ in said)


def test_a_trial_whose_process_died_is_failed_and_another_takes_its_place(sweep):
    killed = start(wanted=2, body="time.sleep(2); os.kill(os.getpid(), signal.SIGKILL)")
    killed.communicate(timeout=240)
    assert killed.returncode == -signal.SIGKILL
    assert states(sweep) == ["RUNNING"]
    after = start(wanted=2, grace=2)
    out, err = after.communicate(timeout=240)
    assert after.returncode == 0, err
    assert states(sweep) == ["FAIL", "COMPLETE", "COMPLETE"]
    assert "its process has died" in out
    # The usual values are tried again, at once or, where the next one began before the death was noticed, after it.
    assert sum(trial.user_attrs.get(studies.USUAL, False) for trial in studies.opened(sweep).get_trials()[1:]) == 1


def test_a_stopped_trial_is_failed_and_the_study_goes_on(sweep, stand_in, monkeypatch):
    def stopped(trial, *, sweep):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trials, "objective", stopped)
        with pytest.raises(KeyboardInterrupt):
            worker.work(sweep, wanted=1)
    assert states(sweep) == ["FAIL"]
    worker.work(sweep, wanted=1)
    assert states(sweep) == ["FAIL", "COMPLETE"]


def test_a_password_is_not_shown(monkeypatch):
    monkeypatch.setenv("OPTUNA_STORAGE", "postgresql://me:secret@host/studies")
    assert studies.shown(studies.storage_address()) == "postgresql://me:***@host/studies"
    monkeypatch.delenv("OPTUNA_STORAGE")
    monkeypatch.setenv("MLRUNS_FOLDER", os.devnull)
    assert studies.storage_address().endswith("/optuna.db")
