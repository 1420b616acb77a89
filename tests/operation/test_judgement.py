"""The verdict follows its rule."""

import pytest

from pipelines.operation.judgement import LEVEL, RETRAIN, STEADY, WATCH, Finding, verdict


def finding(test, *, size=0.1, adjusted=0.0001):
    return Finding(test, 0.5, 0.5 + size, size, adjusted, adjusted)


def test_nothing_that_stands_is_steady_whatever_the_stability_index():
    assert verdict([finding("scores", adjusted=0.011), finding("length", adjusted=1)], stability=0.9) == STEADY


def test_what_stands_at_exactly_the_level_counts():
    assert verdict([finding("length", adjusted=LEVEL)], stability=0) == WATCH


@pytest.mark.parametrize(
    ("stability", "expected"), [(0.249, WATCH), (0.25, RETRAIN)]
)  # fmt: skip
def test_without_labels_a_large_sure_move_of_the_scores_asks_for_retraining(stability, expected):
    assert verdict([finding("scores")], stability=stability) == expected


def test_without_labels_a_large_move_that_is_not_sure_does_not():
    found = [finding("scores", adjusted=0.2), finding("mentions")]
    assert verdict(found, stability=0.5) == WATCH


@pytest.mark.parametrize(
    ("size", "adjusted", "expected"),
    [
        (-0.02, 0.001, RETRAIN),
        (-0.019, 0.001, WATCH),  # sure, but small
        (-0.1, 0.02, WATCH),  # large, but not sure
        (0.1, 0.001, WATCH),  # better than before is no reason to train
    ],
)
def test_labels_decide_where_they_exclude_a_large_loss(size, adjusted, expected):
    found = [finding("accuracy", size=size, adjusted=adjusted), finding("scores")]
    assert verdict(found, stability=0.9, least_change=-0.019) == expected


@pytest.mark.parametrize("least_change", [None, -0.02, -0.2])
def test_labels_that_exclude_no_large_loss_do_not_speak_against_the_scores(least_change):
    found = [finding("accuracy", size=-0.01, adjusted=1), finding("scores")]
    assert verdict(found, stability=0.9, least_change=least_change) == RETRAIN
    assert verdict(found, stability=0.2, least_change=least_change) == WATCH
