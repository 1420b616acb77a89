"""The committed example runs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import examples

RECORDS = sorted(examples.EXAMPLES.glob("*/run.json"))
KEEP_AND_LOAD = """
from pathlib import Path
from pipelines import examples, tracking
folder, store = Path({folder!r}), Path({store!r})
run = tracking.start_run(name="d/100", tags={{"dataset": "d", "mlflow.user": "someone"}})
client = tracking.client()
client.log_param(run, "units", 8)
for step, value in ((1, 0.5), (2, 0.75)):
    client.log_metric(run, "validation_accuracy", value, step=step)
client.log_metric(run, "test_accuracy", 0.5)
client.log_metric(run, "test_accuracy", 0.25)
metrics = folder.parent / "metrics.json"
metrics.write_text('{{"model_version": "d-100-abcd"}}')
client.log_artifact(run, str(metrics))
import os
os.environ["MLFLOW_RUN_ID"] = run
tracking.log_dataset(name="d/train", digest="1234", source="x", rows=100, context="training")
tracking.end_run(run, status="FINISHED")
kept = examples.keep(run, folder)
assert kept.name == "d-100", kept
assert examples.load(store, folder) == 1
client = tracking.client()
experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
found, = client.search_runs([experiment.experiment_id])
history = client.get_metric_history(found.info.run_id, "validation_accuracy")
assert [(m.step, m.value) for m in history] == [(1, 0.5), (2, 0.75)]
assert found.data.params == {{"units": "8"}}
assert found.data.tags["recorded_run"] == run, found.data.tags
assert found.data.tags["model_version"] == "d-100-abcd"
"""


def test_a_run_is_kept_without_its_machine_s_names_and_can_be_shown_again(tmp_path, fresh_store):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW")}
    code = KEEP_AND_LOAD.format(folder=str(tmp_path / "examples"), store=str(tmp_path / "store"))
    fresh_store(tmp_path / "store")
    environment = kept | {"MLRUNS_FOLDER": fresh_store(tmp_path / "mlruns")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "examples" / "d-100" / "run.json").read_text())
    assert "mlflow.user" not in record["tags"]
    assert {"git_commit", "python", "dataset"} <= set(record["tags"])
    assert record["model_version"] == "d-100-abcd"
    assert record["splits"] == {"d/train": "1234"}
    assert record["metrics"]["test_accuracy"] == [[0, 0.25]]
    assert re.fullmatch(r"[0-9a-f]{32}", record["id"])


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.parent.name)
def test_an_example_says_how_it_came_about(path):
    record = json.loads(path.read_text())
    assert re.fullmatch(r"[0-9a-f]{40}", record["tags"]["git_commit"])
    assert {"lock_sha256", "dataset", "packages"} <= set(record["tags"])
    assert {"seed", "rows_train"} <= set(record["parameters"])
    assert len(record["metrics"]["validation_accuracy"]) >= 1


def test_lines_of_the_ablation_are_those_of_the_examples():
    page = (Path(__file__).resolve().parents[1] / "benchmarks" / "ABLATION.md").read_text()
    lines = re.findall(r"^\| ([\w.-]+) \|[^|]*\| ([\d.]+) \|.*\| `([0-9a-f]{32})` \|$", page, re.M)
    assert len(lines) >= 10
    for variant, accuracy, run_id in lines:
        record = json.loads((examples.EXAMPLES / f"sentiment140-50000_ablation_{variant}" / "run.json").read_text())
        (_, measured), *_ = record["metrics"]["accuracy_of_kept_epoch"]
        assert (record["id"], record["tags"]["variant"]) == (run_id, variant)
        assert f"{100 * measured:.2f}" == accuracy


def test_a_line_of_the_ablation_is_no_run_to_reproduce(tmp_path):
    evaluated = {"id": "1", "model_version": "d-100-abcd", "tags": {"dataset": "d", "run": "100"}}
    ablated = {"id": "2", "tags": {"dataset": "d", "run": "100", "variant": "units-8"}}
    for record in (evaluated, ablated):
        (tmp_path / record["id"]).mkdir()
        (tmp_path / record["id"] / "run.json").write_text(json.dumps(record))
    assert examples.find("d", "100", tmp_path)["id"] == "1"


def test_figures_in_the_readme_are_those_of_the_examples():
    readme = (Path(__file__).resolve().parents[1] / "README.md").read_text()
    rows = re.findall(r"^\| ([\d,]+|all [\d,]+) \| \*\*([\d.]+)\*\* \[([\d.]+), ([\d.]+)\]", readme, re.M)
    assert len(rows) == 7
    for size, accuracy, _, _ in rows:
        name = "all" if size.startswith("all") else size.replace(",", "")
        record = json.loads((examples.EXAMPLES / f"sentiment140-{name}" / "run.json").read_text())
        (_, measured), *_ = record["metrics"]["test_accuracy"]
        assert f"{100 * measured:.1f}" == accuracy
