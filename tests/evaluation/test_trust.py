"""What an evaluation is trusted for: users, seeds, other test sets, wrong labels, thresholds, kinds of mistakes."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipelines import artifacts
from pipelines.evaluation import (
    baselines,
    calibration,
    calibration_wording,
    ceiling,
    errors,
    findings,
    kinds,
    report,
    siblings,
    slices,
    wording,
)
from pipelines.evaluation.ceiling import WrongLabels
from pipelines.evaluation.results import Scores


def test_repeated_rows_of_users_widen_the_interval_and_unknown_users_do_not():
    generator = np.random.default_rng(2)
    labels = np.repeat(generator.integers(0, 2, 300), 4)
    found = Scores(np.arange(1200), labels, np.repeat(generator.random(300), 4))
    names = np.array([f"user{number // 4}" for number in range(1200)], object)
    rowwise = report.evaluated({"test": found}, resamples=300, seed=1)["test"]["accuracy_interval"]
    clustered = siblings.clustered(found, names, resamples=300, seed=1)
    assert (clustered["rows_with_user"], clustered["users"]) == (1200, 300)
    assert np.diff(clustered["accuracy_interval"]) > 1.5 * np.diff(rowwise)
    assert siblings.clustered(found, np.full(1200, None, object), resamples=300, seed=1) is None


def test_rows_of_unknown_users_are_clusters_of_their_own():
    found = siblings.clusters(np.array(["a", None, "a", None, "b"], object))
    assert found[0] == found[2]
    assert len(set(found)) == 4


def test_spread_over_seeds_is_that_of_the_sample():
    found = siblings.spread([0.80, 0.81, 0.83])
    assert found["n"] == 3
    assert found["mean"] == pytest.approx(0.8133, abs=1e-4)
    assert found["standard_deviation"] == pytest.approx(0.015275, abs=1e-6)
    assert siblings.spread([0.8])["standard_deviation"] is None


def test_runs_of_other_seeds_are_found_and_runs_of_other_parameters_are_not(dataset):
    for name, seed in (("50", 1), ("50_seed-2", 2), ("50_seed-3_units-8", 3), ("100_seed-2", 2)):
        artifacts.write_json(dataset.run(name).metrics, {"seed": seed, "parameters": {"seed": seed}})
    for name, others in (("50", {2}), ("50_seed-2", {1}), ("50_seed-9_units-8", {3})):
        assert set(siblings.seeds(dataset.run(name), {"seed": 9})[0]) == others


def test_a_sibling_from_before_a_default_was_changed_is_left_out_in_words(dataset):
    own = {"seed": 1, "dense_units": 128, "epochs": 4}
    for run in (dataset.run("50_seed-2"), dataset.run("50_seed-3"), artifacts.Dataset("invented-later").run("50")):
        old = {"dense_units": 64} if run.name != "50_seed-3" else {}
        seed = int(run.name[-1]) if "seed" in run.name else 1
        artifacts.write_json(run.metrics, {"seed": seed, "parameters": own | old | {"seed": seed}})
    # Another number of rows has another number of epochs: of other test rows that is no reason.
    artifacts.write_json(artifacts.Dataset("invented-users").run("50").metrics, {"parameters": own | {"epochs": 5}})
    found, left_out = siblings.seeds(dataset.run("50"), own)
    assert (set(found), left_out) == ({3}, {"50_seed-2": {"dense_units": [128, 64]}})
    assert "`50_seed-2` (dense_units 64, here 128)" in wording.left_out(left_out)
    found, left_out = siblings.held_out(dataset.run("50"), own)
    assert (set(found), set(left_out)) == ({"users"}, {"later"})
    assert wording.left_out({}) == ""


def test_finished_siblings_stand_beside_the_run_with_a_tfidf_of_their_own(dataset):
    own = {name: {"rows": 9, "accuracy": 0.8, "accuracy_interval": [0.7, 0.9]} for name in ("test", "manual")}
    other = {"rows": 5, "accuracy": 0.6, "accuracy_interval": [0.5, 0.7]}
    result = {"splits": {"test": other}, "baselines": {baselines.TFIDF: {"test": other | {"accuracy": 0.55}}}}
    result["clustered"] = {"rows": 5, "users": 2, "accuracy_interval": [0.4, 0.8]}
    result["clustered_tfidf"] = {"rows": 5, "users": 2, "accuracy_interval": [0.3, 0.7]}
    artifacts.write_json(artifacts.Dataset("invented-users").run("50").metrics, result)
    others, _ = siblings.held_out(dataset.run("50"), {})
    assert list(others) == ["users"]
    scored = Scores(np.arange(4), np.array([0, 1, 0, 1]), np.full(4, 0.9))
    nobody = np.full(4, None, object)
    sets = siblings.own_sets(
        own, own, test=(scored, scored), whole=(None, None), names=nobody, chosen=np.zeros(4, bool)
    )
    model, tfidf = siblings.side_by_side(sets, others)
    assert list(model) == list(tfidf) == ["test", "by hand", "other users"]
    assert model["other users"]["accuracy_interval"] == [0.4, 0.8]
    assert (tfidf["other users"]["accuracy"], tfidf["other users"]["accuracy_interval"]) == (0.55, [0.3, 0.7])
    sentence = findings.test_sets(model, run=dataset.run("50_units-8"), missing=["later"], impossible=["users"])
    assert "other users: -20.0 points" in sentence
    assert '`make holdouts DATASET=invented SIZE=50 PARAMS="units=8"`' in sentence


def test_users_not_known_to_be_in_training_are_drawn_whole_for_both_models():
    generator, rows = np.random.default_rng(5), 600
    right = np.repeat(generator.random(rows // 6) < 0.7, 6)  # of a user all six or none
    scored = Scores(np.arange(rows), np.ones(rows, int), np.where(right, 0.9, 0.1))
    names = np.repeat([f"user{number}" for number in range(rows // 6)], 6).astype(object)
    figures = report.evaluated({"test": scored}, resamples=200)
    whole = siblings.clustered(scored, names, resamples=200)
    sets = siblings.own_sets(
        figures,
        figures,
        test=(scored, scored),
        whole=(whole, whole),
        names=names,
        chosen=np.arange(rows) < 300,
        resamples=200,
    )
    for name, rowwise in (("test", 1.0), (siblings.NEW_USERS, 1.4)):
        for found in sets[name]:
            assert np.diff(found["accuracy_interval"]) > 1.5 * rowwise * np.diff(figures["test"]["accuracy_interval"])


def test_the_distance_of_two_test_sets_has_the_luck_of_both(dataset):
    generator, rows = np.random.default_rng(3), 2_000

    def figures(right):
        edges = np.percentile(generator.binomial(len(right), right.mean(), 4_000) / len(right), (2.5, 97.5))
        return {"rows": len(right), "accuracy": right.mean(), "accuracy_interval": edges.tolist()}

    random, other = np.arange(rows) < 0.8 * rows, np.arange(rows) < 0.7 * rows
    part = np.r_[np.ones(700, bool), np.zeros(300, bool)]  # a half of the random rows
    sets = {"test": figures(random), "other users": figures(other), siblings.NEW_USERS: figures(part)}
    sentence = findings.test_sets(sets, run=dataset.run("50"), missing=[], impossible=[])
    found = {name: (float(low), float(high)) for name, low, high in re.findall(r"- (.+): .+ \[(.+), (.+)\]", sentence)}
    # By hand: 1.96 · √(0.8 · 0.2 / 2000 + 0.7 · 0.3 / 2000), and 1.96 · √(0.7 · 0.3 / 1000 − 0.8 · 0.2 / 2000)
    assert found["other users"] == pytest.approx((-12.67, -7.33), abs=0.25)
    assert found[siblings.NEW_USERS] == pytest.approx((-12.23, -7.77), abs=0.25)


def test_confident_learning_finds_the_share_of_labels_that_was_turned():
    generator = np.random.default_rng(4)
    truth = generator.integers(0, 2, 20_000)
    turned = generator.random(20_000) < 0.1
    probabilities = np.clip(0.5 + (truth - 0.5) * 0.9 + generator.normal(0, 0.03, 20_000), 0.01, 0.99)
    found = ceiling.from_confident_learning(np.where(turned, 1 - truth, truth), probabilities, resamples=50)
    assert found.value == pytest.approx(0.1, abs=0.01)
    assert found.low < found.value < found.high


def test_the_confident_joint_of_six_rows_is_the_one_worked_out_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1])
    probabilities = np.array([0.1, 0.1, 0.9, 0.9, 0.9, 0.3])
    # Thresholds: 0.633 for negative, 0.7 for positive; each side has two rows that agree and one that contradicts.
    joint = ceiling.confident_joint(labels, probabilities, np.ones(6))
    assert joint == pytest.approx(np.array([[2, 1], [1, 2]]) / 6)
    assert ceiling.wrong_share(joint) == pytest.approx(1 / 3)


def test_wrong_labels_follow_from_accuracy_by_hand_and_by_rule():
    by_hand, by_rule = np.arange(10_000) < 9_000, np.arange(10_000) < 8_200
    found = ceiling.from_hand_labels(by_hand, by_rule)
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high
    assert found.rows == 10_000
    assert ceiling.from_hand_labels(np.arange(100) < 52, by_rule) is None


def test_out_of_fold_probabilities_are_no_memory(dataset):
    labels, probabilities = ceiling.out_of_fold(dataset.split("train"), rows=300, seed=1)
    assert len(labels) == len(probabilities) == 300
    assert ((probabilities >= 0.5) == labels).mean() > 0.8


def test_repeats_that_are_not_counted_give_no_estimate():
    assert ceiling.from_repeats({}) is None
    found = {"rows": 40, "rate": 0.1, "low": 0.05, "high": 0.2}
    assert ceiling.from_repeats({"repeats": found}) == WrongLabels(0.1, 0.05, 0.2, rows=40)


def test_the_ceiling_is_told_with_the_distance_and_its_doubt():
    shares = {"a": 0.02, "b": 0.1, "c": -0.1}
    wrong = {name: WrongLabels(share, share - 0.01, share + 0.02, rows=1_200) for name, share in shares.items()}
    sentence = wording.ceiling(0.8, wrong)
    assert "98.0 % [96.0, 99.0] (a, 1,200 rows), 90.0 % [88.0, 91.0] (b, 1,200 rows)." in sentence
    assert "10 to 18 points below" in sentence
    assert "0 or below (c)" in sentence
    assert wording.ceiling(0.8, {"c": wrong["c"]}).startswith("A share of 0 or below (c)")
    assert "Nothing here" in wording.ceiling(0.8, {})


@pytest.mark.parametrize(
    ("accuracy", "intervals", "told"),
    [
        (0.8, {"a": (0.05, 0.04, 0.06), "b": (0.1, 0.09, 0.11)}, "further than their intervals say"),
        (0.8, {"a": (0.05, 0.04, 0.1), "b": (0.1, 0.09, 0.11)}, "their intervals overlap"),
        (0.92, {"a": (0.05, 0.04, 0.06), "b": (0.1, 0.09, 0.11)}, "is up to 3 points below"),
        (0.99, {"a": (0.05, 0.04, 0.06), "b": (0.1, 0.09, 0.11)}, "is above that already"),
        (0.90, {"a": (0.05, 0.04, 0.06)}, "is 5 points below. One estimate alone"),
    ],
)
def test_the_ceiling_says_what_these_estimates_allow(accuracy, intervals, told):
    wrong = {name: WrongLabels(*edges, rows=100) for name, edges in intervals.items()}
    assert told in wording.ceiling(accuracy, wrong)


def test_the_threshold_is_the_least_certainty_that_keeps_the_target():
    labels, probabilities = np.array([1, 1, 0, 1, 0]), np.array([0.9, 0.8, 0.3, 0.4, 0.45])
    assert calibration.sure_enough(labels, probabilities, target=0.95) == 0.7
    assert calibration.sure_enough(1 - labels, probabilities, target=0.95) is None
    # Of two rows of equal certainty one is wrong: the threshold cannot pass between them.
    assert calibration.sure_enough(np.array([1, 1, 0]), np.array([0.9, 0.8, 0.8]), target=0.95) == 0.9


def test_what_a_threshold_gives_has_its_rows_and_intervals():
    found = calibration.surest(np.array([1, 1, 0, 1]), np.array([0.9, 0.8, 0.8, 0.4]), certainty=0.8)
    assert (found["rows"], found["of_rows"], found["share"]) == (3, 4, 0.75)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["accuracy_interval"][0] < 2 / 3 < found["accuracy_interval"][1]
    empty = calibration.surest(np.array([1]), np.array([0.6]), certainty=0.9)
    assert (empty["rows"], empty["accuracy"]) == (0, None)
    sides = {"validation": found, "test": empty}
    assert "no test row passes" in calibration_wording.sure_enough({"target": 0.95, "certainty": 0.9, **sides})
    said = calibration_wording.sure_enough({"target": 0.95, "certainty": 0.9, "validation": found, "test": found})
    assert "where 75.0 % [30.1, 95.4] of 4 rows pass. On test 75.0 % [30.1, 95.4] of rows pass (3)" in said
    assert "no threshold" in calibration_wording.sure_enough({"target": 0.95, "certainty": None})


def test_many_kinds_that_do_not_differ_are_not_called_different_and_one_that_does_is():
    generator = np.random.default_rng(6)
    right = generator.random(4_000) < 0.8
    right[:200] = generator.random(200) < 0.5
    masks = {"bad": np.arange(4_000) < 200} | {str(n): generator.random(4_000) < 0.2 for n in range(40)}
    lines = [{"slice": name, "rows": int(m.sum()), "accuracy": float(right[m].mean())} for name, m in masks.items()]
    lines.append({"slice": "few", "rows": 3, "accuracy": 0.0})
    tested = slices.tested(pd.DataFrame(lines), overall=float(right.mean()), rows=4_000, least_rows=100)
    assert tested["slice"][0] == "bad"
    assert tested.loc[tested["p_adjusted"] < 0.05, "slice"].to_list() == ["bad"]
    assert "few" not in set(tested["slice"])
    assert "41 kinds" in findings.slices(tested, least_rows=100)


def test_emoticons_and_emoji_are_told_from_addresses():
    texts = pa.array(["well :)", "see http://a.b", "i &lt;3 it", "love \N{BLACK HEART SUIT}", "8:30 train"])
    found = slices.masks(texts)
    assert np.flatnonzero(found["with emoticon"]).tolist() == [0, 2]
    assert np.flatnonzero(found["with emoji"]).tolist() == [3]


def test_further_kinds_come_from_vocabulary_hour_and_first_word():
    texts = pa.array(["I like it", "i zzz", "zzz zzz"])
    shares = kinds.unknown_shares(texts, ["", "[UNK]", "i", "like", "it"])
    assert shares.tolist() == [0, 0.5, 1]
    assert kinds.by_unknown(shares)["all tokens known"].tolist() == [True, False, False]
    hours = kinds.by_hour(pa.array([0, 13 * 3600, None], pa.timestamp("s")))
    assert hours["12 to 18 h UTC"].tolist() == [False, True, False]
    assert sum(mask.sum() for mask in hours.values()) == 2
    assert kinds.by_first_word(texts, count=1)["begins with “i”"].tolist() == [True, True, False]


def test_sure_mistakes_are_grouped_once_and_masked(dataset):
    baseline = baselines.fit(dataset.split("train"), rows=400)
    texts = pa.array(["@anna so happy today, what a lovely day", "no not never for you", "hm", "so sad today"])
    labels, probabilities = np.array([0, 1, 1, 0]), np.array([0.99, 0.02, 0.05, 0.01])
    found = errors.grouped(texts, labels, probabilities, baseline).set_index("group")
    assert found["rows"].sum() == 3
    assert found.loc["TF-IDF is sure of the opposite, too", "example"].startswith("@user so happy")
    assert found.loc["too short: 3 words or fewer", "rows"] == 1
    assert ((found["low"] < found["share"]) & (found["share"] < found["high"])).all()
    sure = errors.sure(found.reset_index(), wrong=6)
    assert (sure["rows"], sure["share"]) == (3, 0.5)
    assert "3 of 6 mistakes, 50.0 % [18.8, 81.2]" in findings.mistakes(sure)
    none = errors.grouped(texts, labels, np.array([0.1, 0.9, 0.9, 0.1]), baseline)
    assert "None of the 0" in findings.mistakes(errors.sure(none, wrong=0))


@pytest.mark.parametrize(
    ("agreeing", "told"),
    [(100, "says nothing of the labels"), (60, "speaks against the labels"), (0, "speaks against the labels")],
)
def test_what_tfidf_says_of_sure_mistakes_is_held_against_what_it_says_where_the_network_is_right(agreeing, told):
    labels = np.ones(110)
    probabilities = np.r_[np.full(100, 0.95), np.full(10, 0.6)]  # ten are right, and not surely
    tfidf = np.r_[np.full(agreeing, 0.7), np.full(110 - agreeing, 0.3)]
    usual = errors.usual_agreement(labels, probabilities, tfidf)
    assert (usual["right_rows"], usual["tfidf_agrees_where_right"]) == (100, agreeing / 100)
    sure = {"certainty": 0.9, "rows": 40, "wrong_rows": 400, "share": 0.1, "share_interval": [0.08, 0.13]}
    sure |= {"tfidf_agrees": 0.95, "tfidf_agrees_interval": [0.84, 0.99]} | usual
    assert told in findings.mistakes(sure)


def test_with_and_without_something_are_one_comparison():
    kinds = ["with mention", "without mention", "1 to 5 words", "without URL"]
    table = pd.DataFrame({"slice": kinds, "p_adjusted": [0.01, 0.01, 0.2, 0.03], "worse": [False, True, False, True]})
    told = findings.slices(table, least_rows=100)
    assert "4 kinds with 100 rows or more were looked at, in 3 comparisons" in told
    assert "2 of the comparisons show a difference, and 2 kinds are surely harder" in told


def test_drawing_users_tells_nothing_where_hardly_any_row_shares_one():
    names = np.array(["a", "a", "b", None] + [None] * 96, object)
    scores = Scores(np.arange(100), np.tile([0, 1], 50).astype(np.int8), np.tile([0.2, 0.8], 50))
    found = siblings.clustered(scores, names, resamples=20, seed=0)
    assert (found["rows_with_user"], found["users"], found["rows_sharing_a_user"]) == (3, 2, 2)
    figures = {"accuracy": 1.0, "accuracy_interval": [1.0, 1.0]}
    assert "cannot tell" in findings.clusters(figures, found)
    assert "cannot tell" not in findings.clusters(figures, found | {"rows_sharing_a_user": 50})


def test_the_surest_mistakes_of_each_label_come_first_with_names_masked():
    texts = pa.array(["@anna_b sad", "fine, mail me@home.org", "ok", "good"])
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([0.9, 0.02, 0.6, 0.8])
    found = errors.surest(texts, labels, probabilities, count=5)
    assert found["text"].to_list() == ["fine, mail @user", "@user sad", "ok"]
    assert found["label"].to_list() == ["positive", "negative", "negative"]
    assert errors.surest(texts, labels, probabilities, count=1)["text"].to_list() == found["text"].to_list()[:2]
    assert errors.surest(texts, labels, np.array([0.1, 0.9, 0.1, 0.9]), count=5).empty


def test_figures_of_all_kinds_reach_mlflow_with_their_rows():
    figures = {"rows": 5, "accuracy": 0.6, "accuracy_interval": [0.5, 0.7]}
    result = {"splits": {"test": figures}, "baselines": {}, "seeds": {"n": 2, "mean": 0.6}}
    result["test_sets"] = {"model": {"later in time": figures}, baselines.TFIDF: {"later in time": figures}}
    result["clustered"] = {"users": 3, "rows_with_user": 4, "accuracy_interval": [0.4, 0.8]}
    result["wrong_labels"] = {"hand labels": {"value": 0.1, "low": 0.0, "high": 0.2, "rows": 7}}
    result["calibration"] = {"expected_calibration_error": 0.02, "expected_calibration_error_interval": [0.01, 0.03]}
    result["sure_mistakes"] = {"share": 0.3, "share_interval": [0.2, 0.4]}
    result["test_sets"]["model"][siblings.NEW_USERS] = figures
    found = report.flat(result)
    # By the name that it has in the kept records, which new runs are compared with.
    assert found["on_test_by_users_not_seen_in_training_accuracy"] == 0.6
    assert found["on_later_in_time_rows"] == 5
    assert found["on_later_in_time_tfidf_accuracy"] == 0.6
    assert found["test_accuracy_clustered_low"] == 0.4
    assert found["wrong_labels_hand_labels_high"] == 0.2
    assert found["wrong_labels_hand_labels_rows"] == 7
    assert found["test_expected_calibration_error_high"] == 0.03
    assert found["sure_mistakes_share_low"] == 0.2
    assert found["seeds_n"] == 2


def test_too_few_rows_of_a_class_leave_no_estimate_by_confident_learning(dataset):
    assert ceiling.out_of_fold(dataset.split("train"), rows=4, seed=1) is None
