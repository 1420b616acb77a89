"""What the open parameters of 04_train become."""

import numpy as np
import pytest

from pipelines.model import plan

VECTORS = np.zeros((50, 600), np.float16)


@pytest.mark.parametrize(
    ("rows", "units", "offsets"), [(50_000, 64, False), (400_000, 128, False), (1_471_264, 128, True)]
)
def test_more_rows_carry_a_larger_network(rows, units, offsets):
    found = plan.network(VECTORS, rows=rows)
    assert (found.units, found.embedding_dimensions, found.word_offsets) == (units, units, offsets)
    assert (found.vocabulary_size, found.pretrained_dimensions) == VECTORS.shape


def test_what_is_asked_for_is_taken():
    found = plan.network(VECTORS, rows=1_471_264, units=32, embedding_dimensions=16, word_offsets=False)
    assert (found.units, found.embedding_dimensions, found.word_offsets) == (32, 16, False)
    assert plan.network(VECTORS, rows=50_000, units=32).embedding_dimensions == 32
    assert plan.training(rows=200_000, epochs=1, batch_size=7, learning_rate=0.1).as_dict()["batch_size"] == 7


def test_classic_reads_no_vectors():
    found = plan.network(VECTORS, rows=1_471_264, architecture="classic")
    assert (found.pretrained_dimensions, found.word_offsets) == (0, False)


def test_a_training_with_more_rows_has_fewer_epochs_and_larger_steps():
    recipes = [plan.training(rows=rows, learning_rate=0.003) for rows in (5_000, 50_000, 200_000, 1_471_264)]
    assert [one.epochs for one in recipes] == [8, 4, 3, 3]
    assert [one.batch_size for one in recipes] == [32, 256, 512, 1024]


@pytest.mark.parametrize("wrong", [{"units": 0}, {"embedding_dimensions": 0}, {"dense_units": -1}, {"layers": 0}])
def test_a_network_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        plan.network(VECTORS, rows=50_000, **wrong)


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"batch_size": 0}])
def test_a_training_of_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        plan.training(rows=50_000, learning_rate=0.003, **wrong)
