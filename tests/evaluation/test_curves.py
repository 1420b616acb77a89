import numpy as np
import pytest

from pipelines.evaluation import curves
from pipelines.evaluation.forecast import Estimate, Slope

SMALL_GAP, LARGE_GAP = Estimate(0.01, 0.004, 0.016), Estimate(0.08, 0.07, 0.09)
SIZES = {"smallest": 50_000, "largest": 200_000}
STEEP, FLAT = Slope(0.012, 0.009, 0.015, **SIZES), Slope(0.001, -0.002, 0.004, **SIZES)
SETTLED, FALLING, RISING = [0.5, 0.45, 0.448], [0.6, 0.5, 0.45], [0.5, 0.42, 0.47]


def judged(losses, gap, slope=None, **others):
    return curves.verdict(validation_loss=losses, gap=gap, slope=slope, **{"validation_accuracy": 0.8, **others})


@pytest.mark.parametrize(
    ("losses", "gap", "slope", "expected"),
    [
        (RISING, LARGE_GAP, FLAT, "overfit"),
        (RISING, LARGE_GAP, STEEP, "overfit"),
        (SETTLED, LARGE_GAP, FLAT, "overfit"),
        (SETTLED, LARGE_GAP, None, "overfit"),
        (SETTLED, LARGE_GAP, STEEP, "data-limited"),
        (SETTLED, SMALL_GAP, STEEP, "data-limited"),
        (FALLING, SMALL_GAP, FLAT, "underfit"),
        (FALLING, SMALL_GAP, STEEP, "underfit"),
        (SETTLED, SMALL_GAP, FLAT, "converged"),
        (SETTLED, SMALL_GAP, None, "converged"),
    ],
)
def test_each_verdict(losses, gap, slope, expected):
    found = judged(losses, gap, slope)
    assert found.verdict == expected
    assert found.verdict in curves.VERDICTS
    assert found.next_steps


def test_a_slope_is_said_with_the_sizes_that_it_lies_between():
    reason = judged(SETTLED, SMALL_GAP, STEEP).reasons[2]
    assert reason.startswith("Between 50,000 and 200,000 rows each doubling brought +1.20 [+0.90, +1.50] points")


def test_where_all_rows_are_in_use_nobody_is_told_to_take_more_of_them():
    assert judged(SETTLED, SMALL_GAP, STEEP).next_steps == ["Train on more rows: a larger SIZE, or all."]
    assert judged(SETTLED, SMALL_GAP, STEEP, rows_left=False).next_steps == ["All rows are in use: label more."]


def test_before_anything_is_taken_from_the_network_it_is_found_out_whether_rows_help():
    first, *others = judged(SETTLED, LARGE_GAP, None).next_steps
    assert "make curves" in first
    assert all(step.startswith("If they do not: ") for step in others)


def test_a_counted_start_is_named_as_part_of_a_large_gap_and_how_to_do_without_it():
    found = judged(RISING, LARGE_GAP, FLAT, counted_start=0.5)
    assert found.verdict == "overfit"
    assert "counted start" in found.reasons[1]
    assert "naive_bayes_start=0" in found.next_steps[-1]
    for other in (judged(RISING, LARGE_GAP, FLAT), judged(SETTLED, SMALL_GAP, FLAT, counted_start=0.5)):
        assert "counted start" not in " ".join([*other.reasons, *other.next_steps])


def test_a_gap_that_may_be_noise_is_not_large():
    assert judged(RISING, Estimate(0.05, 0.02, 0.08), FLAT).verdict == "converged"


def test_a_slope_that_may_be_noise_does_not_ask_for_rows():
    assert judged(SETTLED, SMALL_GAP, Slope(0.01, -0.001, 0.02, **SIZES)).verdict == "converged"


def test_behind_the_baseline_without_a_gap_is_underfit():
    assert judged(SETTLED, SMALL_GAP, FLAT, baseline_accuracy=0.805).verdict == "underfit"
    assert judged(SETTLED, SMALL_GAP, FLAT, baseline_accuracy=0.795).verdict == "converged"


def test_worse_on_its_own_training_rows_than_the_baseline_on_new_ones_is_underfit_whatever_the_gap():
    assert judged(RISING, LARGE_GAP, FLAT, baseline_accuracy=0.90).verdict == "underfit"
    assert judged(RISING, LARGE_GAP, FLAT, baseline_accuracy=0.85).verdict == "overfit"


def test_a_fall_at_the_end_of_a_schedule_is_not_taken_for_underfitting():
    assert judged(FALLING, SMALL_GAP, FLAT, learning_rate=[1e-3, 1e-3, 1e-3]).verdict == "underfit"
    assert judged(FALLING, SMALL_GAP, FLAT, learning_rate=[1e-3, 5e-4, 1e-5]).verdict == "converged"


def test_one_epoch_has_no_trend_and_says_so():
    found = judged([0.6], SMALL_GAP)
    assert found.verdict == "converged"
    assert any("Only one epoch" in reason for reason in found.reasons)
    assert any("make curves" in step for step in found.next_steps)


def test_reasons_hold_the_figures():
    reasons = " ".join(judged(RISING, LARGE_GAP, STEEP, baseline_accuracy=0.79).reasons)
    for figure in ("+8.00 [+7.00, +9.00]", "11.9 % above its best", "+1.20 [+0.90, +1.50]", "1.00 points ahead"):
        assert figure in reasons


def test_an_overfit_model_that_more_rows_would_help_is_told_both():
    steps = " ".join(judged(RISING, LARGE_GAP, STEEP).next_steps)
    assert "Regularise" in steps
    assert "more rows" in steps


@pytest.mark.parametrize("losses", [[], [0.5, float("nan")], [0.5, 0.0]])
def test_losses_that_are_none_are_refused(losses):
    with pytest.raises(ValueError, match="one positive number for each epoch"):
        judged(losses, SMALL_GAP)


def test_rise_and_improvement_are_shares():
    assert curves.rise_after_best([0.5, 0.4, 0.44]) == pytest.approx(0.1)
    assert curves.rise_after_best([0.5, 0.4]) == 0
    assert curves.last_improvement([0.5, 0.4]) == pytest.approx(0.2)
    assert curves.last_improvement([0.4, 0.44]) == pytest.approx(-0.1)
    assert curves.last_improvement([0.4]) is None


def test_gap_is_training_minus_validation_and_its_interval_shrinks_with_rows():
    widths = []
    for rows in (500, 50_000):
        training, validation = (np.arange(rows) < share * rows for share in (0.9, 0.8))
        gap = curves.accuracy_gap(training, validation)
        assert gap.value == pytest.approx(0.1)
        assert gap.low < 0.1 < gap.high
        widths.append(gap.high - gap.low)
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.2)


def test_a_perfect_model_has_no_gap():
    assert curves.accuracy_gap(np.ones(50, bool), np.ones(50, bool)) == Estimate(0, 0, 0)
