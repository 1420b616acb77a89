"""Which run is taken where none is said."""

import os

import pytest

from pipelines import artifacts
from pipelines.evaluation import summary


@pytest.fixture
def challenger(dataset):
    """A newer evaluated run, of a version of the data set with more rows."""
    version = artifacts.Dataset(f"{dataset.name}-r2")
    artifacts.write_json(version.source, {"extends": dataset.name})
    for second, run in enumerate((dataset.run("300"), version.run("310"))):
        artifacts.write_json(run.saved_model / "manifest.json", {})
        artifacts.write_json(run.metrics, {})
        os.utime(run.metrics, (second, second))
    return version.run("310")


def test_a_challenger_is_taken_once_it_is_promoted_and_where_its_data_set_is_said(challenger):
    assert summary.newest_evaluated().name == "300"  # the comparison failed, or is still to come
    artifacts.write_json(challenger.promotion, {"promote": False})
    assert summary.newest_evaluated().name == "300"
    assert summary.newest_evaluated(challenger.dataset.name) == challenger
    artifacts.write_json(challenger.promotion, {"promote": True})
    assert summary.newest_evaluated() == challenger


def test_a_size_may_be_spelt_with_underscores(challenger):
    assert summary.newest_evaluated(run="3_00").name == "300"
    assert summary.newest_evaluated(challenger.dataset.name, "31_0") == challenger
