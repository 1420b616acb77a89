"""The race's arithmetic, the levers' rounds, and what the page says of them."""

import dataclasses
import json
from time import perf_counter

import numpy as np
import pytest

from benchmarks import contestant as contestants
from benchmarks import levers, race, training_report, variants, vector_time
from pipelines.model.network import Configuration


def series(*looks):
    return [dict(zip(("seconds", "rows", "accuracy"), look, strict=True)) for look in looks]


def contestant(*looks):
    return {
        "series": series(*looks),
        "batch_size": 512,
        "tweets_per_second": 1234.0,
        "memory_mb": 900.0,
        "flops": 5e9,
        "peak_flops": 2e11,
        "device": "CPU",
    }


FACTS = training_report.Facts("d", "200000", 200_000, 20_000, (0.79,), 6, "python -m x", {"seconds": 40.0, "how": "y"})
OURS = contestant((5, 20_000, 0.7), (10.0, 50_000, 0.8))
WITHOUT = training_report.WITHOUT_VECTORS


def verdict(ours, classic, facts, *, without=OURS):
    return training_report.verdict({"classic": classic, "ours": ours, WITHOUT: without}, facts)


def test_time_to_an_accuracy_is_that_of_the_first_look_that_finds_it():
    looks = series((1, 100, 0.5), (2, 200, 0.79), (3, 300, 0.7), (4, 400, 0.8))
    assert race.time_to(looks, 0.79) == 2
    assert race.time_to(looks, 0.9) is None


def test_looks_are_a_second_or_a_twentieth_of_the_time_apart():
    assert race.next_look(2.0) == 3.0
    assert race.next_look(100.0) == 105.0


def test_speed_leaves_out_what_came_before_the_first_look():
    assert race.speed(series((10, 1_000, 0.5), (12, 3_000, 0.6), (14, 5_000, 0.7))) == 1_000
    assert race.speed(series((10, 1_000, 0.5))) == 100
    assert race.speed(series((8, 0, 0.5), (10, 1_000, 0.5), (12, 3_000, 0.6))) == 1_000
    assert race.speed(series((8, 0, 0.9))) == 0  # there before the first step


def test_flops_are_those_of_a_hand_count():
    small = {"vocabulary_size": 10, "embedding_dimensions": 3, "units": 2}
    one = 3 * 2 * 4 * 2 * (3 + 2)  # forward and twice backward; a product and a sum; four gates
    assert race.flops_per_token(Configuration(**small)) == 2 * one
    fixed = Configuration(**small, pretrained_dimensions=5)
    assert race.flops_per_token(fixed) == 2 * one + 2 * (2 * 5 * 3)  # both directions read the same projected words
    assert race.flops_per_token(fixed, projected=0.5) == 2 * one + 2 * 5 * 3 * 2 / 2
    stacked = 3 * 2 * 4 * 2 * (2 * 2 + 2)
    assert race.flops_per_token(Configuration(**small, layers=2)) == 2 * one + 2 * stacked
    second = 3 * 2 * 4 * 2 * (2 + 2)
    assert race.flops_per_token(Configuration(**small, architecture="classic")) == one + second


@pytest.fixture
def one():
    """A race of batches of 10 on 25 rows whose clock the test turns."""
    found = race.Race(lambda: accuracies.pop(0), batch_size=10, total=25, target=0.79, limit=60, started=perf_counter())
    accuracies = [0.5, 0.8]
    found.set_model(type("Model", (), {"stop_training": False})())
    return found


def test_the_first_look_is_before_the_first_step_and_there_is_one(one):
    one.on_train_begin()
    one.on_train_begin()  # of the second epoch
    assert [(look["rows"], look["accuracy"]) for look in one.series] == [(0, 0.5)]
    assert not one.over


def test_a_race_ends_at_its_target_and_counts_rows_over_epochs(one):
    one.on_train_batch_end(0)
    assert one.series == []  # not a second has passed
    one.started -= 1
    one.on_train_batch_end(2)
    one.on_epoch_end(0)
    assert not one.over
    one.started -= 1
    one.on_train_batch_end(0)
    assert [look["rows"] for look in one.series] == [25, 35]
    assert one.over
    assert one.model.stop_training


def test_a_race_ends_at_its_limit(one):
    one.started -= 61
    one.on_train_batch_end(0)
    assert one.over
    assert race.time_to(one.series, one.target) is None


def test_the_ratio_is_given_without_and_with_the_word_vectors():
    classic = contestant((100, 1_000, 0.79))
    text = "\n".join(verdict(OURS, classic, FACTS))
    assert "**10.0 times** as fast as classic" in text
    assert text.count("counted, 2.00 times") == 1
    assert "- To 79.0% ours without word vectors, with nothing made beforehand, was **10.0 times** as fast" in text
    assert "Word vectors: 40 s" in text


def test_who_never_gets_there_makes_the_ratio_a_bound():
    classic = contestant((300, 1_000, 0.76), (361, 2_000, 0.75))
    text = "\n".join(verdict(OURS, classic, FACTS))
    assert "**more than 36.1 times**" in text
    assert training_report.missed(classic, FACTS) == "not within 6 minutes, at best 76.0 %"
    slow_ours = contestant((90, 1_000, 0.7))
    text = "\n".join(verdict(slow_ours, classic, FACTS))
    assert "Ours did not reach 79.0%: not within its schedule of 90 s, at best 70.0 %. No ratio." in text


def test_every_target_has_its_own_time_and_ratio():
    facts = dataclasses.replace(FACTS, targets=(0.7, 0.79), vectors=None)
    classic = contestant((100, 1_000, 0.7), (360, 2_000, 0.75))
    there_at_once = "It was there before the first step: what it had counted was enough."
    assert verdict(OURS, classic, facts)[1:3] == [
        f"- To 70.0% ours was **20.0 times** as fast as classic. {there_at_once}",
        "- To 79.0% ours was **more than 36.0 times** as fast as classic.",
    ]
    line = training_report._contestant("classic", classic, facts)
    assert line["to 70.0%"] == "100.0 s, 1,000 rows (0.01 epochs)"
    assert line["to 79.0%"] == "not within 6 minutes, at best 75.0 %"


def test_levers_go_in_turn_and_one_that_fails_says_why():
    order = []

    def turn(name):
        order.append(name)
        return 1.0 if name == "ours" else 2.0

    def failing():
        raise ValueError("no such kernel\nand more")

    passes = {"ours": lambda: turn("ours"), "slow": lambda: turn("slow"), "failing": failing}
    found = levers.compared(
        levers.measure(passes, rounds=2), rows=100, seconds_at_peak={"ours": 0.5, "slow": 0.5, "failing": 0.5}
    )
    assert order == ["ours", "slow"] * 3
    assert [one.get("of_ours") for one in found] == [1.0, 0.5, None]
    assert [one.get("tweets_per_second") for one in found] == [100, 50, None]
    assert [one.get("of_peak") for one in found] == [0.5, 0.25, None]
    assert found[2]["error"] == "ValueError: no such kernel"
    assert len(levers.measure(passes, rounds=3, most_seconds=-1)[0]["seconds"]) == 1


def test_the_page_holds_all_figures():
    passes = {"ours": lambda: 1.0, "other": lambda: 4.0}
    measured = levers.compared(levers.measure(passes, rounds=1), rows=100, seconds_at_peak={"ours": 0.5, "other": 0.5})
    parts = {"ours": OURS, "classic": contestant((361, 2_000, 0.75)), WITHOUT: contestant((20, 100_000, 0.8))}
    parts |= {"levers": {"rows": 100, "levers": measured}}
    text = training_report.page(FACTS, parts)
    assert "| ours | 10.0 s, 50,000 rows (0.25 epochs) | 1,234 | 2.5% of 200 GFLOP/s | 900 MB |" in text
    assert "| ours-without-vectors | 20.0 s, 100,000 rows (0.50 epochs) |" in text
    assert "| classic | not within 6 minutes, at best 75.0 % |" in text
    assert "| other | 25 | 0.25 × [0.25, 0.25] | 12% |" in text
    assert "{" not in text


def test_a_gpu_is_not_held_against_the_processor():
    parts = {"ours": OURS | {"device": "NVIDIA X"}, "classic": OURS, WITHOUT: OURS, "levers": {"rows": 1}}
    measured = levers.measure({"ours": lambda: 1.0}, rounds=1)
    parts["levers"]["levers"] = levers.compared(measured, rows=1, seconds_at_peak=None)
    text = training_report.page(FACTS, parts)
    assert "| not known of NVIDIA X |" in text
    assert "| ours | 1 | 1.00 × [1.00, 1.00] | – |" in text


def test_ids_that_are_there_twice_in_a_batch_count_once(encoded):
    train = contestants.laid_out(encoded, variants.settings_of(encoded)[1], rows=100)
    found = [train[place][0] for place in range(len(train))]
    assert sum(map(len, found)) == 100
    tokens = sum((ids != 0).sum() for ids in found)
    assert race.different(train) == sum(len(set(ids.ravel().tolist())) for ids in found) / tokens
    assert 0 < race.different(train) < 0.5  # 30 words


def test_one_length_pads_all_rows_to_the_longest(encoded):
    from pipelines.dataset import tokens

    rows = tokens.open_encoded(encoded.encoded("train"))
    sequence = levers.OneLength(rows, batch_size=128, sequence_length=12, seed=1)
    assert {ids.shape for ids, _ in (sequence[place] for place in range(len(sequence)))} == {(128, 12), (44, 12)}
    assert sorted(sequence.order) == list(range(300))


def test_the_time_of_word_vectors_is_read_where_they_were_made(encoded):
    assert vector_time.known(encoded) is None
    cell = {
        "cell_type": "code",
        "source": ["folder = vectors.learned(\n"],
        "outputs": [],
        "metadata": {"papermill": {"duration": 12.5}},
    }
    notebook = encoded.folder / "03_tokenize.ipynb"
    notebook.write_text(json.dumps({"cells": [cell]}))
    assert vector_time.known(encoded)["seconds"] == 12.5
    cell["outputs"] = [{"text": ["word vectors: taken from x"]}]
    notebook.write_text(json.dumps({"cells": [cell]}))
    assert vector_time.known(encoded) is None


def test_a_mask_changes_no_score(encoded, monkeypatch):
    from pipelines.model import network

    configuration, _, word_vectors = variants.settings_of(encoded)
    small = Configuration(**configuration.as_dict() | {"units": 4, "embedding_dimensions": 4, "ngram_buckets": 64})
    model = network.build_network(small, word_vectors)
    model.get_layer("logit").kernel.assign(np.ones((small.dense_units, 1)))  # it starts at zero
    ids = np.array([[4, 5, 6, 0, 0], [7, 0, 0, 0, 0]])
    before = np.asarray(model(ids))
    assert np.abs(before - 0.5).max() > 0.001
    given = []
    levers.give_masks(model)
    lstm = model.get_layer("lstm_forward")
    call = lstm.call
    monkeypatch.setattr(lstm, "call", lambda words, mask=None, **more: given.append(mask) or call(words, mask=mask))
    np.testing.assert_allclose(np.asarray(model(ids)), before, atol=1e-6)
    np.testing.assert_array_equal(np.asarray(given[0]), ids != 0)
