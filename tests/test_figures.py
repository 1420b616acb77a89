import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from pipelines import figures
from pipelines.evaluation import calibration
from pipelines.figures import drift, evaluation, scores, training


@pytest.fixture(autouse=True)
def drawn():
    mpl.use("agg")
    with mpl.rc_context():
        figures.style()
        yield
    plt.close("all")


@pytest.fixture
def history():
    columns = {"epoch": [1, 2, 3], "loss": [0.6, 0.5, 0.4], "accuracy": [0.7, 0.8, 0.9]}
    return pd.DataFrame({**columns, "validation_loss": [0.55, 0.5, 0.52], "validation_accuracy": [0.75, 0.79, 0.78]})


def texts_of(axes):
    return " ".join(text.get_text() for text in axes.texts)


def test_a_figure_is_saved_whole_as_png(tmp_path):
    figure, _ = plt.subplots()
    figures.save(figure, tmp_path / "deep" / "figure.png")
    assert (tmp_path / "deep" / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["figure.png"]
    with pytest.raises(ValueError, match=r"must end in \.png"):
        figures.save(figure, tmp_path / "figure.jpg")


def test_training_is_dashed_validation_solid_and_the_best_epoch_marked(history):
    losses, accuracies = training.learning_curves(history, baselines={"TF-IDF": 0.77}).axes
    lines = {line.get_label(): line for line in losses.lines}
    assert lines["training (with dropout)"].get_linestyle() == "--"
    assert lines["validation"].get_linestyle() == "-"
    assert lines["best epoch, kept"].get_xdata().tolist() == [2]
    assert "TF-IDF" in texts_of(accuracies)


def test_a_baseline_far_below_is_a_note_and_does_not_flatten_the_curves(history):
    axes = training.learning_curves(history, baselines={"majority": 0.2}).axes[1]
    assert "below this axis" in texts_of(axes)
    assert axes.get_ylim()[0] > 60


def test_one_epoch_can_be_drawn(history):
    assert training.learning_curves(history.head(1)).axes[0].get_xlim() == (0.5, 1.5)


def test_sizes_stand_on_a_logarithmic_axis_with_their_own_ticks():
    lines = [
        (rows, name, 0.8, 0.79, 0.81) for rows in (12_500, 50_000) for name in ("training", "validation", "baseline")
    ]
    curve = pd.DataFrame(lines, columns=["rows", "name", "accuracy", "low", "high"])
    law = pd.DataFrame({"rows": [12_500, 200_000], "accuracy": [0.8, 0.82], "low": [0.79, 0.81], "high": [0.81, 0.83]})
    axes = evaluation.accuracy_over_sizes(curve, majority=0.5, law=law).axes[0]
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["12.5k", "50k", "200k"]
    assert "majority class, 50.0 %" in texts_of(axes)
    assert len(evaluation.accuracy_over_sizes(curve.head(2)).axes[0].containers) == 2


def test_models_are_compared_split_by_split_with_their_numbers():
    lines = [(split, model, 100, 0.8, 0.75, 0.85) for split in ("test", "manual") for model in ("this model", "other")]
    columns = ["split", "model", "rows", "accuracy", "accuracy_low", "accuracy_high"]
    figure = evaluation.comparison(pd.DataFrame(lines, columns=columns))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["test, 100 rows", "manual, 100 rows"]
    assert texts_of(figure.axes[0]) == "80.0 80.0"


def test_slices_that_are_surely_worse_stand_out():
    columns = {"slice": ["a", "b"], "rows": [10, 20], "accuracy": [0.5, 0.8], "low": [0.4, 0.7], "high": [0.6, 0.9]}
    columns["worse"] = [True, False]
    axes = evaluation.slices(pd.DataFrame(columns), overall=0.75).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["b  (20)", "a  (10)"]
    blue = [line for line in axes.lines if line.get_color() == figures.MODEL]
    assert np.concatenate([line.get_xdata() for line in blue]).tolist()[0] == 50


def test_the_confusion_matrix_shows_rows_and_shares():
    axes = scores.confusion_matrix(np.array([[900, 100], [0, 0]])).axes[0]
    assert "900\n90.0 %" in texts_of(axes)
    assert "0\n0.0 %" in texts_of(axes)


def test_scores_can_be_drawn_however_few():
    labels, probabilities = np.array([0, 1]), np.array([0.2, 0.9])
    table = calibration.reliability(labels, probabilities)
    assert scores.reliability(table, table).axes[0].get_xlim() == (-2, 102)
    assert scores.probabilities_by_class(labels, probabilities).axes
    table, given = calibration.coverage(labels, probabilities), {"rows": 1, "share": 0.5, "accuracy": 0.94}
    told = "threshold from validation:\nright 94.0 % of the time\non 50 % of rows"
    assert told in texts_of(scores.coverage(table, given=given).axes[0])
    assert not scores.coverage(table, given={"rows": 0, "share": 0.0, "accuracy": None}).axes[0].texts


@pytest.fixture
def two_sides():
    generator = np.random.default_rng(0)
    return generator.beta(1, 1, 300), generator.beta(2, 1, 200)


def test_new_rows_are_drawn_beside_the_reference_with_their_number(two_sides):
    left, right = drift.scores(*two_sides).axes
    names = [text.get_text() for text in left.get_legend().get_texts()]
    assert names == ["reference, 300 rows", "new, 200 rows"]
    assert [line.get_ydata()[-1] for line in right.lines] == [100, 100]
    assert drift.lengths(np.arange(300) % 20, np.arange(200) % 30).axes[0].get_xlabel() == "length (tokens)"


def test_tests_stand_in_order_and_none_falls_off_the_axis():
    axes = drift.tests(["a", "b", "c"], np.array([1.0, 0.0, 0.2]), level=0.01).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["a", "c", "b"]
    shown = axes.collections[-1].get_offsets()
    assert shown[:, 0].min() >= axes.get_xlim()[0]


def test_marks_words_null_and_quality_can_be_drawn_whatever_there_is(two_sides):
    yes, no = np.arange(300) % 2 == 0, np.zeros(200, bool)
    assert drift.marks({"mentions": yes}, {"mentions": no}).axes[0].get_xlim()[0] == 0
    columns = ["word", "before", "now", "p_value"]
    assert "no word" in texts_of(drift.words(pd.DataFrame([], columns=columns)).axes[0])
    table = pd.DataFrame([("goal", 0.0, 0.2, 0.001), ("match", 0.1, 0.3, 0.002)], columns=columns)
    axes = drift.words(table).axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["match", "goal"]
    assert drift.null(0.003, two_sides[0] / 1000).axes[0].lines[0].get_xdata()[0] == pytest.approx(3)
    sides = [
        {"right": right, "reliability": calibration.reliability((scores > 0.4).astype(int), scores, bins=5)}
        for right, scores in zip((yes, ~no), two_sides, strict=True)
    ]
    assert texts_of(drift.quality(*sides).axes[0]) == "50.0 100.0"
