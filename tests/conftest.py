"""Fixtures for all tests: an empty data folder, and the tiny data set in it."""

import os
import shutil
import subprocess
import sys

import pytest
import tiny_data

from benchmarks import environments
from pipelines import artifacts


@pytest.fixture(autouse=True)
def mlflow_forgets():
    """Each test begins without the stores of the one before: MLflow keeps what it is told in the environment."""
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
    before = {name: os.environ.get(name) for name in names}
    yield
    if "mlflow" in sys.modules:
        import mlflow

        mlflow.set_tracking_uri(None)
        mlflow.set_registry_uri(None)
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.fixture(scope="session")
def fresh_store(tmp_path_factory):
    """Makes a folder with an empty store of MLflow's: its tables take seconds to make, and none to copy."""
    pytest.importorskip("mlflow")
    database = tmp_path_factory.mktemp("store") / "mlflow.db"
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", f"sqlite:///{database}"]
    subprocess.run(command, capture_output=True, check=True)

    def make(folder):
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(database, folder / "mlflow.db")
        return str(folder)

    return make


@pytest.fixture(autouse=True, scope="session")
def mlflow_servers_run_no_jobs():
    """Eight processes a server, that nothing here asks for anything."""
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"


@pytest.fixture(scope="session")
def python_of():
    """The interpreter of an environment by its name; where that is not to be had, the test that asks for it skips."""

    def find(name):
        try:
            return environments.python_of(name)
        except environments.NotInstalledError as error:
            pytest.skip(f"{name} is not to be had here: {error}")

    return find


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    """An empty folder for data sets."""
    folder = tmp_path / "data"
    monkeypatch.setenv("DATA_FOLDER", str(folder))
    return folder


@pytest.fixture
def tiny_zip(tmp_path):
    """The tiny data set, zipped like the official download."""
    return tiny_data.write_zip(tmp_path / "trainingandtestdata.zip")


@pytest.fixture
def tiny(data_folder, tiny_zip) -> artifacts.Dataset:
    """The tiny data set, imported as sentiment140."""
    from pipelines.dataset import importing
    from pipelines.dataset.own_texts import Request

    return importing.import_file(str(tiny_zip), name=None, request=Request({}))
