"""The calls that predict and explain. No TensorFlow here: the model is behind the slot."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import partial

from flask import Blueprint, Response, g, render_template, request

from serving import body, schema
from serving.explain import explain
from serving.predictor import Predictor, prediction
from serving.service import Service, needs_key, service

blueprint = Blueprint("predict", __name__)


class _Answer(Response):
    """A body that is here whole, with a length that is known: there is nothing to find out on the way to the client."""

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] == "HEAD":
            return super().__call__(environ, start_response)
        start_response(self.status, self.headers.to_wsgi_list())
        return self.response


@blueprint.post("/predict")
@needs_key
def predict_post() -> Response:
    """{"text": …} or {"texts": […]}."""
    own, asked = service(), request._get_current_object()  # looked up once: most calls are of this kind
    texts, single = schema.check(own.request_schema, body.read_json(asked, own.settings))
    return _answer(own, texts, single=single)


@blueprint.get("/predict")
@needs_key
def predict_get() -> Response:
    """?text=…, the same as a single POST."""
    texts, _ = schema.check(service().request_schema, body.read_query(request, "text"))
    return _answer(service(), texts, single=True)


@blueprint.post("/explain")
@needs_key
def explain_post() -> Response:
    """{"text": …}: its prediction, and which of its words pushed it which way."""
    own = service()
    text = schema.check_single(own.request_schema, body.read_json(request, own.settings))
    g.texts = [text]
    model = own.slot.get(wait=g.deadline - time.monotonic())
    score, words = explain(partial(model.score, deadline=g.deadline), text, own.settings.max_explained_words)
    # Not counted among the predictions: the same text is asked again, and its occluded forms nobody has written.
    answer = prediction(model.predictor, score) | {"words": [word.model_dump() for word in words]}
    return _respond(model.predictor, answer)


@blueprint.get("/")
def front() -> Response | str:
    """?input_str=…, an address that older users know; without it a page to try the model."""
    if "input_str" not in body.query(request):
        return render_template("page.html", settings=service().settings)
    service().require_key(request)  # not by `needs_key`: anybody may have the page
    texts, _ = schema.check(service().request_schema, body.read_query(request, "input_str", others=True))
    return _answer(service(), texts, single=True)


def _answer(own: Service, texts: Sequence[str], *, single: bool) -> Response:
    about = g._get_current_object()
    about.texts = texts
    model = own.slot.get(wait=about.deadline - time.monotonic())
    about.scores = scores = model.score(texts, deadline=about.deadline)
    own.metrics.count_read(scores)
    predictions = [prediction(model.predictor, score) for score in scores]
    own.metrics.count_predictions(predictions)
    return _respond(model.predictor, predictions[0] if single else {"predictions": predictions})


def _respond(predictor: Predictor, answer: dict[str, object]) -> Response:
    about = g._get_current_object()
    about.model_version = predictor.model_version
    origin = {"model_version": predictor.model_version, "request_id": about.request_id}
    return _Answer(json.dumps(answer | origin), content_type="application/json")
