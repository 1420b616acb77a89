import pytest

from serving.arrival import Arrival

POST = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "get": b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n",
    "length": POST + b"Content-Length: 5\r\n\r\n12345",
    "odd case": POST + b"content-LENGTH:5\r\n\r\n12345",
    "chunked": CHUNKED + b"3\r\nabc\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
    "many chunks": CHUNKED + b"3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n",
    "an end inside a chunk": CHUNKED + b"8\r\na\r\n0\r\n\r\n\r\n0\r\n\r\n",
    "an end of two zeros": CHUNKED + b"3\r\nabc\r\n00\r\n\r\n",
    "an end with a note": CHUNKED + b"3 ;a\r\nabc\r\n0 ; b=c\r\n\r\n",
    "empty chunks": CHUNKED + b"0\r\n\r\n",
}


def arrived(data, limit=1000):
    arrival = Arrival(0, limit)
    arrival.received += data
    return arrival


@pytest.mark.parametrize("name", WHOLE)
def test_a_request_is_complete_with_its_last_byte_and_not_before(name):
    arrival = Arrival(0, 1000)
    for byte in WHOLE[name]:
        assert not arrival.complete()
        arrival.received.append(byte)
    assert arrival.complete()


def test_what_is_too_large_is_not_waited_for():
    assert arrived(POST + b"Content-Length: 1001\r\n\r\n").complete()
    assert arrived(CHUNKED + b"" + b"x" * 70_000).complete()
    assert arrived(CHUNKED + b"11000\r\n" + b"x" * 68_000).complete()
    assert arrived(CHUNKED + b"0\r\n" + b"X: y\r\n" * 12_000).complete()
    assert arrived(b"GET /" + b"x" * 70_000).complete()


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"\r\n", b"0x0\r\n", b"3\r\nabcdefg\r\n"])
def test_chunks_that_are_none_are_not_waited_for(body):
    assert arrived(CHUNKED + body).complete()


def test_what_follows_the_last_chunk_is_not_waited_for():
    assert arrived(CHUNKED + b"3\r\nabc\r\n0\r\n\r\nGET /live").complete()


def test_a_client_that_asks_is_told_once_to_go_on():
    arrival = arrived(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert arrival.owes_continue()
    assert not arrival.owes_continue()
    arrival.received += b"{}"
    assert arrival.complete()
    assert arrival.received == POST + b"Content-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"GET /livez HTTP/1.1\r\n", ("GET", "/livez")),
        (b"HEAD /readyz?x HTTP/1.1\r\n\r\n", ("HEAD", "/readyz")),
        (b"GET /live", ("", "")),
        (b"", ("", "")),
        (b"\r\n\r\n", ("", "")),
    ],
)
def test_method_and_path_are_read_once_both_are_there(raw, expected):
    assert arrived(raw).head().first_line() == expected


def test_a_header_is_read_wherever_it_stands_and_a_body_is_none():
    head = arrived(POST + b"x-a:1\r\nB: x\r\nX-A: 2 \r\nContent-Length: 9\r\n\r\n\r\nX-A: 3\r\n").head()
    assert head.header("X-A") == "1,2"
    assert head.header("X") == ""
