import pytest

from serving.settings import Settings, SettingsError

PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def access(answer):
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def test_no_other_origin_may_call_unless_it_is_listed(make_client):
    client = make_client()
    headers = {"Origin": "https://a.example"}
    for answer in (
        client.get("/predict?text=x", headers=headers),
        client.options("/predict", headers=headers | PREFLIGHT),
    ):
        assert not access(answer)
        assert "Vary" not in answer.headers


def test_a_listed_origin_may_call_and_read_also_refusals(make_client):
    client = make_client(cors_allow_origins="https://a.example,http://b.example:8080", rate_limit=2)
    for origin in ("https://a.example", "http://b.example:8080"):
        answers = [client.get("/predict?text=x", headers={"Origin": origin}) for _ in range(3)]
        for answer in answers:
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert "Origin" in answer.headers["Vary"]
    assert answers[-1].status_code == 429
    assert "Retry-After" in answers[-1].headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize(
    "origin", ["https://b.example", "https://a.example.evil", "http://a.example", "null", "https://a.example:8443"]
)
def test_any_other_origin_is_told_nothing(make_client, origin):
    client = make_client(cors_allow_origins="https://a.example")
    for answer in (
        client.get("/predict?text=x", headers={"Origin": origin}),
        client.options("/predict", headers={"Origin": origin} | PREFLIGHT),
    ):
        assert not access(answer)
        assert "Origin" in answer.headers["Vary"]


def test_a_preflight_names_methods_and_headers_and_needs_neither_key_nor_token(make_client):
    client = make_client(cors_allow_origins="https://a.example", api_key="key", rate_limit=1)
    for _ in range(3):
        answer = client.options("/predict", headers={"Origin": "https://a.example"} | PREFLIGHT)
        assert answer.status_code == 200
        assert "POST" in answer.headers["Access-Control-Allow-Methods"]
        for name in ("Authorization", "Content-Type"):
            assert name in answer.headers["Access-Control-Allow-Headers"]


def test_a_wildcard_never_comes_with_credentials(make_client):
    client = make_client(cors_allow_origins="*")
    answer = client.get("/predict?text=x", headers={"Origin": "https://a.example", "Cookie": "a=b"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_calls_of_operators_are_shared_with_no_origin(make_client):
    client = make_client(cors_allow_origins="*", api_key="key")
    assert not access(client.post("/admin/reload", headers={"Origin": "https://a.example"}))
    assert not access(client.get("/metrics", headers={"Origin": "https://a.example"}))


@pytest.mark.parametrize(
    "wrong", ["a.example", "https://a.example/", "https://*.example", "*,https://a.example", "null"]
)
def test_what_is_no_origin_is_refused(wrong):
    with pytest.raises(SettingsError, match="is no origin"):
        Settings.from_environment({"CORS_ALLOW_ORIGINS": wrong})


@pytest.mark.parametrize("path", ["/", "/docs", "/predict?text=x", "/nowhere", "/livez", "/static/page.js"])
def test_every_answer_has_the_headers_of_owasps_list(make_client, path):
    with make_client().get(path) as answer:
        headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert len(headers.getlist("Content-Security-Policy")) == len(headers.getlist("Cache-Control")) == 1
