import numpy as np
import pytest

from pipelines import calibrator
from pipelines.evaluation import calibration, calibration_wording, calibrators, metrics


@pytest.fixture
def honest():
    generator = np.random.default_rng(1)
    probabilities = generator.uniform(0.02, 0.98, 20_000)
    return (generator.random(20_000) < probabilities).astype(np.int8), probabilities


def tempered(probabilities, temperature):
    return calibrator.apply(probabilities, ((0, 0), (temperature, 1)))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(honest, temperature):
    labels, probabilities = honest
    (_, bias), (found, _) = calibrators.fit_temperature(labels, tempered(probabilities, 1 / temperature))
    assert found == pytest.approx(temperature, rel=0.05)
    assert bias == 0


def test_the_bias_that_was_put_in_is_found(honest):
    labels, probabilities = honest
    leaning = calibrator.apply(probabilities, ((0, 0.4), (2, 1.4)))
    (_, bias), (temperature, _) = calibrators.fit_platt(labels, leaning)
    assert temperature == pytest.approx(0.5, rel=0.05)
    assert bias == pytest.approx(-0.8, abs=0.05)


def test_calibration_takes_the_error_away_and_a_temperature_keeps_every_label(honest):
    labels, probabilities = honest
    too_sure = tempered(probabilities, 0.4)
    calibrated = calibrator.apply(too_sure, calibrators.fit_temperature(labels, too_sure))
    assert calibration.expected_calibration_error(labels, too_sure) > 0.08
    assert calibration.expected_calibration_error(labels, calibrated) < 0.015
    assert ((calibrated >= 0.5) == (too_sure >= 0.5)).all()


def test_an_isotonic_curve_mends_what_no_slope_can_and_keeps_the_order(honest):
    labels, probabilities = honest
    bent = calibrator.apply(probabilities, ((-1, -3), (0, 0), (3, 0.5)))
    fitted = {name: calibrator.apply(bent, fit(labels, bent)) for name, fit in calibrators.WAYS.items()}
    errors = {name: calibration.expected_calibration_error(labels, found) for name, found in fitted.items()}
    assert errors["isotonic"] < 0.01 < errors["platt"] < errors["temperature"]
    order = np.argsort(bent, kind="stable")
    assert (np.diff(fitted["isotonic"][order]) >= 0).all()
    assert len(np.unique(fitted["isotonic"])) > 0.98 * len(np.unique(bent))


def test_an_isotonic_curve_of_few_or_perfect_rows_stays_finite():
    for labels, probabilities in (([0, 1], [0.2, 0.7]), ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]), ([1, 0], [0.2, 0.7])):
        points = calibrators.fit_isotonic(np.array(labels), np.array(probabilities))
        assert np.isfinite(points).all()
        assert np.isfinite(calibrator.apply(np.array([0.0, 0.5, 1.0]), points)).all()


def test_the_error_of_a_model_that_is_always_wrong_by_a_tenth_is_a_tenth():
    labels = np.tile([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 90)
    assert calibration.expected_calibration_error(labels, np.full(900, 0.7), bins=3) == pytest.approx(0.1)


def test_certain_probabilities_survive():
    assert tempered(np.array([0.0, 1.0]), 2.0) == pytest.approx([0.0003162, 0.9996838], abs=1e-5)


@pytest.mark.parametrize("decimals", [1, 2, 7])
def test_an_isotonic_curve_rises_whatever_the_rows(decimals):
    for seed in range(60):
        draw = np.random.default_rng(seed)
        probabilities = draw.beta(0.4, 0.4, 150).round(decimals)
        labels = np.append(draw.random(148) < probabilities[:148], [0, 1])
        points = calibrators.fit_isotonic(labels, probabilities)
        assert (np.diff(points, axis=0) > 0).all()


def test_the_way_back_undoes_a_calibration(honest):
    points = ((-2.0, -1.0), (0.0, 0.3), (1.0, 2.0))
    back = calibrator.apply(calibrator.apply(honest[1], points), calibrator.inverse(points))
    np.testing.assert_allclose(back, honest[1], atol=1e-5)


def test_bins_hold_equally_many_rows_and_their_intervals_the_share(honest):
    table = calibration.reliability(*honest, bins=7)
    assert table["rows"].sum() == 20_000
    assert np.ptp(table["rows"]) <= 1
    assert ((table["low"] < table["share"]) & (table["share"] < table["high"])).all()
    assert len(calibration.reliability(np.array([0, 1]), np.array([0.2, 0.7]))["rows"]) == 2


def test_the_surest_rows_are_counted_first():
    table = calibration.coverage(np.array([1, 1, 0, 0]), np.array([0.99, 0.6, 0.55, 0.1]))
    assert table["share"].tolist() == [0.25, 0.5, 0.75, 1]
    assert table["accuracy"].tolist() == [1, 1, 1, 0.75]
    assert table["certainty"] == pytest.approx([0.99, 0.9, 0.6, 0.55])


@pytest.mark.parametrize("fit", calibrators.WAYS.values())
def test_calibration_needs_both_classes(fit):
    with pytest.raises(ValueError, match="both classes"):
        fit(np.ones(3), np.full(3, 0.4))


@pytest.mark.parametrize("points", [((0, 0),), ((0, 0), (0, 1)), ((0, 0), (1, -1)), ((0, 0), (1, 1), (2, 1))])
def test_a_calibration_must_rise(points):
    with pytest.raises(ValueError, match="rising"):
        calibrator.apply(np.array([0.4]), points)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_lies_within_its_wilson_interval_whatever_is_rounded(share):
    rows = np.arange(1, 3000)
    low, high = metrics.wilson(np.full(len(rows), share), rows)
    assert (low <= share).all()
    assert (high >= share).all()


def test_wilson_is_sound_at_the_edges():
    low, high = metrics.wilson(np.array([0.0, 1.0]), np.array([10, 10]))
    assert low[0] == 0
    assert high[1] == pytest.approx(1)
    assert high[0] == pytest.approx(0.2775, abs=1e-3)


@pytest.mark.parametrize("rows", [40, 150, 359])
def test_the_interval_holds_its_own_estimate_and_the_truth_of_an_honest_model(honest, rows):
    labels, probabilities = (column[:4_000].reshape(-1, 400)[:, :rows] for column in honest)
    for sample in zip(labels, probabilities, strict=True):
        low, high = calibration.error_interval(*sample, resamples=100)
        assert low <= calibration.expected_calibration_error(*sample) <= high
        assert low < 0.05  # the error is 0: what the estimate says above that is noise


def test_the_interval_of_the_error_allows_for_noise_and_holds_a_real_one(honest):
    labels, probabilities = honest
    few = slice(0, 359)
    assert calibration.expected_calibration_error(labels[few], probabilities[few]) > 0.03
    assert calibration.error_interval(labels[few], probabilities[few], resamples=200)[0] < 0.005
    too_sure = tempered(probabilities, 0.4)
    low, high = calibration.error_interval(labels, too_sure, resamples=200)
    assert 0.05 < low < calibration.expected_calibration_error(labels, too_sure) < high < 0.2


def test_ways_to_calibrate_are_judged_on_rows_they_were_not_fitted_on():
    random = np.random.default_rng(3)
    truth = random.uniform(0.02, 0.98, 4_000)
    labels = (random.random(4_000) < truth).astype(int)
    too_sure = tempered(truth, 0.4)
    found = calibrators.cross_validated(labels, too_sure)
    assert found["temperature"]["log_loss"] < metrics.losses(labels, too_sure).mean()
    assert found["temperature"]["expected_calibration_error"] < 0.03
    assert min(one["excess"] for one in found.values()) == 0
    # Nothing but sureness is amiss: what the others gain is noise.
    assert calibrators.chosen(found) == "temperature"
    assert calibrators.cross_validated(np.array([0, 1, 1]), np.array([0.2, 0.6, 0.7])) == {}


@pytest.mark.parametrize(("amiss", "way"), [(((0, 1), (1, 2)), "platt"), (((-1, -3), (0, 0), (3, 0.5)), "isotonic")])
def test_the_way_that_validates_better_is_chosen_and_said(honest, amiss, way):
    labels, probabilities = honest
    found = calibrators.cross_validated(labels, calibrator.apply(probabilities, amiss))
    assert calibrators.chosen(found) == way
    assert f"**{way}**" in calibration_wording.ways_to_calibrate(found, way)


def test_without_enough_rows_to_compare_a_temperature_is_taken_and_said():
    assert calibrators.chosen({}) == "temperature"
    assert "Too few validation rows" in calibration_wording.ways_to_calibrate({}, "temperature")
