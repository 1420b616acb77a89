"""Looks for requests that the service answers with a 5xx, guided by the code that they reach.

    pip install atheris && python -m benchmarks.fuzz_requests -max_total_time=300

atheris is no dependency of the project. Options with one dash are libFuzzer's; a request that breaks the service is
kept as crash-… in the current folder, and given as an argument it is tried again. Whole requests come in here; how
bytes become one is fuzzed by `fuzz_bytes`.
"""

import io
import json
import logging
import sys

import atheris

with atheris.instrument_imports(include=["serving", "json", "werkzeug", "flask", "urllib"]):
    from serving import body
    from serving.app import create_app
    from serving.problems import Problem
    from serving.settings import Settings

PATHS = [
    "/predict",
    "/explain",
    "/",
    "/livez",
    "/static/page.js",
    "/docs",
    "/admin/reload",
    "/openapi.json",
    "/metrics",
]
METHODS = ["POST", "GET", "HEAD", "OPTIONS", "PUT", "TRACE"]
TYPES = ["application/json", "application/json; charset=utf-16", "text/plain", "multipart/form-data; boundary=x", ""]
HEADERS = [
    "HTTP_AUTHORIZATION",
    "HTTP_COOKIE",
    "HTTP_HOST",
    "HTTP_RANGE",
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_RANGE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_X_REQUEST_ID",
    "HTTP_CONTENT_ENCODING",
    "HTTP_ACCEPT",
    "HTTP_UPGRADE",
    "HTTP_CONNECTION",
    "CONTENT_TYPE",
]
SEEDS = (
    b'{"text": "a good day"}',
    b'{"texts": ["good", "\\ud83d\\ude00"]}',
    b'{"text": "\\ud800"}',
    b'{"text": 1e999, "text": NaN}',
    b"text=%F0%9F%98%80&input_str=a+b;c",
    b"Mon, 01 Jan 2020 00:00:00 +0000",
    b"bytes=0-1,5-",
)


class Echo:
    """A model that costs nothing, so that the time goes into the requests."""

    model_version, labels, threshold = "fuzz-1", ("negative", "positive"), 0.5

    def score(self, texts):
        return [len(text) % 2 / 1.0 for text in texts]


APP = create_app(Settings(max_body_bytes=4096, api_key="key", log_requests=False), Echo())


def call(environ: dict) -> int:
    """The status of the answer; its body must be what its media type says."""
    seen = {}

    def start_response(status, headers, exc_info=None):
        seen.update(status=int(status[:3]), headers=dict(headers))

    answer = b"".join(APP(environ, start_response))
    if "json" in seen["headers"].get("Content-Type", "") and environ["REQUEST_METHOD"] != "HEAD":
        json.loads(answer)
    return seen["status"]


def environ_of(data: bytes) -> dict:
    """A request out of arbitrary bytes, as gunicorn would hand it over: headers in latin-1, no line ends in them."""
    given = atheris.FuzzedDataProvider(data)
    headers = {
        given.PickValueInList(HEADERS): _line(given.ConsumeBytes(given.ConsumeIntInRange(0, 60)))
        for _ in range(given.ConsumeIntInRange(0, 3))
    }
    path = given.PickValueInList(PATHS) if given.ConsumeProbability() < 0.9 else "/" + _line(given.ConsumeBytes(40))
    query = _line(given.ConsumeBytes(given.ConsumeIntInRange(0, 80)))
    method, media_type = given.PickValueInList(METHODS), given.PickValueInList(TYPES)
    sent = given.ConsumeBytes(given.remaining_bytes())
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.input": io.BytesIO(sent),
        "wsgi.errors": sys.stderr,
        "CONTENT_LENGTH": str(len(sent)),
        "CONTENT_TYPE": media_type,
        "HTTP_AUTHORIZATION": "Bearer key",
        "HTTP_HOST": "x",
        **headers,
    }


def _line(data: bytes) -> str:
    return data.decode("latin-1").translate({0: None, 10: None, 13: None})


def try_one(data: bytes) -> None:
    """Bytes as JSON on its own, and as a whole request."""
    try:
        body.parse_json(data, 8, 256)
    except Problem as problem:
        if problem.status not in (400, 422):
            raise
    environ = environ_of(data)
    status = call(environ)
    assert 200 <= status < 500, (status, environ)


def main() -> None:
    logging.disable(logging.CRITICAL)  # the status says it
    for seed in SEEDS:
        try_one(seed)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
