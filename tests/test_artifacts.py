"""Artefacts are whole or not there."""

import os
import subprocess
import sys
import textwrap

import pytest

from pipelines import artifacts


def test_a_file_appears_whole_and_an_error_leaves_the_old_one(tmp_path):
    path = tmp_path / "sub" / "x.json"
    artifacts.write_json(path, {"a": "é"})
    with pytest.raises(ZeroDivisionError), artifacts.written_whole(path) as temporary:
        temporary.write_text(f"half {1 / 0}")
    assert artifacts.read_json(path) == {"a": "é"}
    assert [file.name for file in path.parent.iterdir()] == ["x.json"]


def test_a_folder_appears_whole_and_an_error_leaves_the_old_one(tmp_path):
    folder = tmp_path / "model"
    for content in ("first", "second"):
        with artifacts.folder_written_whole(folder) as temporary:
            (temporary / "weights").write_text(content)
    with pytest.raises(ZeroDivisionError), artifacts.folder_written_whole(folder) as temporary:
        (temporary / "weights").write_text(f"third {1 / 0}")
    assert (folder / "weights").read_text() == "second"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_nothing_appears_where_a_writer_is_killed(tmp_path):
    code = f"""
        import os, pathlib
        from pipelines import artifacts
        with artifacts.written_whole(pathlib.Path({str(tmp_path)!r}) / "x.csv") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), 9)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert killed.returncode == -9
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("name", ["", "../x", "a b", "a/b"])
def test_a_data_set_s_name_cannot_leave_its_folder(name):
    with pytest.raises(ValueError, match="data set name"):
        artifacts.Dataset(name)


@pytest.mark.parametrize("name", ["", "../x", ".hidden"])
def test_a_run_s_name_cannot_leave_its_folder(name):
    with pytest.raises(ValueError, match="run name"):
        artifacts.Dataset("d").run(name)


def test_data_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("DATA_FOLDER", str(tmp_path))
    assert artifacts.Dataset("d").run("10").vocabulary == tmp_path / "d" / "runs" / "10" / "vocabulary.txt"


def test_nan_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="nan"):
        artifacts.write_json(tmp_path / "x.json", {"a": float("nan")})


def test_broken_json_names_its_path(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(ValueError, match=r"x\.json is not valid JSON"):
        artifacts.read_json(tmp_path / "x.json")


def test_a_lock_is_exclusive(tmp_path):
    code = f"""
        from pipelines import artifacts
        with artifacts.lock({str(tmp_path / "stage")!r}):
            print("in", flush=True); input()
    """
    first = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout.readline() == b"in\n"
    second = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    os.set_blocking(second.stdout.fileno(), False)
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(1.5)
    assert second.stdout.read() is None
    first.communicate(b"\n")
    os.set_blocking(second.stdout.fileno(), True)
    assert second.communicate(b"\n")[0] == b"in\n"
