import pytest

from serving.app import create_app
from serving.settings import Settings


class CountingPredictor:
    """Without TensorFlow: positive where the text has "good" in it."""

    model_version = "fake-1"
    labels = ("negative", "positive")
    threshold = 0.5

    def __init__(self):
        self.calls = []

    def score(self, texts):
        self.calls.append(list(texts))
        return [0.9 if "good" in text else 0.1 for text in texts]


@pytest.fixture
def predictor():
    return CountingPredictor()


@pytest.fixture
def make_client(predictor):
    """A test client of an application with these settings."""

    def make(**settings):
        return create_app(Settings(**settings), predictor).test_client()

    return make


@pytest.fixture
def client(make_client):
    return make_client()


def assert_problem(response, status, kind):
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.mimetype == "application/problem+json"
    document = response.get_json()
    assert document["type"] == f"/docs#{kind}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["X-Request-ID"]
    return document
