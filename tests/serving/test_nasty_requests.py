"""Nothing that a client sends gives a 5xx."""

import json

import pytest
from conftest import assert_problem
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving import body
from serving.problems import Problem

DEEP = 100_000

MALFORMED = {
    "nothing": b"",
    "half an object": b'{"text": "x"',
    "two values": b'{"text": "x"} {"text": "x"}',
    "a comma too many": b'{"text": "x",}',
    "single quotes": b"{'text': 'x'}",
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "an encoded surrogate": b'{"text": "\xed\xa0\x80"}',
    "UTF-16": '{"text": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"text": "x"}',
    "a raw null byte": b'{"text": "a\x00b"}',
    "only null bytes": b"\x00" * 1000,
    "a key twice": b'{"text": "x", "text": "y"}',
    "a key twice, further in": b'{"text": {"a": 1, "a": 2}}',
    "NaN": b'{"text": NaN}',
    "Infinity": b'{"text": -Infinity}',
    "deep arrays": b"[" * DEEP,
    "deep arrays, closed": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "deep text": b'{"text": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "an unterminated string of quotes": b'"' + b'\\"' * DEEP,
}
INVALID = {
    "an integer of 100,000 digits": b'{"text": ' + b"1" * DEEP + b"}",
    "an empty object": b"{}",
    "null": b"null",
    "a string": b'"text"',
    "a number": b"1",
    "an array": b'["x"]',
    "an array of objects": b'[{"text": "x"}]',
    "text is null": b'{"text": null}',
    "text is a number": b'{"text": 1}',
    "text is a huge number": b'{"text": 1e999}',
    "text is an integer of 4,000 digits": b'{"text": ' + b"1" * 4000 + b"}",
    "text is true": b'{"text": true}',
    "text is a list": b'{"text": ["x"]}',
    "text is an object": b'{"text": {"x": "y"}}',
    "text is a lone surrogate": b'{"text": "\\ud800"}',
    "text ends in a lone surrogate": b'{"text": "x\\udfff"}',
    "text is too long": json.dumps({"text": "x" * 10_001}).encode(),
    "text is 1 MB": json.dumps({"text": "x" * 1_000_000}).encode(),
    "texts is a string": b'{"texts": "x"}',
    "texts is null": b'{"texts": null}',
    "texts is empty": b'{"texts": []}',
    "texts holds null": b'{"texts": ["x", null]}',
    "texts holds a list": b'{"texts": [["x"]]}',
    "texts holds a lone surrogate": b'{"texts": ["x", "\\udc00"]}',
    "texts are too many": json.dumps({"texts": ["x"] * 257}).encode(),
    "text and texts": b'{"text": "x", "texts": ["x"]}',
    "an unknown key": b'{"text": "x", "lang": "en"}',
    "a misspelt key": b'{"txet": "x"}',
    "a key that is a lone surrogate": b'{"text": "x", "\\ud800": 1}',
    "a key of 100,000 characters": b'{"text": "x", "' + b"k" * DEEP + b'": 1}',
}


def post(client, data, content_type="application/json"):
    return client.post("/predict", data=data, content_type=content_type)


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_json_is_400(client, name):
    assert_problem(post(client, MALFORMED[name]), 400, "malformed-json")


@pytest.mark.parametrize("name", INVALID)
def test_what_is_not_the_schema_is_422_and_says_where(client, name):
    document = assert_problem(post(client, INVALID[name]), 422, "invalid-input")
    assert document["errors"]
    assert len(json.dumps(document)) < 5000  # what was wrong is not sent back at length


def test_the_wrong_place_is_named(client):
    document = post(client, b'{"texts": ["x", 5]}').get_json()
    assert document["errors"] == [{"where": "texts/1", "message": "Input should be a valid string"}]
    assert "texts/1" in document["detail"]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "😀"]
)
def test_other_media_types_are_415(client, content_type):
    assert_problem(post(client, b'{"text": "x"}', content_type), 415, "unsupported-media-type")


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]
)
def test_spellings_of_json_are_accepted(client, content_type):
    assert post(client, b'{"text": "x"}', content_type).status_code == 200


def test_a_body_over_the_limit_is_413_and_names_it(make_client):
    client = make_client(max_body_bytes=100)
    document = assert_problem(post(client, json.dumps({"text": "x" * 100})), 413, "body-too-large")
    assert document["max_body_bytes"] == 100
    assert post(client, json.dumps({"text": "x" * 80})).status_code == 200


def test_limits_of_texts_and_characters_are_the_settings(make_client):
    client = make_client(max_texts=2, max_characters=5)
    assert post(client, b'{"texts": ["12345", "1"]}').status_code == 200
    assert_problem(post(client, b'{"texts": ["1", "2", "3"]}'), 422, "invalid-input")
    assert_problem(post(client, b'{"text": "123456"}'), 422, "invalid-input")
    assert_problem(client.get("/predict?text=123456"), 422, "invalid-input")


@pytest.mark.parametrize("query", ["", "?txt=x", "?text=x&text=y", "?text=x&lang=en", "?text=" + "x" * 10_001])
def test_wrong_queries_are_422(client, query):
    assert_problem(client.get("/predict" + query), 422, "invalid-input")


@pytest.mark.parametrize("path", ["/predict?text=%FF", "/?input_str=%ED%A0%80", "/predict?text=%C0%80"])
def test_queries_that_are_not_utf8_are_400(client, path):
    assert_problem(client.get(path), 400, "malformed-request")


@pytest.mark.parametrize(
    "query", ["?text=", "?text=%00", "?text=%F0%9F%98%80", "?text=%", "?text=%zz", "?text=a;b", "?text"]
)
def test_odd_queries_are_answered(client, query):
    assert client.get("/predict" + query).status_code == 200


@pytest.mark.parametrize(
    "path", ["/%00", "/%FF", "/../../etc/passwd", "/static/../app.py", "/static/", "/predict/", "/😀"]
)
def test_odd_paths_are_404(client, path):
    assert_problem(client.get(path), 404, "not-found")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "texts"]) | st.text(), inner),
)


@given(JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_at_all_gives_a_5xx(client, data):
    assert post(client, data).status_code in (200, 400, 422)


@given(JSON)
@settings(max_examples=100, deadline=None)
def test_nesting_counts_brackets_outside_strings(value):
    def depth(of):
        if isinstance(of, dict):
            return 1 + max(map(depth, of.values()), default=0)
        return 1 + max(map(depth, of), default=0) if isinstance(of, list) else 0

    structure, whole = body.between_strings(json.dumps(value).encode(), most=10**6)
    assert whole
    assert body.nesting(structure, most=10**6) == depth(value)


@pytest.mark.parametrize(
    "sent", [b'""' * 500_000, b"[" + b"[]," * 300_000 + b"[]]", b"[" + b"1," * 500_000 + b"1]", b"[]" * 500_000]
)
def test_far_more_values_than_texts_are_refused_before_they_are_decoded(sent, monkeypatch):
    monkeypatch.setattr(body, "_DECODER", None)
    with pytest.raises(Problem) as refusal:
        body.parse_json(sent, 8, 256)
    assert refusal.value.status == 422
    assert refusal.value.members == {"max_texts": 256}
