"""Who is champion, in a real registry."""

import threading

import pytest

from pipelines import artifacts, tracking
from pipelines.operation import champions
from pipelines.operation.champions import NoChampionError

NAME = "tweet-sentiment-town"


@pytest.fixture
def registry(tmp_path, monkeypatch, data_folder, fresh_store):
    """A client of an empty store, in which three versions of one model are registered."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLRUNS_FOLDER", fresh_store(tmp_path / "mlruns"))
    client = tracking.client()
    client.create_registered_model(NAME)
    for number in range(1, 4):
        client.create_model_version(NAME, f"{tmp_path}/model", tags={"model_version": f"town-10-{number}"})
    return client


def version(number):
    return champions.get(NAME, str(number))


def champion():
    return int(champions.current(NAME).number)


def promote(number):
    champions.promote(version(number), over=champions.current(NAME))


def test_there_is_no_champion_before_one_is_named(registry):
    assert champions.current(NAME) is None
    assert champions.current("tweet-sentiment-nowhere") is None
    with pytest.raises(NoChampionError, match="has no champion"):
        champions.rollback(NAME)


def test_rolling_back_goes_from_champion_to_champion_and_ends_at_the_first(registry):
    for number in (1, 2, 3):
        promote(number)
    leaves, back = champions.rollback(NAME)
    assert (leaves.number, back.number, champion()) == ("3", "2", 2)
    assert champions.rollback(NAME)[1].number == "1"
    for _ in range(2):
        with pytest.raises(NoChampionError, match=r"version 1 .* is the first champion"):
            champions.rollback(NAME)
    assert champion() == 1
    assert champions.LEFT in version(3).tags


def test_after_a_rollback_the_next_champion_remembers_who_was_there(registry):
    promote(1)
    promote(2)
    champions.rollback(NAME)
    promote(3)
    assert champions.rollback(NAME)[1].number == "1"


def test_a_champion_of_earlier_days_that_comes_back_by_hand_makes_no_circle(registry):
    for number in (1, 2, 3):
        promote(number)
    promote(1)
    assert champion() == 1
    with pytest.raises(NoChampionError, match="first champion"):
        champions.rollback(NAME)
    promote(1)
    assert champions.PREDECESSOR not in version(1).tags


def test_a_predecessor_that_was_deleted_is_named(registry):
    promote(1)
    promote(2)
    registry.delete_model_version(NAME, "1")
    with pytest.raises(NoChampionError, match="has no version 1"):
        champions.rollback(NAME)
    assert champion() == 2


def test_a_run_that_is_not_registered_is_no_champion(registry):
    run = artifacts.Dataset("town").run("10")
    artifacts.write_json(run.saved_model / "manifest.json", {"model_version": "town-10-none"})
    with pytest.raises(NoChampionError, match="town-10-none is not registered"):
        champions.registered(run)
    artifacts.write_json(run.metrics, {})
    artifacts.write_json(run.saved_model / "manifest.json", {"model_version": "town-10-2"})
    assert champions.registered(run).number == "2"


def test_a_second_retraining_waits_and_says_so(tmp_path, capsys):
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with artifacts.lock(tmp_path / "retrain", waiting="nobody waits here"):
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    entered.wait(10)
    threading.Timer(0.2, leave.set).start()
    with artifacts.lock(tmp_path / "retrain", waiting="another retraining is under way"):
        assert leave.is_set()
    other.join()
    assert capsys.readouterr().out == "another retraining is under way\n"
