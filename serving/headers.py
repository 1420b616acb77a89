"""Headers of every answer: what OWASP's lists name for an API and a page, and who may call from another origin.

Strict-Transport-Security is for the proxy that speaks TLS: it alone knows whether the whole host does.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Request, Response

from serving.settings import Settings

_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
    ("X-Frame-Options", "DENY"),  # for browsers that do not know frame-ancestors
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
DATA = [*_ALWAYS, ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]
_PAGE = [
    *_ALWAYS,
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
]
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


def secured(app: Callable) -> Callable:
    """The WSGI application, whose answers let nothing be guessed, kept, framed or loaded from elsewhere."""

    def call(environ, start_response):
        def start(status, sent, exc_info=None):
            # Here, where they are strings: Werkzeug would check each of them, twice, for every answer.
            is_page = any(name == "Content-Type" and value.startswith("text/html") for name, value in sent)
            kept = [each for each in sent if each[0] != "Cache-Control"]  # Flask's, of a static file
            return start_response(status, kept + (_PAGE if is_page else DATA), exc_info)

        return app(environ, start)

    return call


def is_preflight(request: Request) -> bool:
    """Whether a browser asks if a page of another origin may make a call."""
    asked = "Origin" in request.headers and "Access-Control-Request-Method" in request.headers
    return request.method == "OPTIONS" and asked


def readable(origin: str | None, settings: Settings) -> dict[str, str]:
    """What lets pages of a listed origin read an answer (CORS); no cookie ever counts, so none is allowed."""
    listed = settings.cors_allow_origins
    if not origin or (listed != "*" and origin not in listed.split(",")):
        return {}
    return {
        "Access-Control-Allow-Origin": "*" if listed == "*" else origin,
        "Access-Control-Expose-Headers": "Retry-After, X-Request-ID",
    }


def share(request: Request, response: Response, settings: Settings) -> None:
    """Let pages of the listed origins read the answer, and make the call where they ask first."""
    response.vary.add("Origin")
    allowed = readable(request.headers.get("Origin"), settings)
    response.headers.update(allowed)
    if allowed and is_preflight(request):
        response.headers.update(_PREFLIGHT)
