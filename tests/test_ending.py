"""The exit status of a command, and the line that says why."""

import subprocess

import pytest

from pipelines.ending import FAILED, REFUSED, STOPPED, ended


@pytest.mark.parametrize(
    ("problem", "status", "line"),
    [
        (ValueError("SIZE=0: ask for more"), REFUSED, "SIZE=0: ask for more"),
        (FileNotFoundError("no file x.csv"), REFUSED, "no file x.csv"),
        (subprocess.CalledProcessError(2, ["make", "run"]), FAILED, "make run failed; the same command goes on"),
        (ConnectionError("MLflow at x does not answer"), FAILED, "MLflow at x does not answer"),
        (RuntimeError("first\nlast"), FAILED, "RuntimeError: last"),
        (RuntimeError(), FAILED, "RuntimeError: "),
        (KeyboardInterrupt(), STOPPED, "stopped; nothing is lost"),
    ],
)
def test_a_problem_is_a_status_and_a_line(problem, status, line, capsys):
    def work():
        raise problem

    assert ended(work, interrupted="nothing is lost") == status
    out, error = capsys.readouterr()
    assert not out
    assert error.startswith(f"error: {line}")


def test_without_a_problem_the_work_says_the_status():
    assert ended(lambda: 3) == 3
