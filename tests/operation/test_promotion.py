"""The rule by which a challenger takes the champion's place."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines import artifacts
from pipelines.operation import contest
from pipelines.operation.promotion import NEW, OLD, Asked, decide, gain, words


def asked(rows, *, gained=0, lost=0, slices=None):
    """Rows that both have right, but for `gained` that only the challenger has and `lost` that it alone has not."""
    champion, challenger = np.ones(rows, bool), np.ones(rows, bool)
    champion[:gained] = False
    challenger[gained : gained + lost] = False
    return Asked(champion, challenger, slices or {})


def mask(rows, *, start, end):
    found = np.zeros(rows, bool)
    found[start:end] = True
    return found


def test_what_is_surely_better_on_new_rows_and_no_worse_on_old_ones_is_promoted():
    found = decide({OLD: asked(50_000, gained=1_000, lost=800), NEW: asked(5_000, gained=500, lost=100)})
    assert found.promote
    assert found.reasons == []
    assert "promote it" in words(found)


@pytest.mark.parametrize("where", [OLD, NEW])
def test_either_side_can_speak_against_it(where):
    tests = {OLD: asked(50_000, gained=1_000, lost=500), NEW: asked(50_000, gained=1_000, lost=500)}
    found = decide(tests | {where: asked(50_000, gained=500, lost=1_000)})
    assert not found.promote
    assert len(found.reasons) == 1
    assert found.reasons[0].startswith(where)
    assert found.reasons[0].endswith("worse")
    assert "The champion stays" in words(found)


def test_a_gain_that_may_be_a_loss_is_not_enough_and_the_rows_that_would_tell_are_named():
    found = decide({OLD: asked(50_000, gained=1_000, lost=700), NEW: asked(400, gained=30, lost=26)})
    assert not found.promote
    assert "a loss of more than 0.2 points is not excluded; with" in found.reasons[0]
    assert "times as many rows" in found.reasons[0]


def test_a_loss_of_exactly_so_much_is_not_more():
    # Of 1,000 rows on which they never differ: the interval of the difference is [-0.2, 0.2] points.
    found = decide({NEW: asked(1_000, gained=0, lost=0)})
    assert round(found.gains[0].low, 12) == -0.002
    assert found.promote


def test_the_named_number_of_rows_would_do():
    few = decide({NEW: asked(400, gained=30, lost=26)})
    times = float(few.reasons[0].split("with ")[1].split()[0])
    rows = int(400 * times * 1.05)
    assert decide({NEW: asked(rows, gained=rows * 30 // 400, lost=rows * 26 // 400)}).promote


@pytest.mark.parametrize(("lost", "promoted"), [(10, True), (11, False)])
def test_a_slice_may_fall_by_two_points_and_no_more(lost, promoted):
    rows = 20_000
    slices = {"with URL": mask(rows, start=1_000 - lost, end=1_500 - lost)}  # the lost ones first
    one = asked(rows, gained=1_000 - lost, lost=lost, slices=slices)
    found = decide({OLD: asked(50_000, gained=1_000, lost=500), NEW: one})
    assert found.slices[0].rows == 500
    assert found.promote is promoted
    assert promoted or "with URL (500)" in found.reasons[0]


def test_the_slices_are_the_kinds_of_text_of_the_evaluation(data_folder, monkeypatch):
    run = artifacts.Dataset("invented").run("10")
    run.folder.mkdir(parents=True)
    run.vocabulary.write_text("\n[UNK]\nday\n", encoding="utf-8")
    run.dataset.splits.mkdir(parents=True)
    split = pa.table({"text": ["day day", "hm?"], "date": pa.array([3600, None], pa.timestamp("s"))})
    pq.write_table(split, run.dataset.split("test"))
    monkeypatch.setattr(contest, "_right", lambda split, folder: np.array([True, False]))
    found = contest.tests(run, None)[OLD].slices
    for name in ("without question", "all tokens known", "00 to 06 h UTC", "begins with “day”"):
        assert found[name].tolist() == [True, False], name


def test_a_slice_of_fewer_rows_decides_nothing():
    rows = 20_000
    slices = {"small": mask(rows, start=1_000, end=1_499), "none": np.zeros(rows, bool)}
    found = decide({NEW: asked(rows, gained=1_000, lost=300, slices=slices)})
    assert found.promote
    assert [one.where for one in found.slices] == [f"{NEW}, small"]


def test_few_rows_on_which_the_models_never_differ_prove_nothing():
    assert not decide({NEW: asked(100)}).promote
    assert decide({NEW: asked(2_000)}).promote


def test_the_interval_is_near_that_of_agresti_and_min():
    rows, gained, lost = 300, 20, 8
    one = asked(rows, gained=gained, lost=lost)
    found = gain("rows", one.champion, one.challenger, resamples=50_000, seed=1)
    middle = (gained - lost) / (rows + 2)
    half = 1.96 * np.sqrt(gained + lost + 1 - (gained - lost) ** 2 / (rows + 2)) / (rows + 2)
    assert found.difference == pytest.approx(12 / 300)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=0.004)


def test_intervals_hold_the_truth_as_often_as_they_say():
    generator, held = np.random.default_rng(0), 0
    for seed in range(400):
        drawn = generator.choice(3, size=800, p=(0.06, 0.04, 0.9))
        found = gain("rows", drawn != 0, drawn != 1, resamples=500, seed=seed)
        held += found.low <= 0.02 <= found.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_the_same_rows_and_seed_decide_alike():
    tests = {OLD: asked(900, gained=30, lost=25), NEW: asked(700, gained=50, lost=5)}
    assert decide(tests, seed=3) == decide(tests, seed=3)


@pytest.mark.parametrize("rows", [0, 3])
def test_models_that_were_asked_other_rows_cannot_be_compared(rows):
    with pytest.raises(ValueError, match="both models must be asked the same rows"):
        decide({OLD: Asked(np.ones(rows, bool), np.ones(0, bool))})
