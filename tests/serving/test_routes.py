import json
import logging
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from conftest import assert_problem
from openapi_spec_validator import OpenAPIV31SpecValidator

from serving import problems, schema
from serving.app import create_app
from serving.settings import Settings
from serving.turn import Turn


def test_one_text_is_answered_with_label_probability_version_and_id(client):
    answer = client.post("/predict", json={"text": "a good day"})
    assert answer.status_code == 200
    assert answer.get_json() == {
        "label": "positive",
        "probability": 0.9,
        "model_version": "fake-1",
        "request_id": answer.headers["X-Request-ID"],
    }
    schema.Answer.model_validate_json(answer.data)


def test_many_texts_are_answered_in_their_order(client):
    answer = client.post("/predict", json={"texts": ["good", "bad", ""]})
    schema.BatchAnswer.model_validate_json(answer.data)
    assert [each["label"] for each in answer.get_json()["predictions"]] == ["positive", "negative", "negative"]


@pytest.mark.parametrize("address", ["/predict?text=a+good%20day", "/?input_str=a good day", "/?input_str=good&utm=x"])
def test_get_answers_as_a_single_post_does(client, address):
    answer = client.get(address)
    assert answer.get_json()["label"] == "positive"
    assert set(answer.get_json()) == {"label", "probability", "model_version", "request_id"}


def test_texts_reach_the_model_as_they_were_sent(client, predictor):
    texts = ["", " ", "a\x00b", "😀 é ‮right-to-left‬", "<script>", "x" * 10_000]
    assert client.post("/predict", json={"texts": texts}).status_code == 200
    assert predictor.calls == [texts]


def test_plus_and_percent_signs_of_a_query_are_decoded(client, predictor):
    client.get("/predict?text=1%2B1+%F0%9F%98%80")
    assert predictor.calls == [["1+1 😀"]]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_operation_calls_answer_json(client, path):
    assert client.get(path).status_code == 200
    assert client.get(path).is_json


def test_until_the_model_is_loaded_the_service_lives_but_is_not_ready(monkeypatch):
    monkeypatch.setattr("serving.loader.Loader.start", lambda *arguments, **more: None)
    client = create_app(Settings(request_seconds=0.05)).test_client()
    assert client.get("/livez").status_code == 200
    for answer in (client.get("/readyz"), client.post("/predict", json={"text": "x"})):
        assert_problem(answer, 503, "not-ready")
        assert answer.headers["Retry-After"]


def test_a_request_that_comes_while_the_model_is_loaded_waits_for_it(monkeypatch, predictor):
    monkeypatch.setattr("serving.loader.Loader.start", lambda *arguments, **more: None)
    app = create_app(Settings())
    threading.Timer(0.1, app.extensions["serving"].slot.fill, [predictor]).start()
    assert app.test_client().post("/predict", json={"text": "good"}).status_code == 200


def test_a_sane_request_id_is_kept_and_any_other_replaced(client):
    assert client.get("/livez", headers={"X-Request-ID": "abc-1.2_3"}).headers["X-Request-ID"] == "abc-1.2_3"
    for wrong in ("", "a b", "x" * 65, 'a"b', "é", "abc\u2028"):
        given = client.get("/livez", headers={"X-Request-ID": wrong.encode().decode("latin-1")}).headers["X-Request-ID"]
        assert given != wrong
        assert len(given) == 32


def test_unknown_addresses_name_those_that_are_known(client):
    document = assert_problem(client.get("/nowhere"), 404, "not-found")
    assert "/predict" in document["paths"]


@pytest.mark.parametrize(
    ("method", "path"), [("put", "/predict"), ("delete", "/predict"), ("post", "/livez"), ("patch", "/")]
)
def test_unaccepted_methods_name_the_accepted_ones(client, method, path):
    answer = getattr(client, method)(path)
    assert_problem(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_fault_of_the_service_is_a_problem_without_its_details(client, predictor, monkeypatch, caplog):
    monkeypatch.setattr(predictor, "score", lambda texts: 1 / 0)
    document = assert_problem(client.post("/predict", json={"text": "x"}), 500, "internal-error")
    assert "division" not in json.dumps(document)
    assert "division" in caplog.text


def test_with_an_api_key_only_its_holder_gets_predictions(make_client):
    client = make_client(api_key="schlüssel")
    right = {"Authorization": "Bearer schlüssel".encode().decode("latin-1")}
    for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}):
        for answer in (
            client.post("/predict", json={"text": "x"}, headers=wrong),
            client.get("/?input_str=x", headers=wrong),
        ):
            assert_problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert client.get("/readyz").status_code == 200
    assert client.post("/predict", json={"text": "x"}, headers=right).status_code == 200


def test_who_has_no_key_has_nothing_read(make_client):
    client = make_client(api_key="key")
    for path in ("/predict", "/explain"):
        assert_problem(client.post(path, data=b"no json"), 401, "unauthorized")
    assert_problem(client.get("/predict?nothing=x"), 401, "unauthorized")


def test_an_object_of_many_members_is_refused_before_each_is_told(client):
    many = {"text": "x"} | {str(number): 0 for number in range(100)}
    document = assert_problem(client.post("/predict", json=many), 422, "invalid-input")
    assert "101 members" in document["detail"]
    assert len(document["errors"]) == 1


def test_only_the_holder_of_the_key_can_reload(make_client):
    assert_problem(make_client().post("/admin/reload"), 403, "forbidden")
    assert_problem(make_client(api_key="key").post("/admin/reload"), 401, "unauthorized")


def test_no_log_line_holds_a_text(client, caplog):
    caplog.set_level(logging.DEBUG)
    secret = "my-secret-diary"
    client.post("/predict", json={"text": secret})
    client.get(f"/predict?text={secret}")
    client.get(f"/?input_str={secret}&x=1")
    client.post("/predict", json={"text": [secret], secret: 1})
    client.post("/predict", data=f'{{"{secret}', content_type="application/json")
    assert "request" in caplog.text
    assert not [record for record in caplog.records if secret in str(vars(record))]


def test_pages_may_load_and_be_framed_by_nothing_else(client):
    for answer in (client.get("/"), client.get("/docs")):
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_no_answer_is_kept_guessed_at_or_shared_with_other_origins(client):
    for answer in (client.get("/"), client.get("/predict?text=x"), client.get("/nowhere")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_openapi_document_is_valid_and_holds_every_address_and_limit(make_client):
    client = make_client(max_texts=7, max_characters=99, api_key="key")
    document = client.get("/openapi.json").get_json()
    OpenAPIV31SpecValidator(document).validate()
    known = {rule.rule for rule in client.application.url_map.iter_rules() if rule.endpoint != "static"}
    assert set(document["paths"]) == known
    texts = document["components"]["schemas"]["TextsRequest"]["properties"]["texts"]
    assert (texts["maxItems"], texts["items"]["maxLength"]) == (7, 99)


def test_the_openapi_document_names_the_key_wherever_it_is_needed_and_nowhere_else(make_client):
    client = make_client(api_key="key")
    for path, methods in client.get("/openapi.json").get_json()["paths"].items():
        for method, operation in methods.items():
            answer = client.open(f"{path}?input_str=x" if path == "/" else path, method=method)
            assert (answer.status_code == 401) == ("security" in operation)
    assert "security" not in make_client().get("/openapi.json").text


def test_the_documentation_page_explains_every_problem_and_setting(client):
    page = client.get("/docs").get_data(as_text=True)
    for kind in problems.KINDS:
        assert f'id="{kind}"' in page
    for name in Settings.model_fields:
        assert name.upper() in page


def test_pages_load_nothing_from_elsewhere(client):
    static = sorted(path.name for path in Path(client.application.static_folder).iterdir())
    assert {"page.js", "style.css"} <= set(static)
    for path in ("/", "/docs", *(f"/static/{name}" for name in static)):
        with client.get(path) as answer:
            assert answer.status_code == 200
            assert not re.search(r"(?<!:)//\w|https?://(?!localhost/)", answer.get_data(as_text=True))


def test_metrics_count_answers_refusals_and_texts(client):
    client.post("/predict", json={"texts": ["good", "bad"]})
    client.post("/predict", json={"texts": 1})
    exposition = client.get("/metrics").get_data(as_text=True)
    assert 'serving_requests_total{method="POST",route="/predict",status="200"} 1.0' in exposition
    assert 'serving_problems_total{kind="invalid-input"} 1.0' in exposition
    assert 'serving_texts_total{label="positive"} 1.0' in exposition


def test_the_time_to_an_answer_counts_from_the_requests_arrival(client):
    turn = Turn(time.monotonic() + 10)
    turn.since -= 100  # seconds in which it has waited for a thread
    client.get("/predict?text=x", environ_overrides={"serving.turn": turn})
    exposition = client.get("/metrics").get_data(as_text=True)
    assert float(re.search(r'serving_request_seconds_sum\{route="/predict"\} (\S+)', exposition)[1]) >= 100


def test_importing_the_service_imports_neither_tensorflow_nor_the_pipelines():
    code = "import sys, serving.app, serving.predict, serving.worker; print([*sys.modules])"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "serving.routes" in modules
    assert "'tensorflow'" not in modules
    assert "'pipelines'" not in modules


def test_the_page_shows_plain_defaults_and_what_is_in_force_here_but_no_secret(make_client):
    settings = {"rate_limit": 7, "log_texts": True, "api_key": "hush", "trusted_proxies": "10.9.0.0/16"}
    page = make_client(**settings).get("/docs").get_data(as_text=True)
    rows = {
        name: cells for name, *cells in re.findall(r"<code>([A-Z_]+)</code></td><td>(.*?)</td><td>(.*?)</td>", page)
    }
    assert (rows["RATE_LIMIT"], rows["LOG_TEXTS"]) == (["0", "7"], ["false", "true"])
    assert (rows["MODEL_THREADS"], rows["LOG_CLIENTS"]) == (["0", ""], ["false", ""])
    assert (rows["API_KEY"], rows["TRUSTED_PROXIES"]) == (["", "set"], ["", "set"])
    assert "hush" not in page
    assert "10.9" not in page


def test_the_document_promises_429_wherever_a_limit_gives_it(make_client):
    client, unlimited = make_client(rate_limit=1), make_client()
    paths = unlimited.get("/openapi.json").get_json()["paths"]
    promised = make_client(rate_limit=1).get("/openapi.json").get_json()["paths"]
    client.get("/docs")
    for path, methods in paths.items():
        for method, operation in methods.items():
            limited = client.open(path, method=method).status_code == 429
            assert limited == ("429" in promised[path][method]["responses"])
            assert "429" not in operation["responses"]
