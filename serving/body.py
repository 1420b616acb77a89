"""Reads what a client sent into plain values. Nothing here trusts a byte of it."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from flask import Request
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.wsgi import get_content_length

from serving.problems import Problem
from serving.settings import Settings

# A whole string, or what is left of one that never ends; possessive, so that no input makes it slow.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OTHER_VALUES = 64  # keys, brackets, and a few texts too many, which are told by their number
_LARGE = 65_536  # bytes: reading them takes milliseconds, in which many threads would leave the main one no turn
_ONE_AT_A_TIME = threading.Lock()
_CUT_OFF = "The body is broken, or ended before its announced length."
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(request: Request, settings: Settings) -> object:
    """The JSON value of a request's body.

    Raises:
        Problem: unsupported-media-type, body-too-large, malformed-request or malformed-json.
    """
    if request.environ.get("CONTENT_TYPE") != "application/json" and not request.is_json:
        sent = request.content_type or "nothing"
        raise Problem("unsupported-media-type", f"Content-Type was {sent[:100]}; send application/json.")
    coding = request.environ.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.strip().lower() != "identity":
        detail = f"Content-Encoding was {coding[:100]}; send the body as it is."
        raise Problem("unsupported-media-type", detail, headers={"Accept-Encoding": "identity"})
    received = _read_bytes(request, settings)
    with _ONE_AT_A_TIME if len(received) > _LARGE else contextlib.nullcontext():
        return parse_json(received, settings.max_json_depth, settings.max_texts)


def _read_bytes(request: Request, settings: Settings) -> bytes:
    limit, length = settings.max_body_bytes, get_content_length(request.environ)
    if (length or 0) > limit:
        raise _too_large(limit)
    try:
        # Of a known length it needs none of Werkzeug's streams.
        received = request.get_data(cache=False) if length is None else request.environ["wsgi.input"].read(length)
    except (HTTPException, OSError):  # Werkzeug's, and that of `WholeRequest` where a client has ended too early
        raise Problem("malformed-request", _CUT_OFF) from None
    except ParseException as error:  # gunicorn's, for what follows the last chunk
        raise Problem("malformed-request", f"The body could not be read: {error}"[:300]) from None
    if len(received) > limit:
        raise _too_large(limit)
    if len(received) < (length or 0):
        raise Problem("malformed-request", _CUT_OFF)
    return received


def _too_large(limit: int) -> Problem:
    return Problem("body-too-large", f"At most {limit} bytes are accepted.", max_body_bytes=limit)


def parse_json(body: bytes, max_depth: int, max_texts: int) -> object:
    """Strict JSON: UTF-8, no NaN, no key twice, not too deep, no more of it than so many texts need.

    >>> parse_json(b'{"text": "hi"}', 8, 256)
    {'text': 'hi'}
    """
    most = max_texts + _OTHER_VALUES
    structure, whole = between_strings(body, most=most)
    if nesting(structure, most=2 * most) > max_depth:
        detail = f"JSON nested deeper than {max_depth} levels is not accepted."
        raise Problem("malformed-json", detail, max_json_depth=max_depth)
    # While the decoder is at work no other thread of this process is: a megabyte of empty lists takes it 0.3 s.
    if not whole or sum(map(structure.count, b",[{")) > most:
        detail = f"The body has far more values than the {max_texts} texts that are accepted."
        raise Problem("invalid-input", detail, max_texts=max_texts)
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Problem("malformed-json", f"The body is not UTF-8 (byte {error.start}).") from None
    except ValueError as error:
        raise Problem("malformed-json", f"The body is not JSON: {error}") from None


def between_strings(body: bytes, *, most: int) -> tuple[bytes, bool]:
    """What stands outside strings, up to the first `most` of them, and whether that is all."""
    parts, start = [], 0
    for number, string in enumerate(_STRING.finditer(body)):
        if number == most:
            return b"".join(parts), False
        parts.append(body[start : string.start()])
        start = string.end()
    return b"".join([*parts, body[start:]]), True


def nesting(structure: bytes, *, most: int) -> int:
    """Levels of brackets, in the first `most` of them, in what stands outside strings."""
    brackets = structure.translate(None, _NOT_BRACKETS)[:most]
    return max(accumulate((1 if bracket in b"[{" else -1 for bracket in brackets), initial=0))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")


# No number is accepted anywhere; Python would fail on the length of an int, and advise to change that.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=float)


def query(request: Request) -> MultiDict[str, str]:
    """The query's parameters.

    Raises:
        Problem: malformed-request for what is not UTF-8; Werkzeug fails on it, or puts other characters in its place.
    """
    try:
        unquote(request.query_string.decode("utf-8"), errors="strict")  # both as sent and as meant
    except UnicodeDecodeError:
        raise Problem("malformed-request", "The query is not UTF-8, percent-encoded.") from None
    return request.args


def read_query(request: Request, name: str, *, others: bool = False) -> dict[str, object]:
    """The one query parameter as {"text": value}, read strictly.

    Args:
        request: with ?name=value.
        name: of the parameter.
        others: whether further parameters are let through unread.

    Raises:
        Problem: malformed-request for what is not UTF-8, invalid-input for a missing, repeated or unknown parameter.
    """
    sent = query(request)
    unknown = sorted(set(sent) - {name})
    if unknown and not others:
        raise Problem("invalid-input", f"The query parameter {unknown[0][:50]!r} is unknown; {name!r} is accepted.")
    values = sent.getlist(name)
    if len(values) != 1:
        raise Problem("invalid-input", f"Exactly one query parameter {name!r} is needed; {len(values)} came.")
    return {"text": values[0]}
