"""A look at unchanged rows ends steady, and one at changed rows names what changed."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from invented_rows import invented
from scipy import stats

from pipelines.operation import drift, look, traits, wording
from pipelines.operation.drift import compare
from pipelines.operation.judgement import LEVEL, RETRAIN, STEADY, WATCH


@pytest.fixture(scope="session")
def reference():
    return invented(1500, seed=0)


def stands(found):
    return {one.test for one in found.findings if one.stands}


def test_unchanged_rows_rarely_raise_an_alarm(reference):
    looks = [compare(reference, invented(300, seed=100 + seed), seed=seed, permutations=499) for seed in range(30)]
    alarms = sum(found.verdict != STEADY for found in looks)
    assert alarms <= stats.binom.ppf(0.999, len(looks), LEVEL)
    smallest = np.array([min(one.p_value for one in found.findings if one.test != "commoner words") for found in looks])
    assert np.median(smallest) < 0.2  # of a dozen tests one is always somewhat unlikely: they are awake


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"mention": 0.0}, {"mentions"}),
        (
            {"topic": 0.4},
            {"unknown words", "commoner words", "old or new, told by words", "words together", "sentence vectors"},
        ),
        ({"quality": 0.2}, {"accuracy", "calibration error"}),
    ],
)
def test_each_kind_of_change_is_found_by_the_tests_that_are_made_for_it(reference, change, expected):
    found = compare(reference, invented(600, seed=1, **change), seed=0)
    assert expected <= stands(found)
    # Of another topic the scores moved far, and 600 labels are too few to exclude a loss.
    assert found.verdict == (WATCH if "mention" in change else RETRAIN)


def test_new_words_are_named_with_their_shares(reference):
    new = invented(600, seed=1)
    words = [[*row, "goal"] if place % 3 == 0 else row for place, row in enumerate(new.words.to_pylist())]
    found = compare(reference, replace(new, words=pa.array(words)), seed=0)
    first = found.words.iloc[0]
    assert (first["word"], first["before"]) == ("goal", 0)
    assert first["now"] == pytest.approx(1 / 3, abs=0.01)
    assert "goal" in wording.words(found)


def test_of_a_log_of_scores_only_the_scores_are_compared(reference):
    new = traits.of_scores(np.sqrt(reference.probabilities[:500]))
    found = compare(reference, new, seed=0)
    assert [one.test for one in found.findings] == ["scores"]
    assert found.verdict != STEADY
    assert wording.vectors(found).endswith("the file holds no texts.")


def test_a_few_labels_are_no_ground_for_a_judgement(reference):
    new = invented(600, seed=1, quality=0)
    few = np.where(np.arange(600) < drift.LEAST_ROWS - 1, new.labels, traits.NO_LABEL)
    found = compare(reference, replace(new, labels=few.astype(np.int8)), seed=0)
    assert found.finding("accuracy") is None
    assert "too few labels" in wording.labels(found)
    assert look.record(found, {})["quality"] is None


def test_few_labels_do_not_quieten_scores_that_moved(reference):
    new = invented(600, seed=1)
    new = replace(new, probabilities=new.probabilities**4)
    few = np.where(np.arange(600) < 120, new.labels, traits.NO_LABEL).astype(np.int8)
    without, some = (
        compare(reference, new.without_labels(), seed=0),
        compare(reference, replace(new, labels=few), seed=0),
    )
    assert (without.verdict, some.verdict) == (RETRAIN, RETRAIN)
    assert some.least_change < -0.02
    assert wording.next_steps(some)[0] == wording.MORE_LABELS


def test_labelled_rows_that_were_drawn_apart_are_judged_and_compared_in_nothing_else(reference):
    new, labelled = invented(300, seed=1).without_labels(), invented(400, seed=2, mention=0.0, quality=0.2)
    found = compare(reference, new, labelled=labelled, seed=0)
    assert {"accuracy", "calibration error"} <= stands(found)
    assert "mentions" not in stands(found)
    assert found.rows == {"reference": 1500, "new": 300, "labelled": 400}


def test_with_labels_accuracy_and_calibration_have_intervals_and_rows(reference):
    found = compare(reference, invented(300, seed=1), seed=0, permutations=19)
    written = json.loads(json.dumps(look.record(found, {})))["quality"]
    assert [written[side]["rows"] for side in ("reference", "new")] == [1500, 300]
    for figure in ("accuracy", "calibration_error"):
        low, high = written["new"][f"{figure}_interval"]
        assert low <= written["new"][figure] <= high
        assert look.figures_of(found)[f"{figure}_high"] == high
        shown = f"{100 * written['new'][figure]:.1f} % [{100 * low:.1f}, {100 * high:.1f}] now"
        assert shown in wording.labels(found)
    assert "On 300 labelled rows" in wording.labels(found)


def test_the_same_look_again_says_the_same(reference):
    first, second = (compare(reference, invented(300, seed=1), seed=3, permutations=99) for _ in range(2))
    assert first.findings == second.findings


def test_no_more_than_the_most_rows_are_compared(reference, monkeypatch):
    monkeypatch.setattr(drift, "MOST_ROWS", 200)
    assert compare(reference, invented(300, seed=1), permutations=19).rows["new"] == 200


def test_too_few_rows_are_refused(reference):
    with pytest.raises(ValueError, match="99 new rows: a comparison needs 100"):
        compare(reference, invented(99, seed=1))


def test_the_words_of_a_verdict_name_what_stands_and_what_to_do(reference):
    found = compare(reference, invented(600, seed=1, mention=0.0).without_labels(), seed=0)
    said = wording.verdict(found)
    assert "Verdict: watch" in said
    assert "Mentions: changed" in said
    assert wording.BEFORE_LABELS in said
    assert wording.table(found).index[0] == "mentions"
    assert "Nothing" in wording.verdict(compare(reference, reference, permutations=19))
