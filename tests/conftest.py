"""Fixtures for all tests: an empty data folder, and the tiny data set in it."""

import pytest
import tiny_data

from pipelines import artifacts


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
