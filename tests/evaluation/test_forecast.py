import numpy as np
import pytest

from pipelines.evaluation import forecast

SIZES = np.array([12_500, 25_000, 50_000, 100_000, 200_000])


def models(errors, *, rows=20_000):
    """Which rows each model has right: the same hard rows first, as for real models; bool [sizes, rows]."""
    hardness = np.random.default_rng(0).permutation(rows) / rows
    return np.array([hardness >= error for error in errors])


def test_the_law_that_was_put_in_is_found_and_forecast():
    errors = 0.10 + 0.12 * (SIZES / 12_500) ** -0.3
    law = forecast.fit_power_law(SIZES, models(errors, rows=200_000), resamples=50)
    expected = 1 - (0.10 + 0.12 * (1_600_000 / 12_500) ** -0.3)
    assert law.accuracy(1_600_000).value == pytest.approx(expected, abs=0.003)
    assert law.c[0] == pytest.approx(0.3, abs=0.05)
    needed = law.rows_needed(expected)
    assert needed.low <= 1_600_000 <= needed.high


def test_what_is_needed_and_what_is_forecast_are_each_others_inverse():
    law = forecast.fit_power_law(SIZES, models(0.1 + 0.1 * (SIZES / 12_500) ** -0.4), resamples=20)
    assert law.accuracy(law.rows_needed(0.85).value).value == pytest.approx(0.85, abs=1e-6)


def test_a_target_above_the_level_of_the_curve_is_never_reached():
    law = forecast.fit_power_law(SIZES, models(0.15 + 0.1 * (SIZES / 12_500) ** -0.5), resamples=20)
    assert law.rows_needed(0.99) is None


def test_a_flat_curve_stays_flat_and_a_rising_error_is_not_extrapolated():
    for errors in (np.full(5, 0.2), np.linspace(0.2, 0.22, 5)):
        law = forecast.fit_power_law(SIZES, models(errors), resamples=20)
        assert law.accuracy(10**7).value == pytest.approx(1 - errors.mean(), abs=0.002)
        assert law.rows_needed(0.9) is None


def test_too_few_sizes_or_one_twice_are_refused():
    with pytest.raises(ValueError, match="3 sizes: a power law needs at least 4"):
        forecast.fit_power_law(SIZES[:3], models([0.3, 0.2, 0.1]))
    with pytest.raises(ValueError, match="each size once"):
        forecast.fit_power_law([1, 1, 2, 3], models([0.4, 0.3, 0.2, 0.1]))


def test_slope_is_the_gain_for_each_doubling_around_a_size():
    correct = models([0.40, 0.30, 0.20, 0.19, 0.18])
    for at, sizes, gain in ((4, (2, 4), 0.01), (3, (2, 4), 0.01), (1, (0, 2), 0.1), (0, (0, 2), 0.1)):
        slope = forecast.slope_per_doubling(SIZES, correct, at=SIZES[at], resamples=100)
        assert slope.value == pytest.approx(gain, abs=1e-4)
        assert gain - 0.01 < slope.low < slope.high < gain + 0.01
        assert (slope.smallest, slope.largest) == tuple(SIZES[position] for position in sizes)


def test_order_of_the_sizes_does_not_matter():
    correct = models([0.40, 0.30, 0.20, 0.19, 0.18])
    order = [3, 0, 4, 2, 1]
    assert forecast.slope_per_doubling(SIZES[order], correct[order], at=SIZES[2]) == forecast.slope_per_doubling(
        SIZES, correct, at=SIZES[2]
    )


def test_one_size_has_no_slope():
    assert forecast.slope_per_doubling(SIZES[:1], models([0.2]), at=SIZES[0]) is None


def test_joint_resampling_makes_the_slope_surer_than_two_separate_samples_would():
    slope = forecast.slope_per_doubling(SIZES[:2], models([0.21, 0.20], rows=2_000), at=SIZES[0], resamples=500)
    separate = 2 * 1.96 * np.sqrt(2 * 0.2 * 0.8 / 2_000)
    assert slope.high - slope.low < separate / 3


def test_estimates_read_well():
    estimate = forecast.Estimate(0.0081, 0.0052, 0.011)
    assert estimate.points() == "+0.81 [+0.52, +1.10]"
    assert forecast.Estimate(0.812, 0.807, 0.818).percent() == "81.2 % [80.7, 81.8]"
