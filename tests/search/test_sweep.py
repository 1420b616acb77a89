"""The whole way: `make sweep`, from a raw file to the executed notebook."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import tiny_data

from pipelines import parameters
from pipelines.search import sweep

ROOT = Path(__file__).resolve().parents[2]
PARAMS = "units=8 dense_units=8 ngram_buckets=512 wide_dimensions=8 epochs=1 batch_size=64"


@pytest.mark.story
@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_sweep_searches_resumes_and_tells(tmp_path):
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MLFLOW", "PIPELINES"))}
    environment = inherited | {"DATA_FOLDER": str(tmp_path / "data"), "MLRUNS_FOLDER": str(tmp_path / "mlruns")}

    def make(*arguments: str) -> subprocess.CompletedProcess:
        command = ["make", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    archive = tiny_data.write_zip(tmp_path / "trainingandtestdata.zip")
    assert make("data", f"FROM={archive}").returncode == 0
    wish = ["sweep", "SIZE=200", f"PARAMS={PARAMS}", "SEARCH=learning_rate dropout_rate"]
    refused = make(*wish[:-1], "SEARCH=learning_rat")
    assert "did you mean learning_rate?" in refused.stderr
    assert not (tmp_path / "data" / "sentiment140" / "runs").exists()

    first = make(*wish, "TRIALS=2")
    assert first.returncode == 0, first.stdout + first.stderr
    folder = next((tmp_path / "data" / "sentiment140" / "runs").glob("200_*/sweeps/*"))
    assert {"09_sweep.ipynb", "09_sweep.html", "trials.csv", "sweep.json"} <= {path.name for path in folder.iterdir()}
    assert (folder / "figures" / "09_sweep" / "which_mattered.png").exists()
    assert not (folder.parents[1] / "model.keras").exists()

    executed = (folder / "09_sweep.ipynb").stat().st_mtime_ns
    assert make(*wish, "TRIALS=2").returncode == 0
    assert (folder / "09_sweep.ipynb").stat().st_mtime_ns == executed
    more = make(*wish, "TRIALS=3")
    assert more.returncode == 0, more.stdout + more.stderr
    assert (folder / "09_sweep.ipynb").stat().st_mtime_ns > executed
    record = json.loads((folder / "sweep.json").read_text())
    assert sum(record["trials"].values()) == 3
    assert record["command"] in more.stdout
    assert record["verdict"] in more.stdout


@pytest.mark.parametrize("trials", ["0", "-1", "many", "2.5"])
def test_a_number_of_trials_that_is_none_is_refused(trials):
    with pytest.raises(parameters.ParameterError, match="TRIALS"):
        sweep.number_of(trials)


def test_unset_it_is_twenty():
    assert sweep.number_of("") == 20
