import json

import model_folder
import pytest
from conftest import assert_problem
from hypothesis import given
from hypothesis import strategies as st

from serving import explain, predictor, schema


def post(client, text):
    return client.post("/explain", json={"text": text})


def test_the_effect_of_a_word_is_what_leaving_it_out_takes_from_the_probability(client, predictor):
    answer = post(client, "a good day")
    assert answer.get_json() == {
        "label": "positive",
        "probability": 0.9,
        "words": [
            {"word": "a", "start": 0, "end": 1, "effect": 0.0},
            {"word": "good", "start": 2, "end": 6, "effect": 0.8},
            {"word": "day", "start": 7, "end": 10, "effect": 0.0},
        ],
        "model_version": "fake-1",
        "request_id": answer.headers["X-Request-ID"],
    }
    schema.Explanation.model_validate_json(answer.data)


def test_the_model_is_called_once_with_the_text_and_the_text_without_each_word(client, predictor):
    post(client, " a  good\nday ")
    assert predictor.calls == [[" a  good\nday ", " good\nday ", " a  day ", " a  good\n"]]


def test_a_word_that_occurs_twice_is_left_out_where_it_stands(client, predictor):
    assert [word["effect"] for word in post(client, "good good").get_json()["words"]] == [0.0, 0.0]
    assert predictor.calls == [["good good", "good", "good "]]


@pytest.mark.parametrize("text", ["", " ", "\u2003\n\t"])
def test_a_text_without_words_is_answered_without_any(client, text):
    answer = post(client, text).get_json()
    assert (answer["words"], answer["probability"]) == ([], 0.1)


def test_offsets_count_code_points_and_the_text_is_cut_nowhere_else(client):
    text = "😀 é‮good‬ 👍🏽"
    words = post(client, text).get_json()["words"]
    assert [text[word["start"] : word["end"]] for word in words] == text.split()
    assert [word["word"] for word in words] == text.split()


def test_a_longer_text_goes_in_as_many_groups_of_neighbours_as_the_setting_allows(make_client, predictor):
    answer = post(make_client(max_explained_words=3), "a b c  d good").get_json()
    assert [word["word"] for word in answer["words"]] == ["a", "b c", "d good"]
    assert [word["effect"] for word in answer["words"]] == [0.0, 0.0, 0.8]
    assert list(map(len, predictor.calls)) == [4]


@given(st.text(max_size=60), st.integers(1, 5))
def test_of_any_text_every_word_is_left_out_once(text, most):
    places = explain.spans(text, most)
    assert len(places) == min(len(text.split()), most)
    assert " ".join(text[start:end] for start, end in places).split() == text.split()
    for place in places:
        left = explain.without(text, place).split()
        assert len(left) + len(text[slice(*place)].split()) == len(text.split())


def test_many_texts_are_not_explained(client):
    document = assert_problem(client.post("/explain", json={"texts": ["a", "b"]}), 422, "invalid-input")
    assert document["errors"][0]["where"] == "texts"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b'{"text": 1}', 422, "invalid-input"),
        (b'{"text": "x", "words": 3}', 422, "invalid-input"),
        (json.dumps({"text": "x" * 10_001}).encode(), 422, "invalid-input"),
        (b'{"text"', 400, "malformed-json"),
        (b'{"text": "' + b"x" * 1_048_576 + b'"}', 413, "body-too-large"),
    ],
)
def test_limits_are_those_of_predict(client, body, status, kind):
    assert_problem(client.post("/explain", data=body, content_type="application/json"), status, kind)


def test_the_key_is_that_of_predict(make_client):
    client = make_client(api_key="key")
    assert_problem(post(client, "x"), 401, "unauthorized")
    answer = client.post("/explain", json={"text": "x"}, headers={"Authorization": "Bearer key"})
    assert answer.status_code == 200


def test_occluded_texts_are_no_predictions_in_the_metrics(client):
    post(client, "a good day")
    exposition = client.get("/metrics").get_data(as_text=True)
    assert 'serving_requests_total{method="POST",route="/explain",status="200"} 1.0' in exposition
    assert "serving_probability_count 0.0" in exposition
    assert "serving_texts_total{" not in exposition


def test_effects_of_an_exported_model_are_differences_of_its_scores(tmp_path):
    model = predictor.load(model_folder.export(tmp_path / "saved_model"))
    probability, words = explain.explain(model.score, "a good day, good but bad", 64)
    assert probability == pytest.approx(3 / 5)
    assert [word.effect for word in words] == pytest.approx([0, 1 / 10, 0, 1 / 10, 0, -3 / 20], abs=1e-6)
