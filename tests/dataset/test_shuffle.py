import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.dataset.shuffle import BucketShuffle

SCHEMA = pa.schema([("value", pa.int64())])


def test_rows_come_out_in_the_order_of_their_places_whatever_order_they_came_in(tmp_path):
    places = np.random.default_rng(0).permutation(1000)
    shuffle = BucketShuffle(tmp_path / "buckets", SCHEMA, 1000, bucket_rows=64)
    for piece in np.array_split(np.arange(1000), 7):
        shuffle.add(pa.table({"value": pa.array(piece)}, schema=SCHEMA), places[piece])
    shuffle.write(tmp_path / "out.parquet")
    values = pq.read_table(tmp_path / "out.parquet")["value"].to_numpy()
    assert np.array_equal(places[values], np.arange(1000))
    assert list((tmp_path / "buckets").iterdir()) == []


@pytest.mark.parametrize("places", [[0, 1, 1], [0, 1]])
def test_a_place_that_is_taken_twice_or_never_is_an_error(tmp_path, places):
    shuffle = BucketShuffle(tmp_path / "buckets", SCHEMA, 3)
    shuffle.add(pa.table({"value": pa.array(places)}, schema=SCHEMA), np.array(places))
    with pytest.raises(RuntimeError, match="not each place once"):
        shuffle.write(tmp_path / "out.parquet")


def test_no_rows_make_an_empty_file(tmp_path):
    BucketShuffle(tmp_path / "buckets", SCHEMA, 0).write(tmp_path / "out.parquet")
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 0
