"""When Make evaluates a run anew: it has to look at the runs that `siblings.seeds` reads."""

import os
import subprocess
from pathlib import Path

import pytest

from pipelines import artifacts

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ("50_seed-2", "50_seed-3_units-8", "50_learning_rate-0.1_seed-4_units-8", "500_seed-5", "50_units-9")


@pytest.mark.parametrize(
    ("run", "needed"),
    [
        ("50", {"50_seed-2"}),
        ("50_units-8", {"50_seed-3_units-8"}),
        ("50_learning_rate-0.1_units-8", {"50_learning_rate-0.1_seed-4_units-8"}),
        # One with a seed of its own needs none: two that need each other would never be done.
        ("50_seed-3_units-8", set()),
    ],
)
def test_a_run_is_evaluated_anew_once_the_same_with_another_seed_is(tmp_path, run, needed):
    for other in OTHERS:
        artifacts.write_json(tmp_path / "invented" / "runs" / other / "metrics.json", {})
    command = ["make", "--eval", "show: ; @echo $(needs_06_evaluate)", "show", "DATASET=invented", f"RUN={run}"]
    environment = {"PATH": os.environ["PATH"], "DATA_FOLDER": str(tmp_path)}
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    assert {Path(path).parent.name for path in shown.split() if path.endswith("metrics.json")} == needed
