"""A web server on loopback that misbehaves as it is told."""

import contextlib
import hashlib
import http.server
import threading

BODY = bytes(range(256)) * 4000


class Server(http.server.ThreadingHTTPServer):
    """Each request gets the next step of `script`, a function of the handler; the last step serves all further ones."""

    daemon_threads = True

    def __init__(self, *script):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script, self.requests = list(script), []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/file.zip"

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.close_connection = True
        server = self.server
        server.requests.append(dict(self.headers))
        step = server.script.pop(0) if len(server.script) > 1 else server.script[0]
        step(self)

    def log_message(self, *_):
        pass

    def start(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


@contextlib.contextmanager
def serving(*script):
    server = Server(*script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def sha256(body=BODY):
    return hashlib.sha256(body).hexdigest()


def whole(body=BODY, etag='"one"'):
    def answer(handler):
        handler.start(Content_Length=len(body), ETag=etag)
        handler.wfile.write(body)

    return answer


def broken_off(after, body=BODY, etag='"one"'):
    """Announces all of it and hangs up after some bytes."""

    def answer(handler):
        start = _asked_from(handler, etag)
        headers = {"Content_Length": len(body) - start, "ETag": etag}
        if start:
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        handler.start(206 if start else 200, **headers)
        handler.wfile.write(body[start : start + after])

    return answer


def resumable(body=BODY, etag='"one"'):
    return broken_off(len(body), body, etag)


def announcing(length, body=BODY):
    def answer(handler):
        handler.start(Content_Length=length)
        handler.wfile.write(body)

    return answer


def status(code, **headers):
    return lambda handler: handler.start(code, Content_Length=0, **headers)


def _asked_from(handler, etag):
    asked = handler.headers.get("Range")
    current = handler.headers.get("If-Range") in (None, etag)
    return int(asked.removeprefix("bytes=").removesuffix("-")) if asked and current else 0
