"""Training batches."""

import numpy as np
import pytest

from pipelines.dataset.batches import BucketedBatches
from pipelines.dataset.buckets import bucket_edges
from pipelines.dataset.tokens import EncodedRows


@pytest.fixture
def encoded():
    lengths = np.random.default_rng(0).integers(1, 41, 500)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.random.default_rng(1).integers(1, 99, offsets[-1]).astype(np.uint16)
    return EncodedRows(ids, offsets, (np.arange(500) % 2).astype(np.int8), np.arange(500))


def test_every_row_stands_in_one_batch_and_labels_follow(encoded):
    batches = BucketedBatches(encoded, batch_size=32, sequence_length=40, seed=3)
    assert sorted(batches.order.tolist()) == list(range(500))
    labels = np.concatenate([batches[n][1][:, 0] for n in range(len(batches))])
    assert labels.tolist() == encoded.labels[batches.order].tolist()


def test_all_batches_but_one_are_full_and_of_one_shape_a_bucket(encoded):
    batches = BucketedBatches(encoded, batch_size=32, sequence_length=40, seed=3)
    shapes = [batches[n][0].shape for n in range(len(batches))]
    assert sorted(rows for rows, _ in shapes) == [500 % 32, *[32] * (500 // 32)]
    assert len(set(shapes)) <= len(bucket_edges(40)) + 1


def test_a_batch_is_right_padded_tight_and_has_no_empty_row(encoded):
    batches = BucketedBatches(encoded, batch_size=32, sequence_length=40, seed=3)
    edges = bucket_edges(40)
    for n in range(len(batches)):
        ids, labels = batches[n]
        assert ids.dtype == np.int32
        assert labels.dtype == np.float32
        real = ids != 0
        # cuDNN's conditions: padding on the right only, and no row of nothing but padding.
        assert (np.diff(real.astype(int), axis=1) <= 0).all()
        assert real[:, 0].all()
        shorter = [edge for edge in edges if edge < ids.shape[1]]
        # Fewer rows than a batch came from the buckets below.
        assert (real.sum(axis=1) > (shorter[-1] if shorter else 0)).any()


def test_an_epoch_s_order_depends_on_seed_and_epoch_alone(encoded):
    first, second = (BucketedBatches(encoded, batch_size=32, sequence_length=40, seed=3) for _ in range(2))
    start = first.order.copy()
    second.start_epoch(5)
    first.start_epoch(5)
    assert first.order.tolist() == second.order.tolist()
    assert first.order.tolist() != start.tolist()


def test_scoring_order_can_be_undone(encoded):
    batches = BucketedBatches(encoded, batch_size=64, sequence_length=40)
    firsts = np.concatenate([batches[n][0][:, 0] for n in range(len(batches))])
    undone = np.empty(500, int)
    undone[batches.order] = firsts
    assert undone.tolist() == encoded.ids[encoded.offsets[:-1]].tolist()


def test_a_batch_size_below_one_is_refused(encoded):
    with pytest.raises(ValueError, match="batch_size 0"):
        BucketedBatches(encoded, batch_size=0, sequence_length=40)
