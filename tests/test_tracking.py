"""Where runs are recorded."""

import os
import subprocess
import sys

import pytest

from pipelines import tracking

STARTS = """
from pipelines import tracking
run = tracking.start_run(name="first", tags={})
tracking.end_run(run, status="FINISHED")
"""


def environment(tmp_path, **changes: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    return kept | {"MLRUNS_FOLDER": str(tmp_path)} | changes


def test_four_first_runs_at_once_all_succeed(tmp_path):
    command = [sys.executable, "-c", STARTS]
    processes = [
        subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, errors


def test_a_server_that_is_not_there_is_named(tmp_path):
    uri = "http://127.0.0.1:9"
    command = [sys.executable, "-c", STARTS]
    done = subprocess.run(
        command, env=environment(tmp_path, MLFLOW_TRACKING_URI=uri), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"ConnectionError: MLflow at {uri} does not answer" in done.stderr


def test_records_that_were_moved_name_their_files_where_they_are(tmp_path):
    made, moved = tmp_path / "made", tmp_path / "moved"
    code = (
        STARTS
        + """
client = tracking.client()
client.log_text(run, "x", "a.txt")
print(client.get_run(run).info.artifact_uri)
"""
    )
    first = run_code(code, made)
    assert first.stdout.strip().startswith(made.as_uri())
    made.rename(moved)
    again = run_code(code + "print([one.info.artifact_uri for one in client.search_runs(['1'])])", moved)
    assert made.as_uri() in again.stdout.splitlines()[0]  # it says so
    assert made.as_uri() not in "".join(again.stdout.splitlines()[1:])
    assert again.stdout.count(moved.as_uri()) == 4  # said, the new run, and both in the list
    assert not made.exists()
    assert len(list(moved.glob("artifacts/*/artifacts/a.txt"))) == 2


def run_code(code, folder):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=True)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    environment_ = environment(tmp_path / "file" / "mlruns")
    command = [sys.executable, "-c", STARTS]
    done = subprocess.run(command, env=environment_, capture_output=True, text=True, check=False)
    assert f"ConnectionError: runs cannot be recorded in {tmp_path / 'file' / 'mlruns'}" in done.stderr
    assert "MLRUNS_FOLDER" in done.stderr


def test_the_state_of_the_code_is_recorded(tmp_path):
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "file").write_text("x")
    subprocess.run([*git, "add", "file"], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    clean = tracking.git_state(tmp_path)
    assert len(clean["git_commit"]) == 40
    assert clean["git_dirty"] == "false"
    (tmp_path / "file").write_text("y")
    assert tracking.git_state(tmp_path) == clean | {"git_dirty": "true"}


def test_outside_a_checkout_the_commit_is_unknown(tmp_path):
    assert tracking.git_state(tmp_path) == {"git_commit": "unknown", "git_dirty": "unknown"}


def test_without_a_run_nothing_is_recorded_and_that_is_said(monkeypatch, capsys):
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    tracking.log_metrics({"a": 1.0})
    assert "not recorded" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "expected"), [("http://server:5000", "http://server:5000"), ("", "sqlite:///")])
def test_the_environment_says_where(monkeypatch, given, expected):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", given)
    assert tracking.tracking_uri().startswith(expected)
