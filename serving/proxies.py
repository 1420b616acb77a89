"""Who the client is, where trusted proxies stand in front: they say so in X-Forwarded-For and -Proto."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable

from werkzeug.middleware.proxy_fix import ProxyFix

_SCHEMES = ("http", "https")


def behind(app: Callable, trusted: str) -> Callable:
    """The WSGI application with the client's own address and scheme.

    Args:
        app: to wrap.
        trusted: the number of proxies in front, their networks with commas, or nothing: then no header is believed.
    """
    if not trusted:
        return app
    if trusted.isdecimal():
        return ProxyFix(_checked(app), x_for=int(trusted), x_proto=int(trusted))
    return FromNetworks(app, trusted)


def networks(trusted: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The networks in a list with commas.

    Raises:
        ValueError: one is none.
    """
    return [ipaddress.ip_network(each.strip()) for each in trusted.split(",")]


def host_of(hop: str) -> str:
    """The address in an entry of X-Forwarded-For, where some proxies also write the client's port.

    >>> host_of("192.0.2.1:5060"), host_of("[2001:db8::1]:5060"), host_of("2001:db8::1"), host_of("unknown")
    ('192.0.2.1', '2001:db8::1', '2001:db8::1', 'unknown')
    """
    found = re.fullmatch(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+", hop)
    return (found[1] or found[2] or "") if found else hop


def _checked(app: Callable) -> Callable:
    def call(environ, start_response):
        environ["REMOTE_ADDR"] = host_of(environ.get("REMOTE_ADDR", ""))
        if environ.get("wsgi.url_scheme") not in _SCHEMES:
            environ["wsgi.url_scheme"] = environ["werkzeug.proxy_fix.orig"]["wsgi.url_scheme"]
        return app(environ, start_response)

    return call


class FromNetworks:
    """Walks X-Forwarded-For from its end, past trusted proxies, to the first address that none of them is."""

    def __init__(self, app: Callable, trusted: str):
        self._app, self._networks = app, networks(trusted)
        self._trusts = functools.lru_cache(maxsize=1024)(self._look_up)

    def __call__(self, environ, start_response):
        if self._trusts(environ.get("REMOTE_ADDR", "")):
            environ["REMOTE_ADDR"] = self._client(environ["REMOTE_ADDR"], environ.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip()
            if scheme in _SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)

    def _client(self, peer: str, forwarded: str) -> str:
        for hop in reversed([host_of(hop.strip()) for hop in forwarded.split(",")]):
            trusts = self._trusts(hop)
            if trusts is None:  # no address: nobody trusted wrote this, or all that is before it
                break
            peer = hop
            if not trusts:
                break
        return peer

    def _look_up(self, address: str) -> bool | None:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return None
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network for network in self._networks)
