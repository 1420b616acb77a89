import numpy as np
import pytest

from pipelines.dataset import holdouts
from pipelines.dataset.provenance import SourceError
from pipelines.dataset.splitting import SPLITS

TRAIN, VALIDATION, TEST = range(3)
NAN = float("nan")


@pytest.fixture
def twenty_days():
    """100 rows a day, more of them positive every day: labels and seconds."""
    day = np.repeat(np.arange(20), 100)
    labels = (np.tile(np.arange(100), 20) < 40 + day).astype(np.int8)
    return labels, day * holdouts.DAY + np.tile(np.arange(100), 20) * 60.0


def test_a_row_without_a_date_is_placed_between_its_neighbours_of_the_same_label():
    labels = np.array([0, 0, 0, 1, 1, 1, 1], np.int8)
    seconds = np.array([0, NAN, 60, NAN, 600, NAN, 1200])
    found, facts = holdouts.placed_in_time(np.arange(7), labels, seconds)
    assert found[1] == 30
    assert found[5] == 900
    assert np.isnan(found[3])  # nothing dated before it
    assert (facts["dated"], facts["placed"], facts["undated"]) == (4, 2, 1)
    assert facts["bracket_minutes"] == pytest.approx(np.percentile([1, 10], 95), abs=0.06)


def test_nothing_is_placed_in_a_file_out_of_order_or_in_a_gap_of_more_than_a_day():
    labels = np.zeros(6, np.int8)
    shuffled, _ = holdouts.placed_in_time(np.arange(6), labels, np.array([50, NAN, 10, 90, NAN, 20.0]))
    assert np.isnan(shuffled[[1, 4]]).all()
    gap, _ = holdouts.placed_in_time(np.arange(3), labels[:3], np.array([0, NAN, 2.0 * holdouts.DAY]))
    assert np.isnan(gap[1])


def test_what_lies_outside_the_time_of_both_labels_is_outside():
    labels, seconds = np.array([0, 0, 1, 0, 1, 0], np.int8), np.array([1, 5, 3, 7, 8, 9.0])
    assert holdouts.both_labels(labels, seconds).tolist() == [False, True, True, True, True, False]
    assert not holdouts.both_labels(np.zeros(3, np.int8), np.arange(3.0)).any()


def test_later_rows_are_strictly_later_and_every_day_is_balanced(twenty_days):
    labels, seconds = twenty_days
    split = holdouts.later(labels, seconds, test_rows=100, validation_rows=60, seed=3)
    assert seconds[split == TRAIN].max() // holdouts.DAY < seconds[split == VALIDATION].min() // holdouts.DAY
    assert seconds[split == VALIDATION].max() // holdouts.DAY < seconds[split == TEST].min() // holdouts.DAY
    assert [(split == TEST).sum(), (split == VALIDATION).sum()] == [100, 60]
    for day in range(20):
        of_day = (seconds // holdouts.DAY == day) & (split != holdouts.LEFT_OUT)
        assert labels[of_day].sum() * 2 == of_day.sum()
    assert len(np.unique(seconds[split == TEST] // holdouts.DAY)) == 2  # a tenth of the days
    assert np.array_equal(split, holdouts.later(labels, seconds, test_rows=100, validation_rows=60, seed=3))


def test_too_few_days_are_an_error_that_says_so(twenty_days):
    labels, seconds = twenty_days
    with pytest.raises(SourceError, match=r"on 1 days with both labels: too few for 10 test rows"):
        holdouts.later(labels, seconds % holdouts.DAY, test_rows=10, validation_rows=10, seed=1)
    with pytest.raises(SourceError, match=r"0 rows on 0 days"):
        holdouts.later(labels, np.full(len(labels), NAN), test_rows=10, validation_rows=10, seed=1)


def test_no_user_is_on_two_sides_and_unknown_ones_only_train():
    generator = np.random.default_rng(5)
    users = generator.integers(0, 200, 2_000).astype(np.uint64)
    labels = generator.integers(0, 2, 2_000).astype(np.int8)
    sizes = {"test": (60, 70), "validation": (40, 50)}
    split = holdouts.other_users(labels, users, sizes=sizes, seed=2)
    sides = [set(users[split == number]) for number in range(3)]
    assert 0 in sides[TRAIN]
    assert 0 not in sides[VALIDATION] | sides[TEST]
    assert not sides[TRAIN] & sides[TEST]
    assert not sides[TRAIN] & sides[VALIDATION]
    assert not sides[VALIDATION] & sides[TEST]
    for name, wanted in sizes.items():
        assert np.bincount(labels[split == SPLITS.index(name)]).tolist() == list(wanted)
    assert not set(users[split == holdouts.LEFT_OUT]) & sides[TRAIN]  # a test user's surplus rows do not train


def test_too_few_rows_with_a_user_are_an_error():
    sizes = {"test": (5, 5), "validation": (1, 1)}
    with pytest.raises(SourceError, match="2 rows of 1 users are too few"):
        holdouts.other_users(np.array([0, 1, 1]), np.array([7, 7, 0], np.uint64), sizes=sizes, seed=1)


def test_chosen_rows_come_first_and_every_split_is_complete():
    generator = np.random.default_rng(1)
    labels, first = generator.integers(0, 2, 500).astype(np.int8), generator.random(500) < 0.3
    split = generator.choice([0, 1, 2, holdouts.LEFT_OUT], 500).astype(np.uint8)
    place = holdouts.order(labels, split, first=first, seed=4)
    for number in range(3):
        assert sorted(place[split == number]) == list(range((split == number).sum()))
    assert (place[split == holdouts.LEFT_OUT] == -1).all()
    train = np.flatnonzero(split == TRAIN)[np.argsort(place[split == TRAIN])]
    early = 2 * np.bincount(labels[train][first[train]]).min()
    assert first[train[:early]].all()
    assert labels[train[:early]].tolist() == [0, 1] * (early // 2)
