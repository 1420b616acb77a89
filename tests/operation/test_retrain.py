"""A retraining that is killed, wherever it is, goes on with the same command, and nothing is done twice."""

import csv
from contextlib import suppress

import pytest

from pipelines import artifacts, tracking
from pipelines.dataset import importing, prepare
from pipelines.dataset.own_texts import Request
from pipelines.operation import champions, retrain

NAME = "tweet-sentiment-sentiment140"


class Killed(BaseException):
    """Ends the command as a signal does: no handler of errors sees it."""


def evaluated(run, *, rows):
    """What training and evaluation of a run leave behind, here and in the registry."""
    notebook = run.folder / "06_evaluate.ipynb"
    if notebook.exists():
        return  # as Make: nothing has changed
    version = {"model_version": f"{run.dataset.name}-{run.name}-abcd"}
    facts = {"dataset": run.dataset.name, "run": run.name, "rows_train": rows}
    artifacts.write_json(run.folder / "04_train.manifest.json", {"parameters": {"run": run.name}})
    artifacts.write_json(run.saved_model / "manifest.json", version | facts)
    artifacts.write_json(run.metrics, {})
    tracking.client().create_model_version(NAME, str(run.saved_model), tags=version)
    notebook.touch()


@pytest.fixture
def begun(tiny, tmp_path, monkeypatch, fresh_store):
    """A data set with an evaluated run, and stages that take no time; returns what was made and compared, in order."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    tracking.client().create_registered_model(NAME)
    prepare.prepare(tiny)
    evaluated(tiny.run("200"), rows=200)
    done = []

    def make(target, dataset, *variables):
        if target == "before-03_tokenize" and not dataset.manifest.exists():
            done.append(target)
            prepare.prepare(dataset)
        elif target == "before-08_promote":
            done.append(target)
            evaluated(dataset.run(variables[0].removeprefix("RUN=")), rows=330)

    def execute(stage, values, **_):
        done.append(stage.name)
        found = {"promote": True, "reasons": [], "gains": []}
        artifacts.write_json(stage.folder / "promotion.json", found)

    def manifest(version):
        (found,) = artifacts.data_folder().glob(
            f"*/runs/{version.model_version.split('-')[-2]}/saved_model/manifest.json"
        )
        return artifacts.read_json(found)

    monkeypatch.setattr(retrain.inputs, "make", make)
    monkeypatch.setattr(retrain.run, "execute", execute)
    monkeypatch.setattr(champions, "manifest", manifest)
    return done


@pytest.fixture
def wish(tmp_path):
    """Two hundred new labelled rows."""
    path = tmp_path / "june.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *((f"summer text {n} of many", "04"[n % 2]) for n in range(200))]
        )
    return retrain.Wish(str(path), Request({}), "", {})


def kill(patched, where, name, *, before):
    """Die before or after a function does its work."""
    work = getattr(where, name)

    def dying(*arguments, **named):
        if not before:
            work(*arguments, **named)
        raise Killed

    patched.setattr(where, name, dying)


@pytest.mark.parametrize(
    ("where", "name", "before"),
    [
        (lambda: importing, "import_file", False),
        (lambda: retrain.addition, "look", True),
        (lambda: prepare, "prepare", False),
        (lambda: retrain.stages, "run_name", True),
        (lambda: tracking.client(), "create_model_version", True),
        (lambda: tracking.client(), "create_model_version", False),
        (lambda: retrain.run, "execute", True),
        (lambda: retrain.run, "execute", False),
        (lambda: tracking.client(), "set_registered_model_alias", True),
        (lambda: champions, "decided", True),
        (lambda: champions, "decided", False),
    ],
)
def test_killed_anywhere_the_same_command_goes_on(tiny, begun, wish, monkeypatch, where, name, before):
    champions.promote(champions.first_or_current(tiny)[0], over=None)
    with monkeypatch.context() as patched:
        kill(patched, where(), name, before=before)
        with pytest.raises(Killed):
            retrain.retrain(tiny, wish)
    assert champions.current(NAME).number == ("2" if name == "decided" else "1")

    assert retrain.retrain(tiny, wish) == retrain.PROMOTED
    assert sorted(path.name for path in artifacts.data_folder().glob("sentiment140*")) == [
        "sentiment140",
        "sentiment140-r2",
    ]
    assert begun.count("before-03_tokenize") == 1
    found = tracking.client().search_model_versions(f"name='{NAME}'")
    assert len({one.tags["model_version"] for one in found}) == 2
    champion = champions.current(NAME)
    assert champion.model_version == "sentiment140-r2-330-abcd"
    assert champion.tags[champions.PREDECESSOR] == "1"
    assert champion.tags[champions.DECISION].startswith("promoted over version 1")

    champions.rollback(NAME)
    assert retrain.retrain(tiny, wish) == retrain.STAYS
    assert champions.current(NAME).number == "1"


def test_killed_between_the_alias_and_its_record_a_rollback_is_not_undone(tiny, begun, wish, monkeypatch):
    with monkeypatch.context() as patched, suppress(Killed):
        kill(patched, champions, "decided", before=True)
        retrain.retrain(tiny, wish)
    champions.rollback(NAME)
    assert retrain.retrain(tiny, wish) == retrain.STAYS
    assert champions.current(NAME).number == "1"


def test_a_champion_that_was_registered_twice_is_not_its_own_challenger(tiny, begun, wish):
    assert retrain.retrain(tiny, wish) == retrain.PROMOTED
    tags = {"model_version": champions.current(NAME).model_version}
    tracking.client().create_model_version(NAME, "evaluated again", tags=tags)
    assert retrain.retrain(tiny, wish) == retrain.PROMOTED
    assert begun.count("08_promote") == 1
    assert champions.current(NAME).number == "2"


def test_the_challenger_has_the_parameters_of_the_champion_those_too_that_were_usual_when_it_was_trained(tiny):
    champion = tiny.run("60")
    artifacts.write_json(champion.training, {"parameters": {"label_smoothing": 0.11, "units": 8, "seed": 1}})
    artifacts.write_json(champion.folder / "04_train.manifest.json", {"parameters": {"run": "60", "units": 8}})
    assert retrain._turned(champion) == {"label_smoothing": "0.11", "units": "8"}
    assert retrain._turned(tiny.run("elsewhere")) == {}


def test_the_command_line_takes_neutral_values(data_folder, monkeypatch):
    asked = []
    monkeypatch.setattr(retrain, "retrain", lambda dataset, wish: asked.append(wish.request) or retrain.STAYS)
    options = ["--dataset", "x", "--label", "mood", "--positive", "5", "--neutral", "2,3"]
    monkeypatch.setattr("sys.argv", ["retrain", "june.csv", *options])
    assert retrain.main() == retrain.STAYS
    (request,) = asked
    assert (request.columns["label"], request.negative, request.positive, request.neutral) == ("mood", None, "5", "2,3")
