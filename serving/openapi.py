"""The OpenAPI 3.1 document, made from the classes of schema.py, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import current_app
from pydantic.json_schema import models_json_schema

from serving import schema
from serving.problems import KINDS
from serving.service import Service

_REFERENCE = "#/components/schemas/{model}"
_PAGE = {"text/html": {"schema": {"type": "string"}}}
_EXAMPLES = {
    "one text": {"value": {"text": "python is great"}},
    "many texts": {"value": {"texts": ["python is great", "my train is late again"]}},
}


def document(service: Service) -> dict[str, Any]:
    """The OpenAPI document of the current application's service, with its limits."""
    request_schema = service.request_schema.json_schema(ref_template=_REFERENCE)
    answers = (schema.Answer, schema.BatchAnswer, schema.Explanation, schema.ProblemDocument)
    models = [(model, "serialization") for model in answers]
    _, definitions = models_json_schema(models, ref_template=_REFERENCE)
    schemas = request_schema.pop("$defs") | definitions["$defs"] | {"PredictRequest": request_schema}
    components: dict[str, Any] = {"schemas": schemas}
    info = {
        "title": "Tweet sentiment",
        "version": "1",
        "description": "Is a short English text positive? Answers with P(positive). No input makes a 5xx, save 503 "
        "where too much is asked at once.",
    }
    whole = {
        "openapi": "3.1.0",
        "info": info,
        "paths": _model_paths(service) | _operation_paths(service),
        "components": components,
    }
    if service.settings.api_key:
        components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, method in _with_key():
            whole["paths"][path][method]["security"] = [{"key": []}]
    return whole


def _with_key() -> Iterator[tuple[str, str]]:
    """Path and method of each call that needs the key, by the marks of `needs_key`."""
    yield "/", "get"  # where it has an input_str
    for rule in current_app.url_map.iter_rules():
        if hasattr(current_app.view_functions[rule.endpoint], "needs_key"):
            yield from ((rule.rule, method.lower()) for method in rule.methods - {"HEAD", "OPTIONS"})


def _model_paths(service: Service) -> dict[str, Any]:
    longest = {"type": "string", "maxLength": service.settings.max_characters}
    either = {"anyOf": [_reference("Answer"), _reference("BatchAnswer")]}
    absent = {401: not service.settings.api_key, 429: not service.settings.rate_limit}
    refusals = tuple(status for status in (400, 401, 408, 413, 415, 422, 429, 431, 503) if not absent.get(status))
    query_refusals = tuple(status for status in refusals if status not in (413, 415))
    front = _operation(
        "front", "The older address of GET /predict; a page, without input_str", "Answer", query_refusals
    )
    front["parameters"] = [_parameter("input_str", longest, required=False)]
    front["responses"]["200"]["content"] |= _PAGE
    query = _operation("predictOne", "One text", "Answer", query_refusals)
    query["parameters"] = [_parameter("text", longest, required=True)]
    post = _operation("predict", "One text, or many", either, refusals) | _posted("PredictRequest", _EXAMPLES)
    most = service.settings.max_explained_words
    summary = f"One text, and which of its words pushed it which way (in groups, above {most} words)"
    one_text = {"one text": _EXAMPLES["one text"]}
    explain = _operation("explain", summary, "Explanation", refusals) | _posted("TextRequest", one_text)
    return {
        "/predict": {"post": post, "get": query},
        "/explain": {"post": explain},
        "/": {"get": front},
    }


def _operation_paths(service: Service) -> dict[str, Any]:
    unqueued = (400, 408, 431, 503)
    queued = (*unqueued, 429) if service.settings.rate_limit else unqueued  # every call but health checks
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "/livez": {"get": _operation("livez", "The process answers", {"type": "object"}, unqueued)},
        "/readyz": {"get": _operation("readyz", "The model is loaded and warmed up", {"type": "object"}, unqueued)},
        "/admin/reload": {"post": _reload(queued)},
        "/metrics": {"get": _plain("metrics", "Figures for Prometheus", text, unqueued)},
        "/openapi.json": {"get": _operation("openapi", "This document", {"type": "object"}, queued)},
        "/docs": {"get": _plain("docs", "This document, for people", _PAGE, queued)},
    }


def _reference(name: str) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=name)}


def _posted(model: str, examples: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(model), "examples": examples}}
    return {"requestBody": {"required": True, "content": content}}


def _parameter(name: str, of: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": of, "example": "python is great"}


def _operation(name: str, summary: str, answer: str | dict[str, Any], refusals: tuple[int, ...] = ()) -> dict[str, Any]:
    of = _reference(answer) if isinstance(answer, str) else answer
    return _plain(name, summary, {"application/json": {"schema": of}}, refusals)


def _reload(refusals: tuple[int, ...]) -> dict[str, Any]:
    summary = "Load whatever MODEL_URI names by now"
    operation = _operation("reload", summary, {"type": "object"}, (401, 403, *refusals))
    operation["responses"]["202"] = operation["responses"].pop("200")
    return operation


def _plain(name: str, summary: str, content: dict[str, Any], refusals: tuple[int, ...] = ()) -> dict[str, Any]:
    responses = {"200": {"description": summary, "content": content}}
    for status in refusals:
        titles = "; ".join(title for of_status, title in KINDS.values() if of_status == status)
        problem = {"application/problem+json": {"schema": _reference("ProblemDocument")}}
        responses[str(status)] = {"description": titles, "content": problem}
    return {"operationId": name, "summary": summary, "responses": responses}
