import subprocess
import sys

import pytest

from pipelines import artifacts, inputs

MAKEFILE = """
quiet:
	@printf 'WARNING: All log messages before absl::InitializeLog()\\n' >&2
	@printf 'E0000 00:00:1795810887.191918 879 cuda_platform.cc:52] no GPU\\n' >&2
	@printf 'epoch 1:  50%%|###  |\\repoch 1: 100%%|#####|\\nbest epoch 1\\n'
broken:
	@echo 'error: no labels' >&2; exit 3
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "Makefile").write_text(MAKEFILE)
    monkeypatch.setattr(artifacts, "ROOT", tmp_path)
    return artifacts.Dataset("x")


def test_in_a_notebook_what_make_says_comes_without_bars_and_remarks_of_libraries(checkout, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", inputs)
    inputs.make("quiet", checkout)
    assert capsys.readouterr().out == "best epoch 1\n"
    with pytest.raises(subprocess.CalledProcessError, match="exit status 2"):
        inputs.make("broken", checkout)
    assert "error: no labels" in capsys.readouterr().out


def test_elsewhere_it_comes_as_it_is(checkout, capfd):
    inputs.make("quiet", checkout)
    assert "100%|#####|" in capfd.readouterr().out


def test_a_data_set_that_is_not_there_is_named(data_folder, capfd):
    with pytest.raises(subprocess.CalledProcessError):
        inputs.ensure(before="09_sweep", dataset="nope", size=100)
    assert "error: no data set 'nope' (there are: none yet): make data FROM=file" in capfd.readouterr().err
