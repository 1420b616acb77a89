"""What no HTTP library would send, to real workers: each gets an answer below 500, and none a thread for long."""

import json
import re
import socket
import subprocess
import sys
import types
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker
from live import raw, start_fake

from serving.gate import GatedWorker

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer key\r\nContent-Type: application/json\r\n"
BODY = b'{"text": "good"}'
HOST = b" HTTP/1.1\r\nHost: x\r\n"
KEY = b"Authorization: Bearer key\r\n"
LENGTH = b"Content-Length: 16\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
CLOSE = b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    # Few threads, so that a few clients that hold one each are enough; a small limit, so that the contract's are met.
    server = start_fake(
        tmp_path_factory.mktemp("raw"),
        WORKERS="1",
        THREADS="4",
        BODY_SECONDS="1",
        MAX_BODY_BYTES="100000",
        MAX_CHARACTERS="200",
        MAX_TEXTS="5",
        API_KEY="key",
    )
    yield server.wait_until_ready(workers=1)
    server.stop()
    assert not tracebacks(server)


def tracebacks(server):
    """Those in the log, but for a reload's: the model is none that could be loaded."""
    return [line for line in server.lines_with("") if "exception" in line and "stays" not in line["message"]]


def get(path, headers=b""):
    return b"GET " + path + HOST + KEY + headers + CLOSE


def post(headers, body=BODY):
    return POST + headers + b"\r\n" + body


SMUGGLED = {
    "a length and chunks": post(LENGTH + b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"),
    "chunks and a length": post(b"Transfer-Encoding: chunked\r\n" + LENGTH, b"10\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunked and identity": post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", b"0\r\n\r\n"),
    "nearly chunked": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "chunked, after a space": post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "chunks in HTTP/1.0": CHUNKED.replace(b"1.1", b"1.0") + b"10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "two lengths": post(LENGTH + b"Content-Length: 17\r\n"),
    "a list of lengths": post(b"Content-Length: 16, 16\r\n"),
    "a signed length": post(b"Content-Length: +16\r\n"),
    "a hexadecimal length": post(b"Content-Length: 0x10\r\n"),
    "a length in other digits": post("Content-Length: ١٦\r\n".encode()),
    "a length of 5,000 digits": post(b"Content-Length: " + b"9" * 5000 + b"\r\n"),
    "a folded length": post(b"Content-Length:\r\n 16\r\n"),
    "a chunk of negative size": CHUNKED + b"-10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk of size 0x10": CHUNKED + b"0x10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk of size 1_0": CHUNKED + b"1_0\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk of 400 digits": CHUNKED + b"f" * 400 + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a note with a line feed": CHUNKED + b"10;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n",
    "more chunks than are read": CHUNKED + b"1\r\n \r\n" * 11_000 + b"0\r\n\r\n",
    "a trailer that is no header": CHUNKED + b"10\r\n" + BODY + b"\r\n0\r\nbad trailer\r\n\r\n",
    "a bare return in a header": get(b"/livez", b"X-A: a\rX-B: b\r\n"),
    "a null byte in a header": get(b"/livez", b"X-A: a\x00b\r\n"),
    "a null byte in a cookie": get(b"/", b"Cookie: a=\x00\r\n"),
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two media types": post(b"Content-Type: text/plain\r\n" + LENGTH),
    "another protocol's first line": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
    "HTTP/0.9": b"GET /predict?text=good\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no address": b"GET " + HOST + CLOSE,
    "an address without a slash": get(b"livez"),
    "an address with a space": get(b"/predict?text=a b"),
    "an address of another host's brackets": get(b"http://[::1/livez"),
    "a method in lower case": b"get /" + HOST + CLOSE,
    "a method of 2,000 letters": b"A" * 2000 + b" /" + HOST + CLOSE,
    "raw bytes in the query": get(b"/predict?text=\xff"),
    "raw bytes in the page's query": get(b"/?\x97\x97"),
    "half a character raw, half percent-encoded": get(b"/predict?text=\xc3%A9"),
    "the same in the page's query": get(b"/?\xc3%A9"),
    "an expectation that nobody knows": post(b"Expect: 200-ok\r\n" + LENGTH),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_what_two_readers_could_read_differently_is_refused(server, name):
    status, head, body = raw(server, SMUGGLED[name])
    assert status == 400, body
    assert b"application/problem+json" in head
    assert json.loads(body)["type"] in ("/docs#malformed-request", "/docs#malformed-json")


ODD = {
    "an address with a host": (get(b"http://elsewhere/predict?text=good"), 200),
    "an address with a host only": (get(b"http://elsewhere"), 200),
    "OPTIONS *": (b"OPTIONS *" + HOST + CLOSE, 404),
    "TRACE": (b"TRACE /" + HOST + CLOSE, 405),
    "CONNECT": (b"CONNECT x:80" + HOST + CLOSE, 404),
    "QUERY": (b"QUERY /predict" + HOST + CLOSE, 405),
    "HEAD": (b"HEAD /predict?text=good" + HOST + KEY + CLOSE, 200),
    "HEAD of nothing": (b"HEAD /nowhere" + HOST + CLOSE, 404),
    "two slashes": (get(b"//predict?text=good"), 200),
    "two slashes within": (get(b"/static//style.css"), 404),
    "two slashes and a host": (get(b"//elsewhere/%2e%2e"), 404),
    "two slashes and a bracket": (get(b"//[::1/livez"), 404),
    "a slash too many": (get(b"/predict/"), 404),
    "a percent-encoded slash": (get(b"/livez%2f"), 404),
    "a null byte": (get(b"/static/%00"), 404),
    "a way out": (get(b"/static/..%2fapp.py"), 404),
    "a way out for Windows": (get(b"/static/..%5capp.py"), 404),
    "a long name": (get(b"/static/" + b"a" * 5000), 404),
    "3,000 parameters": (get(b"/predict?text=good&" + b"a&" * 3000), 422),
    "a fragment": (get(b"/predict?text=good#x"), 200),
    "raw UTF-8": (get("/predict?text=😀".encode()), 200),
    "no host": (b"GET /livez HTTP/1.1\r\n" + CLOSE, 400),
    "a host that is none": (get(b"/", b"").replace(b"Host: x", b"Host: a b<>'@[::"), 400),
    "a host that is no name of any script": (b"GET /docs HTTP/1.1\r\nHost: xn--a\r\n" + CLOSE, 200),
    "a host without a label": (b"GET /docs HTTP/1.1\r\nHost: xn--\r\n" + CLOSE, 200),
    "a key of raw bytes": (b"GET /predict?text=x" + HOST + b"Authorization: Bearer \xff\r\n" + CLOSE, 401),
    "a key of another scheme": (b"GET /predict?text=x" + HOST + b'Authorization: Digest "\r\n' + CLOSE, 401),
    "a cookie of raw bytes": (get(b"/", b'Cookie: a=\xff; b="\\400"\r\n'), 200),
    "a date that no calendar has": (
        get(b"/static/style.css", b"If-Modified-Since: Mon, 01 Jan 2020 00:00:00 +9999999999999999\r\n"),
        200,
    ),
    "a range that no number holds": (get(b"/static/style.css", b"Range: bytes=" + b"9" * 5000 + b"-\r\n"), 400),
    "quality that is no number": (get(b"/", b"Accept: \xff;q=nan, a/b;q=1e999\r\n"), 200),
    "a path of the server's": (get(b"/livez", b"SCRIPT_NAME: /livez\r\nPATH_INFO: /metrics\r\n"), 200),
    "a line of another answer": (get(b"/livez", b"X-Request-ID: a%0d%0aSet-Cookie:%20x=y\r\n"), 200),
    "a WebSocket": (get(b"/", b"Upgrade: websocket\r\n").replace(b"close", b"Upgrade, close"), 200),
    "an upgrade to what nobody speaks": (post(LENGTH + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"), 200),
    "an empty line before it": (b"\r\n" + get(b"/livez"), 200),
    "GET with a body": (get(b"/predict?text=good", LENGTH)[:-4] + b"\r\n\r\n" + BODY, 200),
    "a length of 400 digits": (post(b"Content-Length: " + b"9" * 400 + b"\r\n"), 413),
    "single bytes as chunks": (CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n", 200),
    "a chunk with a note": (CHUNKED + b"10;note=x\r\n" + BODY + b"\r\n0\r\n\r\n", 200),
    "an end of two zeros": (CHUNKED + b"10\r\n" + BODY + b"\r\n00\r\n\r\n", 200),
    "an end with a note": (CHUNKED + b"10\r\n" + BODY + b"\r\n0;note\r\n\r\n", 200),
    "a chunk that says it is longer": (CHUNKED + b"ff\r\n" + BODY + b"\r\n0\r\n\r\n", 408),
    "a zipped body": (post(b"Content-Encoding: gzip\r\n" + LENGTH), 415),
    "lines without returns": (b"GET /livez HTTP/1.1\nHost: x\n\n", 408),
    "100 kB of headers": (b"GET /" + HOST + b"X: x\r\n" * 17_000, 431),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_requests_get_an_answer_below_500(server, name):
    data, expected = ODD[name]
    status, head, body = raw(server, data)
    assert status == expected, body
    assert b"Set-Cookie" not in head
    assert b"Location" not in head


def everything(server, data):
    """All that comes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(data)
        return b"".join(iter(lambda: connection.recv(65536), b""))


BROKEN = {
    "a size that is none": b"zz\r\nx\r\n0\r\n\r\n",
    "a chunk that is longer than its size": b"1\r\nxyz\r\n0\r\n\r\n",
    "a note with a return": b"1;a\rb\r\nx\r\n0\r\n\r\n",
    "a trailer that is no header": b"0\r\nbad trailer\r\n\r\n",
    "chunks that end too soon": b"f\r\n" + b"x" * 15 + b"\r\nf\r\nx",
}
READERS = {
    "nobody": b"GET /livez" + HOST,
    "no route": b"POST /nowhere" + HOST,
    "a route that refuses the type": post(b"").replace(b"application/json", b"text/plain")[: -len(BODY) - 2],
    "a route": POST,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_body_gets_one_answer_and_ends_its_connection(server, name, reader):
    data = READERS[reader] + b"Transfer-Encoding: chunked\r\n\r\n" + BROKEN[name]
    answers = everything(server, data + b"\r\nGET /readyz" + HOST + CLOSE)
    assert answers.count(b"HTTP/1.1 ") == 1, answers
    assert not tracebacks(server)


LAST = {
    "a body that is too large": (post(b"Content-Length: 100001\r\n", b" " * 100_001), b"413"),
    "a body that is too large for who does not read it": (
        b"GET /livez" + HOST + b"Content-Length: 100001\r\n\r\n" + b" " * 100_001,
        b"200",
    ),
    "a length that is no number of bytes any more": (post(b"Content-Length: " + b"9" * 40 + b"\r\n"), b"413"),
    "chunks that are broken": (CHUNKED + b"zz\r\n", b"400"),
}


@pytest.mark.parametrize("name", LAST)
def test_an_answer_after_which_the_connection_is_closed_says_so(server, name):
    data, status = LAST[name]
    answer = everything(server, data + b"GET /livez" + HOST + b"\r\n")
    assert answer.split()[1] == status
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_is_refused_unread_leaves_its_connection_open(server):
    unread = post(b"Content-Length: 90000\r\n", b" " * 90_000).replace(b"application/json", b"text/plain")
    answers = everything(server, unread + b"GET /livez" + HOST + CLOSE)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"415", b"200"]


def test_only_a_client_that_may_go_on_is_told_to(server):
    expects = b"Expect: 100-continue\r\n"
    old = post(expects + LENGTH + b"Connection: close\r\n").replace(b"HTTP/1.1", b"HTTP/1.0")
    assert b" 100 " not in everything(server, old)
    assert b" 100 " not in everything(server, post(expects + b"Content-Length: 999999\r\n", b""))


HOLDING = {
    "a body that is refused and never comes": (POST + b"Content-Length: 999999\r\n\r\n", b"413"),
    "a chunk that never comes": (CHUNKED + b"ffff\r\n0\r\n\r\n", b"408"),
    "headers that never end": (b"GET /" + HOST + b"X: x\r\n" * 17_000, b"431"),
}


@pytest.mark.parametrize("name", HOLDING)
def test_what_a_client_owes_holds_no_thread(server, name):
    data, status = HOLDING[name]
    holders = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(100)]
    try:
        for connection in holders:
            connection.sendall(data)
        assert (
            server.predict("good")["label"] == "positive"
        )  # waiting for 25 clients a thread takes longer than this may
        assert {connection.recv(65536).split()[1] for connection in holders} == {status}
    finally:
        for connection in holders:
            connection.close()


def test_a_client_that_never_listens_is_let_go(monkeypatch):
    monkeypatch.setattr(ThreadWorker, "handle_request", lambda self, req, conn: conn.sock.sendall(bytes(10_000_000)))
    worker, connection = GatedWorker.__new__(GatedWorker), types.SimpleNamespace()
    worker.body_seconds = 0.05
    connection.sock, deaf = socket.socketpair()
    with connection.sock, deaf, pytest.raises(StopIteration):  # gunicorn's sign to close
        worker.handle_request(None, connection)


def test_every_answer_over_http_is_one_that_the_openapi_document_promises(server, tmp_path):
    command = [str(Path(sys.executable).with_name("schemathesis")), "run"]
    command += [f"http://127.0.0.1:{server.port}/openapi.json", "--header", "Authorization: Bearer key"]
    command += ["--generation-deterministic", "--max-examples", "30", "--no-color"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert "Tested: " in ended.stdout
