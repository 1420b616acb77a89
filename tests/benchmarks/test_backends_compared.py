"""The benchmark of Keras's backends, on tiny data: those that are not installed are left out."""

import numpy as np

from benchmarks import backends


def test_the_backend_in_use_is_measured_and_told_beside_the_others(encoded, tmp_path):
    found = backends.measured(encoded, rows=200, scores=tmp_path / "scores.npy")
    assert (found["backend"], found["rows"], len(found["seconds"])) == ("tensorflow", 200, backends.EPOCHS)
    assert 0.5 < found["validation_accuracy"] <= 1
    assert np.load(tmp_path / "scores.npy").shape == (found["validation_rows"],)
    found["largest_difference"] = 0.0
    other = found | {"backend": "jax", "tweets_per_second": 2 * found["tweets_per_second"], "largest_difference": 2e-6}
    text = backends.page([found, other], run=encoded, command="python -m benchmarks.backends")
    assert "first 200 training rows of run 300 of tiny" in text
    assert "| 2.00 × |" in text
    assert "| 2e-06 |" in text


def test_the_fixed_word_vectors_are_kept(encoded):
    from benchmarks import contestant

    ready = contestant.ready(encoded, rows=200)
    before = ready.model.get_layer("embedding").table.numpy()
    ready.model.set_weights(backends.initial_weights(ready.model.weights))
    assert (ready.model.get_layer("embedding").table.numpy() == before).all()
    assert ready.model.get_layer("lstm_forward").get_weights()[0].std() > 0
