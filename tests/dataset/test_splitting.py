import numpy as np
import pytest

from pipelines.dataset import splitting
from pipelines.dataset.provenance import SourceError

NONE = np.zeros(0, np.uint64)


def group(keys, labels, manual=NONE):
    return splitting.group(
        np.array(keys, np.uint64), np.array(labels, np.int8), manual_keys=np.array(manual, np.uint64)
    )


def test_each_row_has_one_fate_and_the_first_of_a_group_stays():
    groups = group([5, 5, 7, 9, 7, 5, 11, 11], [1, 1, 0, 0, 1, 1, 0, 0], manual=[11, 99])
    names = {splitting.KEPT: "k", splitting.DUPLICATE: "d", splitting.CONFLICT: "c", splitting.IN_MANUAL: "m"}
    assert "".join(names[fate] for fate in groups.fate) == "kdckcdmm"
    assert groups.counts == {
        "conflict_groups": 1,
        "conflict_rows": 2,
        "overlap_with_manual": 2,
        "duplicate_groups": 1,
        "duplicates_removed": 2,
        "kept": 2,
    }
    assert groups.largest[0] == (0, 3, 3)


def test_no_rows_make_no_groups():
    assert group([], []).counts["kept"] == 0


def test_sentiment140_gets_50000_test_and_20000_validation_rows_in_balance():
    sizes = splitting.split_sizes((741_000, 739_000), official=True, test_rows=None, validation_rows=None)
    assert sizes == {"test": (25_000, 25_000), "validation": (10_000, 10_000)}


def test_small_data_give_a_tenth_of_each_class():
    sizes = splitting.split_sizes((200, 50), official=True, test_rows=None, validation_rows=None)
    assert sizes == {"test": (20, 5), "validation": (20, 5)}


def test_asked_for_rows_keep_the_proportion_of_other_data_sets():
    sizes = splitting.split_sizes((300, 100), official=False, test_rows=40, validation_rows=20)
    assert sizes == {"test": (30, 10), "validation": (15, 5)}


@pytest.mark.parametrize(("kept", "test_rows"), [((2, 2), None), ((0, 50), None), ((100, 100), 300), ((100, 100), 0)])
def test_too_few_rows_are_an_error_that_names_both_numbers(kept, test_rows):
    with pytest.raises(SourceError, match=r"\d+ (negative|positive) rows are left .* ask for \d+"):
        splitting.split_sizes(kept, official=True, test_rows=test_rows, validation_rows=None)


def test_splits_are_disjoint_complete_and_of_the_asked_size():
    labels = np.array([0] * 600 + [1] * 400, np.int8)
    sizes = {"test": (60, 40), "validation": (30, 20)}
    split, place = splitting.assign(labels, sizes=sizes, seed=3)
    for number, name in enumerate(splitting.SPLITS):
        mine = split == number
        expected = sizes.get(name, (510, 340))
        assert np.bincount(labels[mine]).tolist() == list(expected)
        assert sorted(place[mine]) == list(range(sum(expected)))


def test_the_same_seed_gives_the_same_splits_and_another_one_others():
    labels = np.tile(np.array([0, 1], np.int8), 500)
    sizes = {"test": (50, 50), "validation": (50, 50)}
    first, again, other = (splitting.assign(labels, sizes=sizes, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize(("negative", "positive"), [(50, 50), (55, 45), (7, 3), (2, 1), (900, 100), (1, 0)])
def test_every_prefix_of_the_training_order_holds_the_classes_in_balance(negative, positive):
    order = splitting.interleave(negative, positive)
    assert sorted(order) == list(range(negative + positive))
    is_positive = order >= negative
    share = positive / (negative + positive)
    if share == 0.5:
        both = 2 * min(negative, positive)
        assert (is_positive[:both] == np.tile([False, True], both // 2)).all()
    else:
        drift = np.cumsum(is_positive) - share * np.arange(1, len(order) + 1)
        assert np.abs(drift).max() <= 1
