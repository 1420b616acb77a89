"""What may be searched, and what is refused."""

import optuna
import pytest

from pipelines import parameters, stages
from pipelines.model import recipe
from pipelines.search import space


def test_a_misspelt_name_is_refused_with_the_nearest():
    with pytest.raises(parameters.ParameterError, match="'lerning_rate'; did you mean learning_rate"):
        space.chosen("units lerning_rate", {})


def test_what_the_user_fixes_is_not_searched():
    assert "units" in space.chosen("", {})
    assert "units" not in space.chosen("", {"units": "64"})
    with pytest.raises(parameters.ParameterError, match="units is in SEARCH and in PARAMS"):
        space.chosen("units", {"units": "64"})
    with pytest.raises(parameters.ParameterError, match="fixes all"):
        space.chosen("", dict.fromkeys(space.SPACE, "1"))


def test_what_the_fixed_architecture_does_not_read_is_not_searched_unless_named():
    assert "naive_bayes_start" in space.chosen("", {"architecture": "hybrid"})
    assert "naive_bayes_start" not in space.chosen("", {"architecture": "pooled"})
    assert "naive_bayes_start" in space.chosen("naive_bayes_start", {"architecture": "pooled"})


def test_names_may_be_parted_by_commas_and_stand_in_any_order():
    assert list(space.chosen("units, learning_rate", {})) == ["learning_rate", "units"]


@pytest.mark.parametrize("rows", [500, 10_000, 50_000, 1_500_000])
def test_every_range_holds_the_usual_value(rows):
    known = parameters.read(stages.notebooks_folder() / "04_train.ipynb")
    usual = {name: known[name].default for name in space.SPACE} | recipe.usual(rows)
    for name, distribution in space.SPACE.items():
        assert distribution._contains(distribution.to_internal_repr(usual[name])), (name, usual[name])


def test_floats_are_rounded_so_that_the_command_can_be_read():
    trial = optuna.trial.FixedTrial({"learning_rate": 0.00123456, "units": 64, "architecture": "pooled"})
    drawn = space.suggest(trial, space.chosen("learning_rate units architecture", {}))
    assert drawn == {"learning_rate": 0.00123, "units": 64, "architecture": "pooled"}


def test_ranges_in_words():
    assert space.in_words(space.SPACE["batch_size"]) == "32 to 1024, logarithmic"
    assert space.in_words(space.SPACE["architecture"]) == "classic, pooled, hybrid"
