import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from pipelines.evaluation import metrics


@pytest.fixture
def scored():
    generator = np.random.default_rng(3)
    labels = generator.integers(0, 2, 700).astype(np.int8)
    # Rounded, so that there are ties.
    probabilities = np.round(1 / (1 + np.exp(-generator.normal(1.5 * (labels - 0.5)))), 2).astype(np.float32)
    return labels, probabilities


def test_values_are_those_of_scikit_learn(scored):
    labels, probabilities = scored
    found = metrics.evaluate(labels, probabilities, resamples=50)
    predicted = probabilities >= 0.5
    assert found["rows"] == 700
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, predicted))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found["auc"] == pytest.approx(roc_auc_score(labels, probabilities))
    assert found["log_loss"] == pytest.approx(log_loss(labels, probabilities.astype(float)), abs=1e-9)


def test_values_of_four_rows_are_those_worked_out_by_hand():
    found = metrics.evaluate(np.array([0, 0, 1, 1]), np.array([0.2, 0.6, 0.6, 0.9]), resamples=20)
    assert found["accuracy"] == 0.75
    assert found["auc"] == 0.875  # of four pairs three are in order and one is a tie
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["log_loss"] == pytest.approx(-np.log([0.8, 0.4, 0.6, 0.9]).mean())


def test_half_counts_as_positive():
    assert metrics.confusion(np.array([0, 1]), np.array([0.5, 0.5])).tolist() == [[0, 1], [0, 1]]


def test_interval_of_accuracy_has_the_width_of_the_binomial(scored):
    labels, probabilities = scored
    found = metrics.evaluate(labels, probabilities, resamples=1000)
    low, high = found["accuracy_interval"]
    expected = 2 * 1.96 * np.sqrt(found["accuracy"] * (1 - found["accuracy"]) / 700)
    assert low < found["accuracy"] < high
    assert high - low == pytest.approx(expected, rel=0.12)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(60):
        right = generator.random(300) < 0.8
        found = metrics.evaluate(np.ones(300), np.where(right, 0.9, 0.1), resamples=200, seed=seed)
        low, high = found["accuracy_interval"]
        covered += low <= 0.8 <= high
    assert 51 <= covered <= 60


@pytest.mark.parametrize(("rows", "low"), [(2, 0.342), (9, 0.701), (359, 0.989)])
def test_a_few_rows_that_are_all_right_leave_doubt(rows, low):
    labels = np.arange(rows) % 2
    found = metrics.evaluate(labels, 0.1 + 0.8 * labels, resamples=20)
    assert found["accuracy_interval"] == pytest.approx([low, 1], abs=1e-3)
    found = metrics.evaluate(labels, 0.9 - 0.8 * labels, resamples=20)
    assert found["accuracy_interval"] == pytest.approx([0, 1 - low], abs=1e-3)


def test_the_same_seed_gives_the_same_interval_and_another_seed_another(scored):
    first, again, other = (metrics.evaluate(*scored, resamples=30, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["log_loss_interval"] != other["log_loss_interval"]


def test_rows_of_one_user_widen_the_interval(scored):
    labels, probabilities = (np.repeat(values, 5) for values in scored)
    users = np.repeat(np.arange(700), 5)
    widths = []
    for groups in (None, users):
        low, high = metrics.evaluate(labels, probabilities, groups=groups, resamples=300)["accuracy_interval"]
        widths.append(high - low)
    # Five copies of each row tell nothing new: the interval must be that of 700 rows, √5 times as wide.
    assert widths[1] / widths[0] == pytest.approx(np.sqrt(5), rel=0.2)


def test_one_class_leaves_auc_undefined_and_says_so():
    found = metrics.evaluate(np.zeros(5), np.full(5, 0.3), resamples=10)
    assert found["auc"] is None
    assert found["auc_interval"] is None
    assert "both classes" in found["auc_reason"]
    assert found["accuracy"] == 1


def test_a_sure_mistake_costs_much_but_not_infinitely_much():
    assert metrics.evaluate(np.array([0, 1]), np.array([1.0, 0.0]), resamples=5)["log_loss"] == pytest.approx(
        16.118, 1e-3
    )


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [0.5], "one of each per row"),
        ([], [], "no rows"),
        ([0, 4], [0.5, 0.5], r"\[.*4.*\]"),
        ([0, 1], [0.5, np.nan], r"1 probabilities are not in .* row 1"),
        ([0, 1], [1.5, 0.5], "1.5 in row 0"),
    ],
)
def test_bad_input_is_refused_with_its_reason(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(np.array(labels), np.array(probabilities))


def test_groups_of_another_length_are_refused(scored):
    with pytest.raises(ValueError, match="3 groups for 700 rows"):
        metrics.evaluate(*scored, groups=np.arange(3))


def test_mcnemar_counts_only_rows_on_which_two_models_differ():
    first = np.array([True] * 90 + [True] * 9 + [False])
    second = np.array([True] * 90 + [False] * 9 + [True])
    found = metrics.mcnemar(first, second)
    assert (found["only_first_right"], found["only_second_right"]) == (9, 1)
    assert found["difference"] == pytest.approx(0.08)
    assert found["p_value"] == pytest.approx(22 / 1024)  # 2 × (1 + 10) / 2^10
    assert found["difference_interval"][0] > 0


def test_mcnemar_of_equal_models_finds_nothing():
    same = np.array([True, False, True])
    found = metrics.mcnemar(same, same)
    assert found["p_value"] == 1
    assert found["difference_interval"] == [0, 0]
