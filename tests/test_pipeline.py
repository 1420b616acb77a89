"""The whole way, as a user goes it: Make, all notebooks, a real MLflow server, a prediction."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import drifting_tweets
import pyarrow.parquet as pq
import pytest
import tiny_data

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("03_tokenize", "04_train", "05_diagnose", "06_evaluate")
PARAMS = "epochs=2 units=8 wide_dimensions=8 ngram_buckets=512 batch_size=64 resamples=50"
RUN = "200_batch_size-64_epochs-2_ngram_buckets-512_resamples-50_units-8_wide_dimensions-8"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture(scope="module")
def environment(tmp_path_factory, fresh_store):
    """A data folder of its own, and the address of a real MLflow server on loopback."""
    folder = tmp_path_factory.mktemp("whole")
    fresh_store(folder / "server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", address.rpartition(":")[2]]
    stores = [
        "--backend-store-uri",
        f"sqlite:///{folder}/server/mlflow.db",
        "--artifacts-destination",
        str(folder / "store"),
    ]
    log = (folder / "server.log").open("w")
    server = subprocess.Popen([*command, *stores, "--workers", "1"], stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + 240
    while not answers(address) and time.monotonic() < deadline and server.poll() is None:
        time.sleep(0.5)
    assert answers(address), (folder / "server.log").read_text()
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MLFLOW", "PIPELINES"))}
    folders = {"DATA_FOLDER": str(folder / "data"), "MLRUNS_FOLDER": str(folder / "mlruns")}
    yield inherited | folders | {"MLFLOW_TRACKING_URI": address}
    os.killpg(server.pid, 15)
    server.wait(30)
    log.close()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def make(environment, *arguments: str) -> subprocess.CompletedProcess:
    command = ["make", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module")
def trained(environment):
    """`make data FROM=…` and `make train`: what they printed, and the folder of the run."""
    data = Path(environment["DATA_FOLDER"])
    # 07 needs a hundred validation rows: a tenth of these.
    archive = tiny_data.write_zip(data.parent / "trainingandtestdata.zip", rows=1_200)
    brought = make(environment, "data", f"FROM={archive}")
    assert brought.returncode == 0, brought.stderr
    result = make(environment, "train", "SIZE=200", f"PARAMS={PARAMS}")
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout, data / "sentiment140" / "runs" / RUN


def test_every_notebook_is_executed_in_its_place(trained):
    _, run = trained
    assert all((run / f"{stage}.ipynb").exists() for stage in STAGES)
    assert all((run.parents[1] / f"{stage}.ipynb").exists() for stage in ("01_prepare", "02_explore"))
    assert not list(run.parents[1].rglob("failed-*"))


def test_metrics_json_holds_what_was_promised(trained):
    _, run = trained
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["dataset"] == "sentiment140"
    assert metrics["rows_train"] == 200
    assert set(metrics["splits"]) == {"test", "manual", "validation"}
    for figures in metrics["splits"].values():
        assert {"rows", "accuracy", "accuracy_interval", "macro_f1", "auc", "log_loss"} <= set(figures)
    low, high = metrics["splits"]["test"]["accuracy_interval"]
    assert low <= metrics["splits"]["test"]["accuracy"] <= high
    assert {"test", "manual"} <= set(metrics["baselines"]["tfidf_logistic_regression"])
    assert {"test", "manual"} <= set(metrics["baselines"]["majority"])
    assert {"01_prepare", *STAGES} <= set(metrics["seconds"])
    assert {"mcnemar_tfidf", "mcnemar_majority", "seeds", "clustered", "test_sets", "sure_enough"} <= set(metrics)
    assert (
        {"confident learning"}
        <= set(metrics["wrong_labels"])
        <= {"repeated texts", "confident learning", "hand labels"}
    )
    assert metrics["clustered"]["users"] > 0
    manifest = json.loads((run / "saved_model" / "manifest.json").read_text())
    assert metrics["model_version"] == manifest["model_version"]


def test_the_summary_says_how_good_where_and_what_next(trained):
    out, _ = trained
    for part in (
        "200 training rows",
        "tfidf logistic regression",
        "majority",
        "executed notebooks",
        "MLflow run",
        "make serve",
    ):
        assert part in out


def test_the_server_has_one_record_of_the_training_with_all_of_it(trained, environment):
    script = """
import json
from pipelines import tracking
client = tracking.client()
experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
runs = [r for r in client.search_runs([experiment.experiment_id]) if r.info.run_name == "sentiment140/RUN"]
run, = runs
epochs = client.get_metric_history(run.info.run_id, "validation_accuracy")
folders = {entry.path for entry in client.list_artifacts(run.info.run_id)}
versions = client.search_model_versions("name='tweet-sentiment-sentiment140'")
import mlflow
model = mlflow.pyfunc.load_model(f"models:/tweet-sentiment-sentiment140/{versions[0].version}")
import pandas
print(json.dumps({"status": run.info.status, "params": run.data.params, "metrics": sorted(run.data.metrics),
  "epochs": [m.step for m in epochs], "folders": sorted(folders), "tags": run.data.tags,
  "datasets": [i.dataset.name for i in run.inputs.dataset_inputs], "versions": len(versions),
  "score": float(model.predict(pandas.DataFrame({"text": ["x"]}))["probability"][0])}))
"""
    command = [sys.executable, "-c", script.replace("RUN", RUN)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == "FINISHED"
    assert found["params"]["units"] == "8"
    assert found["epochs"] == [1, 2]
    assert {"04_train", "05_diagnose", "06_evaluate", "MODEL_CARD.md"} <= set(found["folders"])
    assert {"git_commit", "git_dirty", "lock_sha256", "python", "packages", "dataset"} <= set(found["tags"])
    assert {"sentiment140/train", "sentiment140/validation"} <= set(found["datasets"])
    assert found["versions"] == 1
    assert 0 <= found["score"] <= 1  # its few texts are told apart for certain


def test_the_same_again_does_nothing_and_says_so(trained, environment):
    _, run = trained
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    result = make(environment, "train", "SIZE=200", f"PARAMS={PARAMS}")
    assert result.returncode == 0
    assert "nothing has changed" in result.stdout
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("touched", "redone"),
    [
        ("pipelines/evaluation/slices.py", ["06_evaluate"]),
        ("notebooks/05_diagnose.ipynb", ["05_diagnose", "06_evaluate"]),
        ("pipelines/model/network.py", ["04_train", "05_diagnose", "06_evaluate"]),
        ("pipelines/dataset/vectors.py", list(STAGES)),
        ("serving/app.py", []),
    ],
)
def test_a_changed_module_redoes_its_stage_and_the_later_ones(trained, environment, touched, redone):
    plan = make(environment, "-n", "-W", touched, "run", "DATASET=sentiment140", f"RUN={RUN}")
    assert plan.returncode == 0, plan.stderr
    assert [stage for stage in ("01_prepare", *STAGES) if f"pipelines.run {stage}" in plan.stdout] == redone


@pytest.mark.parametrize(
    ("deleted", "redone"),
    [
        ("splits", ["01_prepare", *STAGES]),
        (f"runs/{RUN}/encoded", list(STAGES)),
        (f"runs/{RUN}/model.keras", ["04_train", "05_diagnose", "06_evaluate"]),
        (f"runs/{RUN}/saved_model", ["06_evaluate"]),
    ],
)
def test_what_was_deleted_is_made_again(trained, environment, deleted, redone):
    place = trained[1].parents[1] / deleted
    place.rename(aside := place.with_name("aside"))
    try:
        plan = make(environment, "-n", "run", "DATASET=sentiment140", f"RUN={RUN}")
    finally:
        aside.rename(place)
    assert plan.returncode == 0, plan.stderr
    assert [stage for stage in ("01_prepare", *STAGES) if f"pipelines.run {stage}" in plan.stdout] == redone


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("SIZE=9999",), "SIZE=9999: the training split has"),
        (("SIZE=abc",), "SIZE=abc: expected a number"),
        (("SIZE=200", "PARAMS=epoch=3"), "no parameter 'epoch'; did you mean epochs"),
        (("SIZE=200", "PARAMS=epochs=x"), "epochs='x': expected int"),
        (("SIZE=200", "PARAMS=epochs=3,units=4"), "between parameters stand spaces"),
        (("SIZE=200", "KERAS_BACKEND=nope"), "KERAS_BACKEND=nope: one of tensorflow, jax, torch"),
    ],
)
def test_a_bad_wish_is_refused_before_anything_starts(trained, environment, arguments, message):
    result = make(environment, "train", *arguments)
    assert result.returncode != 0
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_prediction_from_the_shell(trained, environment):
    result = make(environment, "predict", "TEXT=i love this 'song' & $HOME")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["label"] in ("negative", "positive")
    assert 0 <= answer["probability"] <= 1


def test_new_texts_are_watched_and_the_verdict_is_the_exit_status(trained, environment):
    _, run = trained
    new = run.parents[2].parent / "new tweets.csv"
    strange = [
        f'"@anna über Fußball und Straße, Nachricht Nummer {number} von vielen",positive' for number in range(150)
    ]
    new.write_text("\n".join(["text,label", *strange]), encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in run.iterdir() if path.suffix == ".ipynb"}
    command = [sys.executable, "-m", "pipelines.operation.monitor", str(new), "--dataset", "sentiment140", "--run", RUN]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900, check=False)
    (look,) = (run / "monitor").glob("new-tweets.csv-*")
    found = json.loads((look / "drift.json").read_text())
    assert found["verdict"] in ("watch", "retrain"), done.stdout + done.stderr
    assert done.returncode == found["status"] == {"watch": 3, "retrain": 4}[found["verdict"]]
    assert f"{found['verdict']} (status {found['status']})" in done.stdout
    assert "nachricht" in [word["word"] for word in found["commoner_words"]]
    assert (look / "figures" / "07_monitor" / "quality.png").exists()
    assert {path: path.stat().st_mtime_ns for path in run.iterdir() if path.suffix == ".ipynb"} == before
    made = make(environment, "monitor", f"NEW={new.parent}/none.csv", "DATASET=sentiment140", f"SIZE={RUN}")
    assert "no file" in made.stderr
    assert "Error 2" in made.stderr
    assert "Traceback" not in made.stderr


def test_what_was_watched_has_a_record_of_its_own_without_the_file(trained, environment):
    script = """
import json
from pipelines import tracking
client = tracking.client()
experiment = client.get_experiment_by_name(tracking.EXPERIMENT)
run, = [r for r in client.search_runs([experiment.experiment_id]) if r.data.tags.get("stage") == "07_monitor"]
files = [f.path for top in client.list_artifacts(run.info.run_id) for f in
  (client.list_artifacts(run.info.run_id, top.path) if top.is_dir else [top])]
print(json.dumps({"status": run.info.status, "files": files, "metrics": run.data.metrics}))
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["status"] == "FINISHED"
    assert found["metrics"]["status"] in (3, 4)
    assert {"drift.json", "07_monitor/07_monitor.html", "07_monitor/07_monitor.ipynb"} <= set(found["files"])
    assert not [name for name in found["files"] if name.endswith(".csv")]


@pytest.mark.story
def test_a_run_that_is_made_again_comes_out_the_same_and_leaves_the_first_alone(trained, environment):
    _, run = trained
    records = run.parents[2].parent / "records"
    code = "import sys, pathlib, pipelines.examples as e; e.keep(sys.argv[1], pathlib.Path(sys.argv[2]))"
    recorded = json.loads((run / "mlflow_run.json").read_text())["id"]
    subprocess.run([sys.executable, "-c", code, recorded, str(records)], cwd=ROOT, env=environment, check=True)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()}
    done = operation(environment, "reproduction", "--size", "200", "--params", PARAMS, "--records", str(records))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((run.parents[1] / "reproduced/sentiment140/runs" / RUN / "reproduction.json").read_text())
    assert {one["name"] for one in found["figures"]} > {"test_accuracy", "manual_accuracy", "majority_test_accuracy"}
    assert [one["name"] for one in found["figures"] if not one["same"]] == []
    assert found["model_version"][0] == found["model_version"][1]
    assert all(there == here for name, (there, here) in found["made_from"].items() if name.startswith(("raw", "split")))
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def town(environment):
    """A spring that was learned, and named champion: the environment with its data in the folder, and the run."""
    folder = Path(environment["DATA_FOLDER"]).parent
    spring = drifting_tweets.spring(folder / "spring.csv")
    assert make(environment, "data", f"FROM={spring}", "NAME=town", "DATE=date").returncode == 0
    # The usual network: smaller ones err on too many rows of a small test for a gain to be certain.
    learned = make(environment, "train", "DATASET=town", "SIZE=2000", "PARAMS=resamples=50")
    assert learned.returncode == 0, learned.stdout + learned.stderr
    run = "2000_resamples-50"
    named = operation(environment, "champions", "--dataset", "town", "--promote", run)
    assert "version 1" in named.stdout, named.stderr
    return run


def operation(environment, module: str, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", f"pipelines.operation.{module}", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1500, check=False)


@pytest.fixture(scope="module")
def service(town, environment):
    """The address of a service that follows the champion."""
    folder = Path(environment["DATA_FOLDER"]).parent
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"PORT": str(port), "WORKERS": "1", "MODEL_URI": "models:/tweet-sentiment-town@champion"}
    own |= {"MODEL_POLL_SECONDS": "15", "MODEL_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "gunicorn", "-c", "serving/gunicorn_conf.py", "serving.app:create_app()"]
    log = (folder / "service.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, env=environment | own, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(60)
    log.close()


def ask(address: str, texts: list[str]) -> tuple[str, list[str]]:
    """The version that answers, and its labels."""
    labels, version = [], ""
    for start in range(0, len(texts), 256):
        body = json.dumps({"texts": texts[start : start + 256]}).encode()
        request = urllib.request.Request(f"{address}/predict", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        version = answer["model_version"]
        labels += [one["label"] for one in answer["predictions"]]
    return version, labels


def answers_as(address: str, start: str) -> bool:
    try:
        return ask(address, ["hello"])[0].startswith(start)
    except OSError:
        return False


def wait_until(condition) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.story
def test_june_is_other_than_spring_and_the_service_learns_it(town, environment, service):
    folder = Path(environment["DATA_FOLDER"])
    june = drifting_tweets.june(folder.parent / "june.csv")
    truth = {
        text: {"0": "negative", "4": "positive"}[label] for label, _, text in drifting_tweets.rows((6,), 2000, seed=2)
    }
    wait_until(lambda: answers_as(service, f"town-{town}-"))
    first, before = ask(service, list(truth))
    old_test = (folder / "town" / "splits" / "test.parquet").read_bytes()

    watched = operation(environment, "monitor", str(june), "--dataset", "town", "--run", town)
    assert watched.returncode == 4, watched.stdout + watched.stderr
    assert "retrain (status 4)" in watched.stdout

    learned = operation(environment, "retrain", str(june), "--dataset", "town")
    assert learned.returncode == 0, learned.stdout + learned.stderr
    assert "promoted over version 1" in learned.stdout
    assert (folder / "town-r2" / "splits" / "test.parquet").read_bytes() == old_test

    wait_until(lambda: answers_as(service, "town-r2-3300_"))  # 2,000 rows and the 1,300 that June adds to training
    _, after = ask(service, list(truth))
    fresh = set(pq.read_table(folder / "town-r2" / "splits" / "new_test.parquet")["text"].to_pylist())
    accuracies = [
        sum(said == truth[text] for text, said in zip(truth, labels, strict=True) if text in fresh) / len(fresh)
        for labels in (before, after)
    ]
    assert len(fresh) == 500
    assert accuracies[1] > accuracies[0] + 0.2, accuracies

    again = operation(environment, "retrain", str(june), "--dataset", "town")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "0 new rows of 2,000" in again.stdout
    assert "is the champion already" in again.stdout
    assert not (folder / "town-r3").exists()

    back = make(environment, "rollback", "DATASET=town")
    assert back.returncode == 0, back.stderr
    assert "rolled back from version 2" in back.stdout
    wait_until(lambda: answers_as(service, first))
    twice = make(environment, "rollback", "DATASET=town")
    assert "is the first champion" in twice.stderr
    assert "Error 2" in twice.stderr


@pytest.mark.story
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "no file"), ("text,label\nonly one,0\n", "1 label"), ("words,label\none,0\n", "has no column 'text'")],
)
def test_rows_that_cannot_be_learned_from_are_refused_and_leave_nothing(town, environment, content, message):
    folder = Path(environment["DATA_FOLDER"])
    path = folder.parent / f"{len(content or '')}.csv"
    if content:
        path.write_text(content)
    before = sorted(one.name for one in folder.glob("town*"))
    refused = operation(environment, "retrain", str(path), "--dataset", "town")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted(one.name for one in folder.glob("town*")) == before
